import pytest

from globaldns.model.claim import ClaimKind
from globaldns.model.export import Export
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, SetLedger
from globaldns.registry.registry import Registry
from globaldns.registry.uncopied import Uncopied
from tests.registry.mesh import (
    A,
    B,
    claim,
    export,
    ledger,
    policy,
    reset,
    service,
    settings,
    settled,
)

HELD = claim("a.ns", "240.128.0.9", 5, "west")
FIRST = claim("a.ns", "240.128.0.1", 1, "west")
SECOND = claim("b.ns", "240.128.0.2", 1, "west")


@pytest.fixture
def uncopied():
    uncopied = Uncopied()
    uncopied.is_awaited = True
    return uncopied


def test_where_no_copies_are_made_nothing_waits():
    uncopied = Uncopied()
    uncopied.add([FIRST])
    assert not uncopied
    assert FIRST not in uncopied


def test_a_claim_waits_until_a_copy_that_was_begun_after_it_is_made(uncopied):
    uncopied.add([FIRST])
    uncopied.send()
    uncopied.add([SECOND])
    assert uncopied.acknowledge() == {A}
    assert (FIRST in uncopied, SECOND in uncopied) == (False, True)
    uncopied.send()
    assert SECOND in uncopied
    assert uncopied.acknowledge() == {B}
    assert not uncopied


def test_a_claim_that_is_retired_waits_for_nothing(uncopied):
    uncopied.add([FIRST.retire(2, "withdrawn")])
    assert not uncopied


def test_a_copy_that_failed_is_begun_again_with_what_came_since(uncopied):
    for claims in ([FIRST], [SECOND]):
        uncopied.add(claims)
        uncopied.send()
    assert uncopied.acknowledge() == {A, B}


def test_once_it_is_given_up_nothing_waits_until_a_copy_is_made(uncopied):
    uncopied.add([FIRST])
    assert uncopied.give_up() == {A}
    uncopied.add([SECOND])
    assert not uncopied
    uncopied.send()
    assert uncopied.acknowledge() == set()
    uncopied.add([SECOND])
    assert SECOND in uncopied


def copying(*exports: Export) -> Registry:
    """Return a settled registry of which all copies are made; the west keeps a ledger."""
    registry = Registry(settings())
    registry.learn_copies({}, 10)
    registry.apply([reset("west", *exports, ledger=ledger("west")), reset("east")], 10)
    registry.settle(10)
    copy(registry)
    return registry


def copy(registry: Registry) -> dict[str, ClaimSet]:
    said = registry.others.begin_copies()
    registry.acknowledge_copies(20)
    return said


def test_what_a_cluster_says_is_answered_once_it_is_copied():
    registry = copying(export("a.ns", "west"))
    registry.apply([SetLedger("west", ledger("west", HELD))], 20)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    assert not registry.is_written
    assert copy(registry) == {"west": ledger("west", HELD)}
    assert (service(registry, "a.ns").vips, registry.is_written) == ((HELD.vip,), True)


def test_a_host_keeps_its_number_while_another_waits_for_its_copy():
    registry = copying(export("a.ns", "west"))
    registry.apply([SetLedger("west", ledger("west", HELD))], 20)
    copy(registry)
    moved = claim("a.ns", "240.128.0.8", 21, "west")
    said = ledger("west", HELD.retire(21, "replaced"), moved)
    registry.apply([SetLedger("west", said)], 21)
    assert service(registry, "a.ns").vips == (HELD.vip,)
    copy(registry)
    assert service(registry, "a.ns").vips == (moved.vip,)


def test_what_cannot_be_copied_is_answered_all_the_same():
    registry = copying(export("a.ns", "west"), export("b.ns", "west"))
    registry.apply([SetLedger("west", ledger("west", HELD))], 20)
    registry.await_no_longer(20)
    other = claim("b.ns", "240.128.0.8", 5, "west")
    registry.apply([SetLedger("west", ledger("west", HELD, other))], 21)
    assert [service(registry, host).vips for host in ("a.ns", "b.ns")] == [
        (HELD.vip,),
        (other.vip,),
    ]


def test_what_is_copied_already_is_answered_at_once_after_a_restart():
    said = ledger("west", HELD)
    registry = Registry(settings())
    registry.learn_copies({"west": said}, 10)
    registry.apply([reset("west", export("a.ns", "west"), ledger=ledger("west", HELD))], 10)
    assert service(registry, "a.ns").vips == (HELD.vip,)
    assert registry.is_written


def test_a_pin_in_a_cluster_that_exports_nothing_is_answered_for_whoever_does():
    """Though a third cluster's older claim makes every copy of it void."""
    pinned = claim("a.ns", "240.0.0.5", 5, "west", kind=ClaimKind.PINNED)
    older = claim("b.ns", "240.0.0.5", 1, "flat")
    registry = settled(
        Registry(settings(clusters=("east", "west", "flat"))),
        reset("east", export("a.ns")),
        reset("west", policies=(policy("a.ns", "240.0.0.5"),), ledger=ledger("west", pinned)),
        reset("flat", export("b.ns", "flat"), ledger=ledger("flat", older)),
    )
    assert service(registry, "a.ns").vips == (pinned.vip,)
