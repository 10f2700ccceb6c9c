"""A bound on how often something is done: a bucket that fills at a rate. Pure."""

from __future__ import annotations

_NEARLY = 1e-6
"""What sums of fractions lack of a whole token, and more."""


class TokenBucket:
    """Holds what a second brings at the most, so that a quiet hour is no right to a flood."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._looked: float | None = None

    def wait(self, now: float, rate: float) -> float:
        """Return in how many seconds there is a token; 0: now."""
        if self._looked is None:
            self._tokens = rate
        else:
            self._tokens = min(rate, self._tokens + (now - self._looked) * rate)
        self._looked = now
        return 0.0 if self._tokens > 1.0 - _NEARLY else (1.0 - self._tokens) / rate

    def take(self) -> None:
        """Take one, which there was a moment ago."""
        self._tokens -= 1.0
