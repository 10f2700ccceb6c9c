"""Hosts that wait for a write: the newest change is served first. Pure.

Whoever looks is looking for what they have just changed. What is told again and again waits once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from globaldns.model.host import Host


class Pending:
    """The hosts, and those that are to be looked at again later."""

    def __init__(self) -> None:
        self._waiting: dict[Host, None] = {}
        self._later: list[tuple[float, Host]] = []
        self._due: dict[Host, float] = {}
        """When each of those is to be looked at; others in the heap are out of date."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, host: Host) -> bool:
        """Whether a host waits now."""
        return host in self._waiting

    def note(self, hosts: Iterable[Host]) -> None:
        """Have hosts wait, the last of them in front of all others."""
        for host in hosts:
            self._waiting.pop(host, None)
            self._waiting[host] = None

    def note_at(self, host: Host, at: float) -> None:
        """Have a host wait from a time on, unless it does so earlier."""
        if at < self._due.get(host, float("inf")):
            self._due[host] = at
            heapq.heappush(self._later, (at, host))

    def take(self, now: float) -> Host | None:
        """Return the next host, and let it go; None: none waits now."""
        while self._later and self._later[0][0] <= now:
            at, host = heapq.heappop(self._later)
            if self._due.get(host) == at:
                del self._due[host]
                self.note((host,))
        if not self._waiting:
            return None
        host, _ = self._waiting.popitem()
        return host

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._later.clear()
        self._due.clear()
