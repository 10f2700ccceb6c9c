"""The command line: the one place that prints.

A command's module is imported when the command is named, so that each pays for itself only.
"""

from __future__ import annotations

import click

from globaldns import __version__
from globaldns.cli.invocation import reading_options
from globaldns.cli.program import Program

PLACES = {
    "init": "globaldns.cli.init:init",
    "serve": "globaldns.cli.serve:serve",
    "check": "globaldns.cli.check:check",
    "list": "globaldns.cli.listing:list_services",
    "explain": "globaldns.cli.explain:explain",
    "query": "globaldns.cli.query:query",
    "vip": "globaldns.cli.vip:vip",
    "cluster": "globaldns.cli.cluster:cluster",
    "certs": "globaldns.cli.certs:certs",
    "export": "globaldns.cli.export:export",
    "diff": "globaldns.cli.apply:diff",
    "apply": "globaldns.cli.apply:apply",
    "stub": "globaldns.cli.stub:stub",
    "envoy": "globaldns.cli.envoy:envoy",
    "vm": "globaldns.cli.vm:vm",
    "demo": "globaldns.cli.demo:demo",
    "schema": "globaldns.cli.about:schema",
    "version": "globaldns.cli.about:version",
    "completion": "globaldns.cli.about:completion",
}
"""Where each command is, in the order of a first day with it."""


@click.group(cls=Program, places=PLACES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="globaldns %(version)s")
@reading_options
def main() -> None:
    """Authoritative DNS with stable virtual IPs for a mesh of Kubernetes clusters."""
