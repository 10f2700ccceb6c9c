"""Which ledger it is that objects are of."""

from __future__ import annotations

import pytest

from globaldns.ledger.markers import FIRST_NAME, choose_marker, newest
from globaldns.model.claim import Marker

NOW = 1000
OLD, NEW, FUTURE = Marker("old", 10), Marker("new", 20), Marker("future", NOW + 1)


@pytest.mark.parametrize(
    ("markers", "chosen"),
    [
        ({}, None),
        ({"own-001": OLD, "own-002": NEW}, NEW),
        ({FIRST_NAME: OLD, "own-002": NEW}, OLD),
        ({FIRST_NAME: FUTURE, "own-002": OLD}, OLD),
        ({FIRST_NAME: FUTURE, "own-001": OLD, "own-002": NEW}, NEW),
        ({FIRST_NAME: OLD, "own-002": FUTURE}, OLD),
        ({FIRST_NAME: FUTURE, "own-002": FUTURE}, FUTURE),
    ],
    ids=[
        *("none", "no first", "the first", "a first of the future", "and no other first"),
        *("another of the future", "nothing else"),
    ],
)
def test_the_first_object_says_it_unless_it_is_of_the_future(
    markers: dict[str, Marker], chosen: Marker | None
) -> None:
    assert choose_marker(markers, NOW) == chosen
    backwards = dict(reversed(markers.items()))
    assert choose_marker(backwards, NOW) == chosen


def test_of_two_that_were_begun_in_one_second_always_the_same_is_the_newest() -> None:
    twin = Marker("other", OLD.created)
    assert newest((OLD, twin)) == newest((twin, OLD)) == twin
