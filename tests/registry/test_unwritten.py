import pytest

from globaldns.model.claim import Claim
from globaldns.registry.unwritten import Unwritten
from tests.registry.mesh import (
    A,
    B,
    claim,
)

FIRST, SECOND, OTHER = (
    claim("a.ns", "240.128.0.1", 1),
    claim("a.ns", "240.128.0.1", 1, "west"),
    claim("b.ns", "240.128.0.2", 1),
)
RETIRED = FIRST.retire(5, "withdrawn")


def waiting(*claims: Claim) -> Unwritten:
    unwritten = Unwritten()
    for one in claims:
        unwritten.add(one)
    return unwritten


@pytest.mark.parametrize(
    ("added", "pending"),
    [
        ([], []),
        ([OTHER, FIRST, SECOND], [FIRST, SECOND, OTHER]),
        ([FIRST, FIRST], [FIRST]),
        ([FIRST, RETIRED], [RETIRED]),
        ([RETIRED, FIRST], [RETIRED]),
        ([RETIRED, FIRST.retire(4, "collision")], [FIRST.retire(4, "collision")]),
    ],
)
def test_each_claim_is_on_its_way_once_in_its_newest_version_by_host(added, pending):
    assert list(waiting(*added).everything()) == pending


def test_a_host_waits_until_all_of_its_claims_have_arrived():
    unwritten = waiting(FIRST, SECOND, OTHER)
    assert unwritten.acknowledge([SECOND, OTHER]) == {A, B}
    assert (A in unwritten, B in unwritten) == (True, False)
    assert unwritten.of_host(A) == (FIRST,)
    assert unwritten.acknowledge([FIRST]) == {A}
    assert unwritten.of_host(A) == ()
    assert unwritten.everything() == ()


def test_an_older_version_that_arrives_leaves_the_newer_one_on_its_way():
    unwritten = waiting(FIRST, RETIRED)
    assert unwritten.written(RETIRED) is None
    assert unwritten.acknowledge([FIRST]) == {A}
    assert unwritten.of_host(A) == (RETIRED,)
    assert unwritten.written(RETIRED) == FIRST
    assert unwritten.acknowledge([FIRST, RETIRED]) == {A}
    assert unwritten.written(RETIRED) == RETIRED


def test_what_is_not_on_its_way_cannot_arrive():
    unwritten = waiting(FIRST)
    assert unwritten.acknowledge([SECOND, OTHER]) == set()
    assert unwritten.written(SECOND) == SECOND
    assert unwritten.of_host(A) == (FIRST,)


def test_what_is_forgotten_is_on_its_way_in_no_version():
    unwritten = waiting(RETIRED, SECOND)
    for one in (FIRST, OTHER):
        unwritten.forget(one)
    assert unwritten.everything() == (SECOND,)


def test_what_was_known_before_is_what_the_ledger_has_until_it_has_more():
    unwritten = Unwritten()
    unwritten.add(RETIRED, FIRST)
    unwritten.add(FIRST.retire(4, "collision"), RETIRED)
    assert [*unwritten.former] == [FIRST] == [unwritten.written(RETIRED)]
    unwritten.forget(RETIRED)
    assert [*unwritten.former] == []


def test_what_is_taken_back_was_decided_and_is_not_written():
    unwritten = waiting(OTHER)
    unwritten.add(RETIRED, FIRST)
    unwritten.note([SECOND])
    taken = unwritten.take_back()
    assert (taken.claims, taken.written) == ((OTHER, RETIRED), (FIRST,))
    assert unwritten.everything() == unwritten.take_new() == (SECOND,)
    assert unwritten.take_back().claims == ()


def test_what_is_new_is_told_once_with_all_that_its_host_waits_for():
    unwritten = waiting(OTHER, FIRST)
    assert unwritten.take_new() == (FIRST, OTHER)
    assert unwritten.take_new() == ()
    unwritten.add(SECOND)
    assert unwritten.take_new() == (FIRST, SECOND)


def test_what_arrived_before_it_was_told_is_told_no_more():
    unwritten = waiting(FIRST)
    unwritten.acknowledge([FIRST])
    assert unwritten.take_new() == ()


def test_a_note_is_for_the_ledger_alone():
    unwritten = waiting(OTHER)
    unwritten.take_new()
    unwritten.note([RETIRED])
    assert unwritten.take_new() == (RETIRED,)
    assert unwritten.take_new() == ()
    assert unwritten.everything() == (OTHER, RETIRED)
    assert (A in unwritten, unwritten.of_host(A)) == (False, ())
    assert unwritten.acknowledge([OTHER]) == {B}
    assert unwritten
    assert unwritten.acknowledge([RETIRED]) == set()
    assert not unwritten
