"""``globaldns serve``: run until told to stop."""

from __future__ import annotations

import os
from contextlib import suppress

import click

from globaldns.admin.listening import Listening
from globaldns.cli.findings import config_findings, look_at_files, print_findings
from globaldns.cli.invocation import Invocation, config_options
from globaldns.cli.program import ExitCode, report
from globaldns.cli.remote import reachable
from globaldns.config.loading import inspect
from globaldns.config.values import split_listen


@click.command()
@click.option(
    "--new-ledger",
    is_flag=True,
    help="Begin an empty ledger where the old one is lost: hosts may get other VIPs.",
)
@click.option(
    "--takeover",
    is_flag=True,
    help="Follow the server that runs: it ends when this one answers, and no query is lost.",
)
@config_options
@click.pass_obj
@click.pass_context
def serve(
    context: click.Context, invocation: Invocation, *, new_ledger: bool, takeover: bool
) -> None:
    """Answer DNS."""
    path = invocation.config_path()
    loaded = inspect(path, os.environ, look_at_files)
    if loaded.config is None:
        problems = (*loaded.problems, *loaded.warnings)
        print_findings(config_findings(path, problems), to_stderr=True)
        context.exit(ExitCode.FAILED)
    from globaldns.app.hosting import host  # noqa: PLC0415 - only this command needs the servers

    code = host(
        path,
        loaded.config,
        new_ledger=new_ledger,
        takeover=takeover,
        announce=announce,
        refuse=lambda error: report(error, debug=invocation.debug),
    )
    context.exit(code)


def announce(listening: Listening) -> None:
    """Print where it listens and what to try; nobody may be there to read it."""
    tls = f", {', '.join(listening.tls)} (TLS)" if listening.tls else ""
    with suppress(OSError):
        click.echo(f"answering DNS on {', '.join(listening.dns)} (UDP and TCP){tls}")
        click.echo(f"admin endpoint  http://{listening.admin}")
        click.echo(f"try             {dig_line(listening)}")


def dig_line(listening: Listening) -> str:
    """Return the first ``dig`` line to try."""
    host, port = split_listen(listening.dns[0])
    return f"dig @{reachable(host)} -p {port} {listening.name}"
