import pytest

from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.export import Resolution
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import Put, Remove, SetLedger
from globaldns.registry.explain import explain
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    NO_LEDGER,
    A,
    B,
    both,
    claim,
    export,
    ledger,
    remember,
    reset,
    service,
    settings,
    settled,
)

FULL = "the disk is full"
DUAL = ("240.128.0.0/24", "fd00::/120")
C = Host("c.ns")


@pytest.fixture
def pair():
    """Two hosts that are numbered and written, with a VIP of each family."""
    return settled(
        Registry(settings(pools=DUAL)),
        reset("east", export("a.ns"), export("b.ns")),
        reset("west"),
    )


def pin(registry, family=0):
    """Have b.ns pin a VIP of a.ns."""
    taken = ".".join(map(str, service(registry, A).vips[0]))
    if family:
        taken = "fd00::" + service(registry, A).vips[1].hex()[-2:]
    return registry.apply([Put(export("b.ns", pins=[taken]))], 20)


def answered(registry):
    return {host: (one.state, one.vips) for host, one in registry.services.items()}


@pytest.mark.parametrize("family", [0, 1])
def test_nobody_loses_a_vip_to_a_pin_before_it_is_written(pair, family):
    before = answered(pair)
    delta = pin(pair, family)
    assert answered(pair) == before
    assert (pair.waits.handovers, [one.host for one in delta.services], delta.moves) == (
        {},
        [B],
        (),
    )
    remember(pair, delta, 21)
    assert service(pair, A).vips != before[A][1]
    assert service(pair, B).state is ServiceState.HANDOVER


@pytest.mark.parametrize("family", [0, 1])
def test_a_pin_that_cannot_be_written_is_as_if_it_was_never_there(pair, family):
    before, known, usage = answered(pair), {*pair.claims}, pair.usage()
    pin(pair, family)
    pair.stop_writing(FULL, 21)
    assert (answered(pair), {*pair.claims}, pair.usage()) == (before, known, usage)
    assert (pair.unwritten, pair.waits.handovers) == ((), {})
    assert pair.is_written
    pair.apply([Put(export("b.ns"))], 22)
    delta = pair.resume_writing(23)
    assert (delta.claims, answered(pair)) == ((), before)


def test_what_was_put_off_is_decided_once_the_ledger_can_be_written(pair):
    twin = settled(
        Registry(settings(pools=DUAL)),
        reset("east", export("a.ns"), export("b.ns")),
        reset("west"),
    )
    pin(pair)
    pair.stop_writing(FULL, 20)
    pair.apply([Put(export("c.ns"))], 20)
    assert service(pair, C).state is ServiceState.UNNUMBERED
    remember(pair, pair.resume_writing(20), 20)
    remember(twin, pin(twin), 20)
    remember(twin, twin.apply([Put(export("c.ns"))], 20), 20)
    assert {*pair.claims} == {*twin.claims}
    assert (answered(pair), pair.waits.handovers) == (answered(twin), twin.waits.handovers)


def test_a_host_that_is_withdrawn_while_nothing_can_be_written_has_its_vip_when_it_is_back(pair):
    before = service(pair, A).vips
    pair.apply([Remove("east", A)], 20)
    assert A not in pair.services
    pair.stop_writing(FULL, 20)
    assert [one.is_retired for one in pair.claims.of_host(A)] == [False, False]
    pair.apply([Put(export("a.ns"))], 21)
    assert service(pair, A).vips == before
    assert pair.resume_writing(22).claims == ()


def test_a_host_without_addresses_is_none_at_once(pair):
    pair.stop_writing(FULL, 20)
    pair.apply([Put(export("a.ns", resolution=Resolution.NONE))], 20)
    assert service(pair, A).state is ServiceState.NONE


def test_what_a_person_asks_for_is_refused_while_it_cannot_be_written(pair):
    pair.stop_writing(FULL, 20)
    known = {*pair.claims}
    with pytest.raises(RequestRefused, match=f"nothing is done: {FULL}"):
        pair.renumber([A], 20)
    with pytest.raises(RequestRefused, match=f"nothing is done: {FULL}"):
        pair.import_claims([claim("old.ns", "240.128.0.99", 1)], 20)
    assert {*pair.claims} == known


def test_a_renumbering_that_cannot_be_written_moves_nothing(pair):
    before = answered(pair)
    pair.renumber([A], 20)
    pair.stop_writing(FULL, 20)
    assert (answered(pair), pair.resume_writing(21).claims) == (before, ())


def test_a_part_that_was_written_stands(pair):
    delta = pin(pair)
    pinned = [one for one in delta.claims if one.kind is ClaimKind.PINNED]
    pair.acknowledge(pinned, 20)
    assert service(pair, A).state is ServiceState.PARTIAL
    pair.stop_writing(FULL, 20)
    assert {*pinned} <= {*pair.claims}
    assert [one.is_retired for one in pair.claims.of_host(A)] == [False, False]
    remember(pair, pair.resume_writing(21), 21)
    assert service(pair, A).state is ServiceState.READY


def test_what_another_ledger_says_counts_though_ours_cannot_be_written():
    registry = both(export("a.ns"), export("b.ns", "west"))
    (taken,) = service(registry, A).vips
    registry.stop_writing(FULL, 20)
    theirs = claim("b.ns", ".".join(map(str, taken)), 1, "west")
    registry.apply([SetLedger("west", ledger("west", theirs))], 20)
    assert service(registry, A).state is ServiceState.UNNUMBERED


def test_what_is_taken_over_is_answered_meanwhile_and_written_in_the_end():
    theirs = ledger("west", claim("a.ns", "240.128.0.9", 1, "west"))
    view = reset("west", export("a.ns", "west"), ledger=theirs)
    registry = settled(Registry(settings()), reset("east"), view)
    before = answered(registry)
    registry.apply([SetLedger("west", NO_LEDGER)], 20)
    registry.stop_writing(FULL, 20)
    assert answered(registry) == before
    assert [one.host for one in registry.unwritten] == [A]
    registry.resume_writing(21)
    assert [one.host for one in registry.unwritten] == [A]


def test_it_is_told_which_pin_waits_and_why(pair):
    pinned = pair.services[A].vips[0]
    pair.stop_writing(FULL, 20)
    pin(pair)
    found = explain(pair, "b.ns", failure=FULL, now=30)
    assert found.would_get == (".".join(map(str, pinned)),)
    assert found.paused == FULL
