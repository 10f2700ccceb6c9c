"""How often others have taken back what we wrote: who always does owns the place, in peace.

A place that is found without what we wrote there, although nothing else was wished meanwhile, was
reverted. After a few times in an hour it is left alone until the hour is over, or something else is
wished there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Target
from globaldns.stubs.shapes import Change, Wish

MOST = 3
"""Times in a window; an upgrade of the platform is one."""
WINDOW_SECONDS = 3600.0


class Reverts:
    """Those of one cluster, in the memory of who writes."""

    def __init__(self) -> None:
        self._told: dict[Target, Stub] = {}
        self._at: dict[Target, list[float]] = {}

    def note(self, changes: Iterable[Change], wishes: Mapping[Target, Wish], now: float) -> None:
        """Note what was written; ``now`` is steady time."""
        for change in changes:
            place, stub = change.place, wishes[change.place].stub
            if self._told.get(place) != stub:
                self._at.pop(place, None)
            elif change.is_needed:
                self._at.setdefault(place, []).append(now)
            self._told[place] = stub

    def contested(self, wishes: Mapping[Target, Wish], now: float) -> dict[Target, float]:
        """Return the places that are left alone for now, and until when, in steady time."""
        ends: dict[Target, float] = {}
        for place, times in self._at.items():
            times[:] = [at for at in times if now < at + WINDOW_SECONDS]
            is_same = place in wishes and wishes[place].stub == self._told[place]
            if is_same and len(times) >= MOST:
                ends[place] = times[-MOST] + WINDOW_SECONDS
        return ends
