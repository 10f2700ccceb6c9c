"""Clocks, waiting between attempts, and keeping long-running coroutines alive."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

logger = logging.getLogger(__name__)

MAX_DRIFT_SECONDS = 3600
"""No clock is corrected by more in its ordinary life: beyond it somebody set it."""
_MAX_DOUBLINGS = 32
"""Keeps the power within a float; every maximum is reached long before."""


def wall_clock() -> int:
    """Return the Unix time in whole seconds: what claims and views are dated with."""
    return time.time_ns() // 1_000_000_000


def steady_clock() -> float:
    """Return seconds since boot: nobody sets it, and it runs on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait before the next attempt: doubling up to a maximum, shortened by chance."""

    initial: float = 0.5
    """Seconds."""
    maximum: float = 30.0
    """Seconds."""
    jitter: float = 0.5
    """The share of a wait that chance may take away, so that a crowd does not return at once."""

    def delay(self, failures: int, chance: float) -> float:
        """Return seconds to wait after so many failures in a row, at least one.

        ``chance`` lies between 0 and 1; 0 gives the longest wait.
        """
        doublings = min(failures - 1, _MAX_DOUBLINGS)
        return min(self.maximum, self.initial * 2.0**doublings) * (1 - self.jitter * chance)


class ClockGuard(msgspec.Struct, frozen=True):
    """Tells a wall clock that was set from one that runs; it compares with where both began."""

    wall: int
    steady: float

    def disagreement(self, wall: int, steady: float) -> str | None:
        """Return why the wall clock cannot be believed now; None if it can."""
        drift = (wall - self.wall) - (steady - self.steady)
        if abs(drift) <= MAX_DRIFT_SECONDS:
            return None
        moved = f"{abs(drift):.0f} s {'forward' if drift > 0 else 'back'}"
        return f"the clock was set {moved}; set it right, or restart if it is right now"


async def supervise(
    name: str,
    run: Callable[[], Coroutine[Any, Any, None]],
    *,
    backoff: Backoff,
    on_restart: Callable[[str], None],
    chance: Callable[[], float] = random.random,
) -> None:
    """Run a coroutine, and again whenever it fails, until it returns or is cancelled.

    Failures in a row count from anew once it ran for longer than the longest wait.
    """
    failures = 0
    while True:
        started = time.monotonic()
        try:
            await run()
        except Exception:  # the one place where any failure becomes a restart
            if time.monotonic() - started > backoff.maximum:
                failures = 0
            failures += 1
            delay = backoff.delay(failures, chance())
            logger.exception(
                "task failed and will be restarted",
                extra={"task": name, "failures": failures, "delay_seconds": round(delay, 3)},
            )
        else:
            return
        on_restart(name)
        await asyncio.sleep(delay)
