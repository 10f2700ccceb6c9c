"""The copy of another cluster's ledger, and what is remembered of that: whichever is read first."""

from __future__ import annotations

import pytest

from globaldns.model.claim import Marker
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, SourceState
from globaldns.registry.registry import Registry
from tests.registry.mesh import A, claim, ledger, reset, service, settings, settled

HELD_LATER = claim("d.ns", "240.128.0.10", 22, "west")


@pytest.mark.parametrize("is_copy_first", [True, False])
def test_a_remembered_view_takes_nothing_from_a_newer_copy_and_adds_to_an_older_one(
    *, is_copy_first: bool
) -> None:
    new, old = claim("a.ns", "240.128.0.7", 20, "west"), claim("c.ns", "240.128.0.9", 5, "west")
    ended = old.retire(19, "withdrawn")
    registry = Registry(settings())
    view = reset("west", ledger=ledger("west", ended, HELD_LATER), state=SourceState.REMEMBERED)
    takes = [
        lambda: registry.learn_copies({"west": ledger("west", new, old)}, 30),
        lambda: registry.apply([view], 30),
    ]
    for take in takes if is_copy_first else reversed(takes):
        take()
    registry.others.begin_copies()
    registry.acknowledge_copies(30)
    settled(registry, reset("east"))
    assert service(registry, "a.ns").vips == (new.vip,)
    assert service(registry, "a.ns").state is ServiceState.CLAIMED
    assert set(registry.others.said()["west"].claims) == {new, ended, HELD_LATER}
    assert registry.numbering.occupancy.is_resting(ended.vip)


@pytest.mark.parametrize("is_copy_first", [True, False])
@pytest.mark.parametrize("is_copy_newer", [True, False])
def test_of_a_copy_and_a_remembered_view_the_ledger_counts_that_was_begun_last(
    *, is_copy_first: bool, is_copy_newer: bool
) -> None:
    lost, begun = claim("a.ns", "240.128.0.1", 5, "west"), claim("a.ns", "240.128.0.7", 20, "west")
    old = ClaimSet(Marker("old", 1), (lost,))
    new = ClaimSet(Marker("new", 2), (begun,))
    copy, known = (new, old) if is_copy_newer else (old, new)
    registry = Registry(settings())
    takes = [
        lambda: registry.learn_copies({"west": copy}, 30),
        lambda: registry.apply([reset("west", ledger=known, state=SourceState.REMEMBERED)], 30),
    ]
    for take in takes if is_copy_first else reversed(takes):
        take()
    assert registry.others.said()["west"].claims == (begun,)


def test_what_a_cluster_says_in_this_run_is_newer_than_its_copy() -> None:
    registry = Registry(settings())
    registry.apply([reset("west", ledger=ledger("west"))], 10)
    registry.learn_copies({"west": ledger("west", claim("a.ns", "240.128.0.7", 5, "west"))}, 10)
    settled(registry, reset("east"))
    assert registry.others.said()["west"].claims == ()
    assert A not in registry.services
