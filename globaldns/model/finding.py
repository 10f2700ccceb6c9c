"""What is wrong with a configuration, a manifest or an object, for ``check`` and for the log."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Errors are what is refused or unreadable; warnings are conflicts and what Istio warns of."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One problem, with its place and remedy."""

    severity: Severity
    code: str
    """Stable, kebab-case, for programs."""
    reason: str
    """Lower case, no full stop."""
    file: str = ""
    line: int = 0
    """Counts from 1; 0 is unknown."""
    object: str = ""
    """``Kind namespace/name``."""
    path: str = ""
    """JSON path inside the object: ``$.spec.ports[0].name``."""
    hint: str = ""
    cluster: str = ""

    def __str__(self) -> str:
        """Return the line that ``check`` prints."""
        place = f"{self.file}:{self.line}" if self.line else self.file or self.cluster
        subject = f" {self.object}:" if self.object else ""
        where = f" {self.path}:" if self.path else ""
        fix = f" (fix: {self.hint})" if self.hint else ""
        return f"{place}: {self.severity}:{subject}{where} {self.reason}{fix} [{self.code}]"
