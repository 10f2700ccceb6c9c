"""``globaldns check``: every problem of the configuration and the manifests at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from globaldns.cli.findings import (
    config_findings,
    fold_findings,
    look_at_files,
    print_findings,
    sort_findings,
    summarise,
)
from globaldns.cli.invocation import Invocation, local_options
from globaldns.cli.output import OutputFormat, print_structured
from globaldns.cli.program import ExitCode
from globaldns.config.loading import inspect
from globaldns.config.schema import Config
from globaldns.model.finding import Finding, Severity


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 3 on warnings too.")
@local_options
@click.pass_obj
@click.pass_context
def check(context: click.Context, invocation: Invocation, *, strict: bool) -> None:
    """Report every problem of the configuration and the manifests."""
    findings, files = gather(invocation)
    if invocation.output is OutputFormat.TABLE:
        folded = fold_findings(findings)
        print_findings(folded)
        click.echo(summarise(folded, files=files))
    else:
        print_structured(sort_findings(findings), invocation.output)
    context.exit(verdict(findings, strict=strict))


def gather(invocation: Invocation) -> tuple[Sequence[Finding], int]:
    """Return all findings, and how many files were read."""
    path = invocation.config_path()
    loaded = inspect(path, os.environ, look_at_files)
    found = config_findings(path, (*loaded.problems, *loaded.warnings))
    if loaded.config is None:
        return found, 1
    # Here, because a broken configuration is told without all that reads manifests.
    from globaldns.app.offline import look_offline  # noqa: PLC0415
    from globaldns.app.routes import find_hidden, find_taken, find_unreached  # noqa: PLC0415
    from globaldns.tasks import wall_clock  # noqa: PLC0415

    mesh = look_offline(loaded.config, wall_clock())
    found += [*mesh.findings(), *_find_unwritable(loaded.config), *find_hidden(mesh)]
    return [*found, *find_unreached(mesh), *find_taken(mesh)], mesh.files + 1


def _find_unwritable(config: Config) -> Sequence[Finding]:
    if config.clusters[config.cluster].source.kubernetes is None:
        return ()
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.rights import writing_findings  # noqa: PLC0415

    return writing_findings(config)


def verdict(findings: Sequence[Finding], *, strict: bool) -> ExitCode:
    """Return 3 where something was found that matters."""
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities or (strict and severities):
        return ExitCode.FOUND
    return ExitCode.FINE
