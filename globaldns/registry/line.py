"""Hosts in line for a number: numbered some at a time, so that no turn is long.

A cluster that is read for the first time brings 100,000 at once; what a turn has numbered is
written and answered while the rest waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from globaldns.model.host import Host


class Line:
    """Hosts that wait, served in sorted order."""

    def __init__(self) -> None:
        self._waiting: set[Host] = set()
        self._sorted: list[Host] = []
        """The same, last first; empty: to be sorted anew."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def among(self, hosts: AbstractSet[Host]) -> set[Host]:
        """Return those of some hosts that wait."""
        return self._waiting & hosts

    def join(self, hosts: Iterable[Host]) -> None:
        """Have hosts wait; those that do already keep their place."""
        before = len(self._waiting)
        self._waiting.update(hosts)
        if len(self._waiting) != before:
            self._sorted = []

    def serve(self, most: int, first: AbstractSet[Host] = frozenset()) -> list[Host]:
        """Return the hosts whose turn it is, sorted, and let them go.

        In front are those of ``first``, however many: they had a number until now.
        """
        urgent = sorted(self._waiting & first)
        if urgent:
            self._waiting.difference_update(urgent)
            self._sorted = []
        if not self._sorted:
            self._sorted = sorted(self._waiting, reverse=True)
        served = self._sorted[: -most - 1 : -1]
        del self._sorted[-most:]
        self._waiting.difference_update(served)
        return urgent + served
