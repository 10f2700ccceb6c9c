"""What is due when, the earliest first."""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_SPARE = 8
"""Times that a small agenda may hold in vain."""


class Agenda(Generic[Key]):
    """Keys with the steady time at which each is due."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        """Of every key its time, and of some a time that it had before; in the middle what came
        first of those that are due at once."""
        self._order = count()

    def put(self, key: Key, at: float) -> None:
        """Have a key be due at a time, whenever it was to be before."""
        self._due[key] = at
        heappush(self._heap, (at, next(self._order), key))
        if len(self._heap) > 2 * len(self._due) + _SPARE:
            self._heap = [(due, next(self._order), one) for one, due in self._due.items()]
            heapify(self._heap)

    def drop(self, key: Key) -> None:
        """Have a key never be due."""
        self._due.pop(key, None)

    @property
    def next_due(self) -> float | None:
        """The time at which the first is due; None: there is none."""
        while self._heap and self._due.get(self._heap[0][-1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> Key | None:
        """Return the key that is due for longest, and have it be due no more; None: none is."""
        due = self.next_due
        if due is None or due > now:
            return None
        _, _, key = heappop(self._heap)
        del self._due[key]
        return key
