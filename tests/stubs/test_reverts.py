"""How often others have taken back what we wrote."""

from __future__ import annotations

from globaldns.stubs.reverts import MOST, WINDOW_SECONDS, Reverts
from globaldns.stubs.shapes import Change, Wish
from tests.coredns.collection import STUB, stub
from tests.coredns.targets import COREFILE, CUSTOM

WISH = Wish(STUB)
WRITTEN, SAME = Change(COREFILE, {"a": 1}, {"a": 2}), Change(COREFILE, {"a": 2}, {"a": 2})


def test_a_place_that_is_always_reverted_is_left_alone_until_the_hour_is_over() -> None:
    reverts = Reverts()
    for now in range(MOST + 1):
        assert reverts.contested(now) == frozenset()
        reverts.note([WRITTEN], {COREFILE: WISH}, now)
        reverts.note([SAME], {COREFILE: WISH}, now)
    assert reverts.contested(MOST) == {COREFILE}
    assert reverts.contested(WINDOW_SECONDS) == {COREFILE}
    assert reverts.contested(WINDOW_SECONDS + 1) == frozenset()


def test_what_we_change_ourselves_is_no_revert() -> None:
    reverts = Reverts()
    for number in range(MOST + 2):
        wish = Wish(stub(server=f"10.96.0.{number + 1}"))
        reverts.note([WRITTEN], {COREFILE: wish}, number)
    assert reverts.contested(MOST) == frozenset()


def test_each_place_counts_for_itself() -> None:
    reverts = Reverts()
    other = Change(CUSTOM, None, {"a": 1})
    for now in range(MOST + 1):
        reverts.note([WRITTEN, other][: 1 + (now == 0)], {COREFILE: WISH, CUSTOM: WISH}, now)
    assert reverts.contested(MOST) == {COREFILE}
