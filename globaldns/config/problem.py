"""One thing that is wrong with a configuration file, and where."""

from __future__ import annotations

import re

import msgspec

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, with its place and remedy."""

    path: str
    """JSON path: ``$.dns.listen[0]``."""
    reason: str
    """Lower case, no full stop; has the value where there is one."""
    hint: str = ""
    line: int = 0
    """Counts from 1; 0 is unknown."""
    code: str = "config"
    """Stable, kebab-case, for programs."""
    is_fatal: bool = True
    """Whether the configuration cannot be used for it; otherwise it is a warning."""

    def __str__(self) -> str:
        """Return the finished line."""
        line = f" (line {self.line})" if self.line else ""
        fix = f" (fix: {self.hint})" if self.hint else ""
        return f"{self.path}{line}: {self.reason}{fix}"


def join(path: str, key: str | int) -> str:
    """Return the path of a key, or of a list's element, below a path."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f'{path}["{key}"]'


def is_within(path: str, above: str) -> bool:
    """Whether a path is another one or lies below it."""
    return path == above or path.startswith((f"{above}.", f"{above}["))
