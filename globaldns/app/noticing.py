"""How many notices there are, by code, for scrapes: looked through now and then, in a thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from globaldns.model.finding import Finding

COUNT_SECONDS = 30.0
"""Between two: who alerts on them waits for minutes, and every service and endpoint is looked at,
half a second of one processor for 100,000."""


class NoticeTally:
    """Counts what ``/api/v1/notices`` tells; ``gather`` returns what tells it, in a thread."""

    def __init__(self, gather: Callable[[], Callable[[], Iterable[Finding]]]) -> None:
        self.counts: Mapping[str, int] = {}
        """Of each code, as it was counted last."""
        self._gather = gather

    async def run(self) -> None:
        """Count for ever."""
        while True:
            self.counts = await asyncio.to_thread(_count, self._gather())
            await asyncio.sleep(COUNT_SECONDS)


def _count(tell: Callable[[], Iterable[Finding]]) -> Counter[str]:
    return Counter(one.code for one in tell())
