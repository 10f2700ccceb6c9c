"""How often others have taken back what we wrote."""

from __future__ import annotations

from globaldns.stubs.reverts import MOST, WINDOW_SECONDS, Reverts
from globaldns.stubs.shapes import Change, Wish
from tests.coredns.collection import STUB, stub
from tests.coredns.targets import COREFILE, CUSTOM

WISH = Wish(STUB)
WRITTEN, SAME = Change(COREFILE, {"a": 1}, {"a": 2}), Change(COREFILE, {"a": 2}, {"a": 2})


SAME_WISH = {COREFILE: WISH}


def test_a_place_that_is_always_reverted_is_left_alone_until_the_hour_is_over() -> None:
    reverts = Reverts()
    for now in range(MOST + 1):
        assert reverts.contested(SAME_WISH, now) == {}
        reverts.note([WRITTEN], SAME_WISH, now)
        reverts.note([SAME], SAME_WISH, now)
    until = WINDOW_SECONDS + 1
    assert reverts.contested(SAME_WISH, MOST) == {COREFILE: until}
    assert reverts.contested(SAME_WISH, until - 1) == {COREFILE: until}
    assert reverts.contested(SAME_WISH, until) == {}


def test_what_we_change_ourselves_is_no_revert_and_ends_what_was() -> None:
    reverts = Reverts()
    for number in range(MOST + 2):
        wish = {COREFILE: Wish(stub(server=f"10.96.0.{number + 1}"))}
        reverts.note([WRITTEN], wish, number)
    assert reverts.contested(wish, MOST) == {}
    for now in range(MOST):
        reverts.note([WRITTEN], wish, now)
    assert reverts.contested(wish, MOST)
    assert reverts.contested(SAME_WISH, MOST) == {}
    reverts.note([WRITTEN, WRITTEN], SAME_WISH, MOST)
    assert reverts.contested(SAME_WISH, MOST) == {}


def test_what_stands_around_it_is_no_part_of_what_we_wish() -> None:
    reverts = Reverts()
    for number in range(MOST + 1):
        reverts.note([WRITTEN], {COREFILE: Wish(STUB, base=f"{number}")}, number)
    assert reverts.contested({COREFILE: Wish(STUB, base="other")}, MOST)


def test_each_place_counts_for_itself() -> None:
    reverts = Reverts()
    other = Change(CUSTOM, None, {"a": 1})
    both = {COREFILE: WISH, CUSTOM: WISH}
    for now in range(MOST + 1):
        reverts.note([WRITTEN, other][: 1 + (now == 0)], both, now)
    assert reverts.contested(both, MOST).keys() == {COREFILE}
