"""Work on all that there is, in threads for which nobody waits.

Python runs one thread at a time, and a change or an answer asks for its turn at every file and
packet: a thread that is always busy makes each of them wait a hundred times.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

AT_A_TIME = 100
"""Exports, entries or claims between two rests: a millisecond of work."""
REST_SECONDS = 0.004

Item = TypeVar("Item")


class Pace:
    """Unhurried, until the server is to end."""

    def __init__(self) -> None:
        self.is_hasty = False

    def __call__(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items, with rests in which others go on; not for the event loop's thread."""
        for number, item in enumerate(items, 1):
            yield item
            if number % AT_A_TIME == 0 and not self.is_hasty:
                time.sleep(REST_SECONDS)
