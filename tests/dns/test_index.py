from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.index import FEWEST_WORDS, Index, size_for, word_of
from globaldns.dns.table import GONE, HASH_BITS, PLACE, UNIT, live_words

AT = 8
"""Where the index of a test begins: not where the memory does."""


def memory(size: int) -> memoryview:
    return memoryview(array("Q", bytes((AT + size) * UNIT)))


@given(st.sets(st.binary(min_size=1, max_size=9), max_size=200))
def test_every_word_is_found_from_where_its_hash_says_on(keys: set[bytes]) -> None:
    size = size_for(len(keys))
    words = memory(size)
    index = Index(words, AT, size)
    wanted = [word_of(key, UNIT * (2 + number)) for number, key in enumerate(keys)]
    index.fill(wanted)
    assert (index.used, index.live, index.octets) == (len(keys), len(keys), size * UNIT)
    assert not index.is_crowded
    assert sorted(index.each()) == sorted(wanted)
    for word in wanted:
        slot = word >> HASH_BITS & index.mask
        while (found := words[AT + slot]) != word:
            assert found
            slot = slot + 1 & index.mask


def test_a_word_has_the_hash_of_its_key_and_the_place_of_its_row() -> None:
    word = word_of(b"\x03web", 4096)
    assert word >> HASH_BITS == hash(b"\x03web") & PLACE
    assert (word & PLACE) * UNIT == 4096


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 100_000])
def test_an_index_has_room_for_twice_what_is_in_it(count: int) -> None:
    size = size_for(count)
    assert size >= max(FEWEST_WORDS, 4 * count)
    assert size & (size - 1) == 0
    assert size == FEWEST_WORDS or size < 8 * count


def test_what_was_removed_stands_for_nothing_and_takes_room() -> None:
    words = memory(FEWEST_WORDS)
    index = Index(words, AT, FEWEST_WORDS)
    index.fill([word_of(b"a", 64), word_of(b"b", 128)])
    at = next(at for at in range(AT, AT + FEWEST_WORDS) if words[at] == word_of(b"a", 64))
    words[at] = GONE
    assert list(live_words(words, AT, index.mask)) == [word_of(b"b", 128)]
    index.used = FEWEST_WORDS // 2
    assert index.is_crowded
