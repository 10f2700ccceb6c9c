"""``globaldns certs check``: whether certificates are whole, and clusters share their root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from globaldns.cli.check import verdict
from globaldns.cli.findings import count, print_findings
from globaldns.cli.invocation import Invocation, local_options
from globaldns.cli.output import ABSENT, OutputFormat, format_table, print_structured
from globaldns.model.claim import format_time
from globaldns.model.finding import Finding, Severity
from globaldns.tasks import wall_clock
from globaldns.trust.roots import Bundle, Comparison, Standing, compare_roots
from globaldns.trust.validity import Fault

COLUMNS = ("CLUSTER", "ROOT", "SUBJECT", "EXPIRES", "STATE")


class RootReport(msgspec.Struct, frozen=True):
    """A root, for programs."""

    fingerprint: str
    """SHA-256 of its DER octets, in hexadecimal digits."""
    subject: str
    expires: str
    """RFC 3339."""


class BundleReport(msgspec.Struct, frozen=True):
    """What a cluster believes, for programs."""

    cluster: str
    state: Standing
    reason: str
    """Why its roots are not known; empty: they are."""
    roots: tuple[RootReport, ...]


@click.command()
@click.argument(
    "paths", metavar="[FILE|DIR]...", nargs=-1, type=click.Path(path_type=Path, readable=False)
)
@click.option("--strict", is_flag=True, help="Exit with 3 on warnings too.")
@local_options
@click.pass_obj
@click.pass_context
def check(
    context: click.Context, invocation: Invocation, paths: tuple[Path, ...], *, strict: bool
) -> None:
    """Check certificates, and that all have the same root.

    DIR is what certs init or certs intermediate wrote, FILE roots in PEM. Without any, the roots
    of the configured clusters are compared, by ConfigMap istio-ca-root-cert of each; a cluster
    that cannot be read is a warning.
    """
    if paths:
        bundles, comparison, findings = check_paths(tuple(dict.fromkeys(paths)), wall_clock())
    else:
        bundles, comparison, findings = check_clusters(invocation, wall_clock())
    if invocation.output is OutputFormat.TABLE:
        click.echo(format_table(COLUMNS, to_rows(bundles, comparison)))
        click.echo()
        print_findings(findings)
        click.echo(summarise(findings, len(bundles), "path" if paths else "cluster"))
    else:
        reports = [report_bundle(bundle, comparison) for bundle in bundles]
        print_structured({"clusters": reports, "findings": findings}, invocation.output)
    context.exit(verdict(findings, strict=strict))


Checked = tuple[Sequence[Bundle], Comparison, Sequence[Finding]]


def check_paths(paths: Sequence[Path], now: int) -> Checked:
    """Return what is wrong with the certificates at some paths."""
    # Here, because only these commands need what reads certificates.
    from globaldns.trust.verification import verify_path  # noqa: PLC0415

    verified = [verify_path(path, now) for path in paths]
    bundles = [one.bundle for one in verified]
    # Why one could not be read is a fault of the file already.
    comparison = compare_roots([bundle for bundle in bundles if bundle.roots], now)
    faults = (*(fault for one in verified for fault in one.faults), *comparison.faults)
    return bundles, comparison, [to_finding(fault, is_file=True) for fault in faults]


def check_clusters(invocation: Invocation, now: int) -> Checked:
    """Return how the roots of the configured clusters compare."""
    # Here, for the same reason.
    from globaldns.app.roots import read_roots  # noqa: PLC0415

    bundles = read_roots(invocation.load_config())
    comparison = compare_roots(bundles, now)
    findings = [to_finding(fault, is_file=False) for fault in comparison.faults]
    return bundles, comparison, findings


def to_finding(fault: Fault, *, is_file: bool) -> Finding:
    """Return a fault as a finding; its place is a file's or a cluster's."""
    return Finding(
        Severity.ERROR if fault.is_fatal else Severity.WARNING,
        fault.code,
        fault.reason,
        file=fault.place if is_file else "",
        cluster="" if is_file else fault.place,
        hint=fault.hint,
    )


def to_rows(bundles: Sequence[Bundle], comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each root of each cluster, and of clusters of which none is known."""
    for bundle in bundles:
        state = comparison.standings.get(bundle.cluster, Standing.UNKNOWN)
        if not bundle.roots:
            yield (bundle.cluster, ABSENT, ABSENT, ABSENT, state)
        for root in bundle.roots:
            expires = format_time(root.validity.expires)
            yield (bundle.cluster, root.short, root.subject, expires, state)


def report_bundle(bundle: Bundle, comparison: Comparison) -> BundleReport:
    """Return what programs read of a cluster."""
    return BundleReport(
        bundle.cluster,
        comparison.standings.get(bundle.cluster, Standing.UNKNOWN),
        bundle.reason,
        tuple(
            RootReport(root.fingerprint, root.subject, format_time(root.validity.expires))
            for root in bundle.roots
        ),
    )


def summarise(findings: Sequence[Finding], number: int, noun: str) -> str:
    """Return ``N errors, M warnings in K clusters``."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counted = (count(errors, "error"), count(len(findings) - errors, "warning"))
    return f"{', '.join(counted)} in {count(number, noun)}"
