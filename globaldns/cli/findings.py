"""Findings on paper: one line each, sorted by place, then how many there were."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import msgspec

from globaldns.cli.output import Tone, paint
from globaldns.config.problem import Problem
from globaldns.config.schema import Config
from globaldns.model.finding import Finding, Severity

_TONES = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.DOUBTFUL}


def config_findings(path: Path, problems: Iterable[Problem]) -> list[Finding]:
    """Return the problems of a configuration, and what is doubtful of it, as findings."""
    return [
        Finding(
            Severity.ERROR if problem.is_fatal else Severity.WARNING,
            problem.code,
            problem.reason,
            file=show_path(path),
            line=problem.line,
            path="" if problem.path == "$" else problem.path,
            hint=problem.hint,
        )
        for problem in problems
    ]


def look_at_files(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the files of DNS over TLS, where it is on, and of Envoys."""
    if config.dns.tls.certificate is not None:
        # Here, because few have TLS, and what reads certificates is half of what a command imports.
        from globaldns.dns.certificate import certificate_problems  # noqa: PLC0415
        from globaldns.tasks import wall_clock  # noqa: PLC0415

        yield from certificate_problems(config.dns.tls, wall_clock())
    if config.envoy.directory is not None:
        from globaldns.app.pemfiles import missing_problems  # noqa: PLC0415  # few have these too

        yield from missing_problems(config.envoy)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by file and line; those of one place with the errors first."""
    return sorted(findings, key=lambda f: (f.file, f.line, f.severity, f.object, f.path, f.code))


def fold_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is the same of several clusters, and stands in no file, once with all of them."""
    clusters: dict[Finding, list[str]] = {}
    for finding in findings:
        is_folded = finding.cluster and not finding.file
        bare = msgspec.structs.replace(finding, cluster="") if is_folded else finding
        clusters.setdefault(bare, []).append(finding.cluster)
    return [
        msgspec.structs.replace(bare, cluster=", ".join(dict.fromkeys(sorted(named))))
        for bare, named in clusters.items()
    ]


def print_findings(findings: Sequence[Finding], *, to_stderr: bool = False) -> None:
    """Print one line per finding, its severity coloured on a terminal."""
    stream = sys.stderr if to_stderr else sys.stdout
    for finding in sort_findings(findings):
        word = paint(finding.severity, _TONES[finding.severity], stream=stream)
        line = str(finding).replace(f": {finding.severity}:", f": {word}:", 1)
        click.echo(line, file=stream)


def summarise(findings: Sequence[Finding], *, files: int) -> str:
    """Return ``N errors, M warnings in F files``; the files are those that were read."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counted = (
        count(errors, "error"),
        count(len(findings) - errors, "warning"),
    )
    return f"{', '.join(counted)} in {count(files, 'file')}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it must be."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show_path(path: Path) -> str:
    """Return a path as it is shortest to write from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
