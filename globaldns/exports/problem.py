"""What is wrong inside one object, before it is known in which cluster and file."""

from __future__ import annotations

import msgspec

from globaldns.errors import InvalidObject
from globaldns.model.export import Transport
from globaldns.model.finding import Finding, Severity
from globaldns.objects import ObjectKey


class Problem(msgspec.Struct, frozen=True, gc=False):
    """A refusal or a warning, with its place in the object."""

    code: str
    """Stable, kebab-case, for programs."""
    path: str
    reason: str
    hint: str = ""
    severity: Severity = Severity.ERROR


def warning(code: str, path: str, reason: str, hint: str = "") -> Problem:
    """Return a problem that refuses nothing."""
    return Problem(code, path, reason, hint, Severity.WARNING)


def not_routed(path: str, number: int, transport: Transport) -> Problem:
    """Return the warning that a mesh routes TCP only."""
    return warning(
        "not-routed",
        path,
        f"port {number}/{transport.value} is in DNS (SRV) only, as a mesh routes TCP alone",
    )


def as_problem(error: InvalidObject) -> Problem:
    """Return the problem that an error tells of."""
    return Problem(error.code, error.path, str(error), error.hint)


def report(problem: Problem, *, key: ObjectKey, file: str, cluster: str) -> Finding:
    """Return the finding that people see."""
    return Finding(
        severity=problem.severity,
        code=problem.code,
        reason=problem.reason,
        file=file,
        object=str(key),
        path=problem.path,
        hint=problem.hint,
        cluster=cluster,
    )
