"""The wall clock, as far as it can be believed."""

from __future__ import annotations

from collections.abc import Callable

from globaldns.tasks import ClockGuard, steady_clock, wall_clock


class BelievedClock:
    """Tells the wall clock's time, and once somebody set that, the time it would tell otherwise.

    So nothing that is decided ever jumps by a year; that nothing new is dated meanwhile is for who
    asks ``disagreement`` to see to.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], int] = wall_clock,
        steady: Callable[[], float] = steady_clock,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._guard = ClockGuard(wall(), steady())

    def now(self) -> int:
        """Return Unix seconds."""
        wall, steady = self._wall(), self._steady()
        if self._guard.disagreement(wall, steady) is None:
            return wall
        return self._guard.wall + int(steady - self._guard.steady)

    def disagreement(self) -> str | None:
        """Return why the wall clock cannot be believed now; None if it can."""
        return self._guard.disagreement(self._wall(), self._steady())
