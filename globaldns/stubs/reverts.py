"""How often others have taken back what we wrote: who always does owns the place, in peace.

A place that is found without what we wrote there, although nothing else was wished meanwhile, was
reverted. After a few times in an hour it is left alone until the hour is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from globaldns.coredns.targets import Target
from globaldns.stubs.shapes import Change, Wish

MOST = 3
"""Times in a window; an upgrade of the platform is one."""
WINDOW_SECONDS = 3600.0


class Reverts:
    """Those of one cluster, in the memory of who writes."""

    def __init__(self) -> None:
        self._told: dict[Target, Wish] = {}
        self._at: dict[Target, list[float]] = {}

    def note(self, changes: Iterable[Change], wishes: Mapping[Target, Wish], now: float) -> None:
        """Note what was written; ``now`` is steady time."""
        for change in changes:
            place, wish = change.place, wishes[change.place]
            if change.is_needed and self._told.get(place) == wish:
                self._at.setdefault(place, []).append(now)
            self._told[place] = wish

    def contested(self, now: float) -> frozenset[Target]:
        """Return the places that are left alone for now."""
        for place, times in self._at.items():
            self._at[place] = [at for at in times if now < at + WINDOW_SECONDS]
        return frozenset(place for place, times in self._at.items() if len(times) >= MOST)
