"""A row of those who want a turn of the loop each, so that nobody else waits for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Gives whoever waits a turn of the loop, one after another in the order of coming."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn: asyncio.Handle | None = None

    def offer(self, step: Callable[[], None]) -> None:
        """Have a step taken when it is its turn; if it fails, the others get theirs."""
        self._waiting.append(step)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take)

    def _take(self) -> None:
        step = self._waiting.popleft()
        self._turn = None
        if self._waiting:
            self._turn = asyncio.get_running_loop().call_soon(self._take)
        step()
