"""One index of the table: words that say where the row of a name or an address is (``table``)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from globaldns.dns.table import HASH_BITS, PLACE, UNIT, live_words

FEWEST_WORDS = 1024


class Index:
    """2^n words of the shared memory."""

    def __init__(self, words: memoryview, at: int, size: int) -> None:
        self.at = at
        """Where it begins, in words."""
        self.mask = size - 1
        self.used = 0
        """Words that are not 0."""
        self.live = 0
        """Of these, those that stand for something."""
        self._words = words

    @property
    def octets(self) -> int:
        """How many octets it takes."""
        return (self.mask + 1) * UNIT

    @property
    def is_crowded(self) -> bool:
        """Whether more than half of it is used."""
        return self.used * 2 > self.mask

    def fill(self, words: Iterable[int]) -> None:
        """Put words into it, all at once; it is empty."""
        slots, mask = array("Q", bytes(self.octets)), self.mask
        for word in words:
            slot = word >> HASH_BITS & mask
            while slots[slot]:
                slot = slot + 1 & mask
            slots[slot] = word
            self.live += 1
        self.used = self.live
        self._words[self.at : self.at + mask + 1] = memoryview(slots)

    def each(self) -> Iterator[int]:
        """Yield the words that stand for something, as they are when it is their turn."""
        return live_words(self._words, self.at, self.mask)


def word_of(key: bytes, at: int) -> int:
    """Return the word of a name or an address whose row is at a place."""
    return (hash(key) & PLACE) << HASH_BITS | at // UNIT


def size_for(count: int) -> int:
    """Return how many words an index should have for so many rows, and as many again."""
    size = FEWEST_WORDS
    while size < count * 4:
        size *= 2
    return size
