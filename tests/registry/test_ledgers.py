import msgspec
import pytest
from msgspec import structs

from globaldns.model.export import Export
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, Put, Remove, SetLedger
from globaldns.registry.claims import Claims
from globaldns.registry.explain import explain
from globaldns.registry.ledgers import LedgerChange, compare_ledgers
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    NO_LEDGER,
    A,
    both,
    claim,
    export,
    ledger,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)


def test_what_a_new_ledger_did_not_take_over_does_not_count():
    registry = both(export("a.ns", "west"))
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([SetLedger("west", own)], 20)
    assert service(registry, "a.ns").vips == (vip("240.128.0.9"),)
    assert registry.claims.held(A) == own.claims


def test_a_new_ledger_that_says_nothing_of_an_exported_host_leaves_it_its_number():
    registry = both(export("a.ns", "west"))
    before = service(registry, "a.ns").vips
    registry.apply([SetLedger("west", ledger("west"))], 20)
    assert service(registry, "a.ns").vips == before != ()
    registry.apply([SetLedger("west", NO_LEDGER)], 21)
    registry.acknowledge(registry.unwritten, 21)
    assert service(registry, "a.ns").vips == before


def test_hosts_without_a_number_are_numbered_once_their_clusters_ledger_is_gone():
    own = reset("west", export("a.ns", "west"), ledger=ledger("west"))
    registry = settled(Registry(settings()), own, reset("east"))
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    delta = registry.apply([SetLedger("west", NO_LEDGER)], 20)
    assert [one.host for one in delta.claims] == [A]


def test_a_ledger_that_is_gone_is_taken_over():
    registry = Registry(settings())
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    settled(registry, reset("west", export("a.ns", "west"), ledger=own), reset("east"))
    delta = registry.apply([SetLedger("west", NO_LEDGER)], 20)
    assert delta.claims == own.claims


def test_a_lost_ledger_does_not_take_its_claims_with_it():
    registry = Registry(settings())
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    settled(registry, reset("west", export("a.ns", "west"), ledger=own), reset("east"))
    registry.apply([SetLedger("west", ledger("west", marker="another"))], 20)
    assert registry.claims.of_host(A) == own.claims
    registry.apply([SetLedger("west", own)], 21)
    registry.apply([SetLedger("west", ledger("west"))], 22)
    assert registry.claims.of_host(A) == own.claims


def test_a_ledger_forgets_what_has_ended_and_nothing_else():
    registry = Registry(settings())
    ended = claim("a.ns", "240.128.0.8", 4, "west").retire(5, "replaced")
    stands = claim("a.ns", "240.128.0.9", 5, "west")
    own = ledger("west", ended, stands)
    settled(registry, reset("west", export("a.ns", "west"), ledger=own), reset("east"))
    registry.apply([SetLedger("west", ledger("west"))], 20)
    assert registry.claims.of_host(A) == (stands,)
    assert service(registry, "a.ns").vips == (stands.vip,)


OURS, GONE, KEPT, NEW, STRANGE = (
    claim("a.ns", "240.128.0.1", 1, "west"),
    claim("g.ns", "240.128.0.6", 1, "west"),
    claim("b.ns", "240.128.0.2", 2, "west"),
    claim("c.ns", "240.128.0.3", 3, "west"),
    claim("d.ns", "240.128.0.4", 4, "north"),
)
KEPT_NOW = claim("b.ns", "240.128.0.7", 7, "west")
EAST = claim("e.ns", "240.128.0.5", 5, "east")


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (NO_LEDGER, NO_LEDGER, LedgerChange()),
        (
            NO_LEDGER,
            ledger("west", KEPT, NEW),
            LedgerChange(new=(KEPT, NEW)),
        ),
        (ledger("west", KEPT), NO_LEDGER, LedgerChange(ours=(OURS, KEPT, GONE))),
        (
            ledger("west", OURS, KEPT),
            ledger("west", NEW, KEPT),
            LedgerChange(frozenset([OURS]), (NEW,)),
        ),
        (ledger("west", OURS), ledger("west", OURS), LedgerChange()),
        (
            ledger("west", OURS, GONE),
            ledger("west", KEPT, marker="other").following(ledger("west", OURS, GONE)),
            LedgerChange(new=(KEPT,)),
        ),
        (
            ledger("west", OURS, KEPT),
            ledger("west", KEPT_NOW, marker="other").following(ledger("west", OURS, KEPT)),
            LedgerChange(frozenset([KEPT]), (KEPT_NOW,)),
        ),
        (ledger("west"), ledger("west", NEW, STRANGE), LedgerChange(new=(NEW,))),
    ],
    ids=["none", "first", "gone", "changed", "same", "another", "another number", "of a third"],
)
def test_what_a_ledger_that_replaces_another_changes(old, new, change):
    claims = Claims(lambda _: True)
    claims.add([OURS, KEPT, GONE, EAST])
    assert compare_ledgers("west", old, new, claims) == change


def test_a_retirement_that_a_ledger_learned_is_taken_in():
    retired = KEPT.retire(9, "withdrawn")
    claims = Claims(lambda _: True)
    claims.add([KEPT])
    change = compare_ledgers("west", ledger("west", KEPT), ledger("west", retired), claims)
    assert change.new == (retired,)


def test_what_we_claimed_for_a_cluster_that_claims_for_itself_ends_in_our_ledger():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    delta = registry.apply([SetLedger("west", own)], 20)
    (ended,) = delta.claims
    assert (ended.key, ended.reason, ended.retired_at) == (ours.key, "replaced", 20)
    assert registry.claims.held(A) == own.claims
    assert not registry.is_written
    registry.acknowledge(delta.claims, 20)
    assert registry.is_written
    assert registry.unwritten == ()


def test_a_ledger_that_comes_and_goes_leaves_a_host_one_number_over_a_restart():
    registry = both(export("a.ns", "west"))
    written = {one.key: one for one in registry.claims}
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    for change in (SetLedger("west", own), SetLedger("west", NO_LEDGER)):
        delta = registry.apply([change], 20)
        written |= {one.key: one for one in delta.claims}
        registry.acknowledge(delta.claims, 20)
    anew = Registry(settings(), written.values())
    settled(anew, reset("west", export("a.ns", "west")), reset("east"), now=30)
    assert service(anew, "a.ns").vips == service(registry, "a.ns").vips == (vip("240.128.0.9"),)
    assert len([one for one in anew.claims.of_host(A) if not one.is_retired]) == 1


def test_the_vip_that_a_new_ledger_replaced_rests_before_and_after_a_restart():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    (ended,) = registry.apply([SetLedger("west", own)], 20).claims
    anew = settled(
        Registry(settings(), [ended]), reset("west", export("a.ns", "west"), ledger=own), now=30
    )
    for one in (registry, anew):
        assert one.numbering.occupancy.is_resting(ours.vip)
        one.apply([SetLedger("west", own)], 40)
        assert one.numbering.occupancy.is_resting(ours.vip)
        assert service(one, "a.ns").vips == (vip("240.128.0.9"),)


def test_what_we_claimed_for_a_cluster_makes_no_claim_void_once_it_claims_for_itself():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([SetLedger("west", own)], 20)
    theirs = claim("b.ns", "240.128.0.1", ours.allocated_at + 1, "east")
    theirs = msgspec.structs.replace(theirs, vip=ours.vip)
    registry.numbering.learn([theirs])
    assert registry.claims.holder(ours.vip) == theirs


def test_a_cluster_that_claims_itself_what_we_claimed_for_it_is_listened_to():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    first = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([SetLedger("west", first)], 20)
    registry.apply([SetLedger("west", ledger("west", ours))], 21)
    assert service(registry, "a.ns").vips == (ours.vip,)


def test_what_we_claimed_for_a_cluster_that_claims_for_itself_is_ours_to_forget():
    registry = both(export("a.ns", "west"))
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    (ended,) = registry.apply([SetLedger("west", own)], 20).claims
    later = 20 + 400 * 86400
    assert registry.forgettable((*registry.claims, ended), later) == (ended,)
    registry.forget([ended])
    assert not registry.numbering.resting


def test_a_vip_that_a_ledger_drops_rests_before_and_after_a_restart():
    first = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    other = ledger("west", claim("a.ns", "240.128.0.8", 6, "west"))
    registry = Registry(settings())
    settled(registry, reset("west", export("a.ns", "west"), ledger=first), reset("east"))
    (ended,) = registry.apply([SetLedger("west", other)], 20).claims
    assert (ended.vip, ended.retired_at) == (vip("240.128.0.9"), 20)
    anew = settled(
        Registry(settings(), [ended]), reset("west", export("a.ns", "west"), ledger=other), now=30
    )
    for one in (registry, anew):
        assert service(one, "a.ns").vips == (vip("240.128.0.8"),)
        assert one.numbering.occupancy.is_resting(ended.vip)
        told = [(line.vip, line.reason) for line in explain(one, "240.128.0.9", now=99).history]
        assert told == [("240.128.0.8", ""), ("240.128.0.9", "replaced")]


def test_a_claim_that_its_ledger_retires_is_not_retired_by_us():
    live = claim("a.ns", "240.128.0.9", 5, "west")
    registry = Registry(settings())
    view = reset("west", export("a.ns", "west"), ledger=ledger("west", live))
    settled(registry, view, reset("east"))
    delta = registry.apply([SetLedger("west", ledger("west", live.retire(15, "withdrawn")))], 20)
    assert delta.claims == ()
    assert not registry.numbering.resting
    assert registry.claims.of_host(A) == (live.retire(15, "withdrawn"),)


def test_what_we_claimed_ends_when_a_cluster_with_a_ledger_offers_the_host_no_more():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    registry.apply([SetLedger("west", ledger("west"))], 20)
    assert registry.claims.held(A) == (ours,)
    (ended,) = registry.apply([Remove("west", A)], 21).claims
    assert (ended.key, ended.retired_at) == (ours.key, 21)
    assert registry.claims.of_host(A) == ()
    assert registry.numbering.occupancy.is_resting(ours.vip)


def after_a_loss(*exports: Export, lost: ClaimSet, new: ClaimSet) -> Registry:
    """Return a registry that has seen the west lose a ledger and begin another."""
    registry = Registry(settings())
    settled(registry, reset("west", *exports, ledger=lost), reset("east"))
    registry.apply([SetLedger("west", new)], 20)
    return registry


HELD = claim("a.ns", "240.128.0.9", 5, "west")


def test_what_a_lost_ledger_said_stands_after_a_restart():
    new = ledger("west", marker="another")
    registry = after_a_loss(export("a.ns", "west"), lost=ledger("west", HELD), new=new)
    known = registry.views.cluster("west").ledger
    anew = Registry(settings())
    anew.apply([reset("west", export("a.ns", "west"), ledger=known)], 30)
    settled(anew, reset("west", export("a.ns", "west"), ledger=new), reset("east"), now=30)
    for one in (registry, anew):
        assert service(one, "a.ns").vips == (HELD.vip,)
        assert not one.unwritten


def test_a_number_that_a_lost_ledger_gave_rests_once_the_new_one_gives_another():
    new = ledger("west", marker="another")
    registry = after_a_loss(export("a.ns", "west"), lost=ledger("west", HELD), new=new)
    other = claim("a.ns", "240.128.0.8", 30, "west")
    delta = registry.apply([SetLedger("west", ledger("west", other, marker="another"))], 30)
    assert service(registry, "a.ns").vips == (other.vip,)
    assert [(one.key, one.retired_at) for one in delta.claims] == [(HELD.key, 30)]
    assert registry.numbering.occupancy.is_resting(HELD.vip)


def test_what_rested_by_a_lost_ledger_goes_on_resting():
    ended = claim("a.ns", "240.128.0.9", 5, "west", retired_at=9)
    new = ledger("west", marker="another")
    registry = Registry(settings())
    settled(registry, reset("west", ledger=ledger("west", ended)), reset("east"))
    delta = registry.apply([SetLedger("west", new)], 20)
    assert delta.claims == (ended,)
    anew = settled(Registry(settings(), delta.claims), reset("west", ledger=new), reset("east"))
    for one in (registry, anew):
        assert one.claims.of_host(A) == ()
        assert one.numbering.occupancy.is_resting(ended.vip)


def test_what_a_lost_ledger_said_ends_when_its_cluster_offers_the_host_no_more():
    new = ledger("west", marker="another")
    registry = after_a_loss(export("a.ns", "west"), lost=ledger("west", HELD), new=new)
    (ended,) = registry.apply([Remove("west", A)], 21).claims
    assert (ended.key, ended.retired_at) == (HELD.key, 21)
    assert registry.views.cluster("west").ledger == new
    assert registry.numbering.occupancy.is_resting(HELD.vip)


def test_what_a_lost_ledger_said_ends_when_it_is_lost_to_a_pin():
    new = ledger("west", marker="another")
    registry = after_a_loss(export("a.ns", "west"), lost=ledger("west", HELD), new=new)
    pinning = export("a.ns", "east", pins=["240.0.0.5"])
    remember(registry, registry.apply([Put(pinning)], 21), 21)
    remember(registry, registry.tick(22), 22)
    assert service(registry, "a.ns").vips == (vip("240.0.0.5"),)
    assert HELD.key not in {one.key for one in registry.claims}
    assert registry.numbering.occupancy.is_resting(HELD.vip)


def test_a_host_keeps_what_its_clusters_ledger_has_lost_and_then_is_gone_itself():
    registry = Registry(settings())
    view = reset("west", export("a.ns", "west"), ledger=ledger("west", HELD))
    settled(registry, view, reset("east"))
    for known in (ledger("west"), NO_LEDGER):
        remember(registry, registry.apply([SetLedger("west", known)], 20), 20)
        assert service(registry, "a.ns").vips == (HELD.vip,)


def test_a_cluster_that_was_not_heard_is_answered_by_the_copy_of_its_ledger():
    registry = Registry(settings())
    registry.apply([SetLedger("west", ledger("west", HELD))], 10)
    assert registry.others.said() == {}
    settled(registry, reset("east", export("b.ns")))
    assert (service(registry, "a.ns").state, service(registry, "a.ns").vips) == (
        ServiceState.CLAIMED,
        (HELD.vip,),
    )


def test_what_we_claimed_for_a_cluster_with_a_ledger_stands_until_its_exports_are_heard():
    registry = both(export("a.ns", "west"))
    (ours,) = registry.claims.of_host(A)
    anew = Registry(settings(), [ours])
    anew.apply([SetLedger("west", ledger("west"))], 10)
    settled(anew, reset("west", export("a.ns", "west"), ledger=ledger("west")), reset("east"))
    assert service(anew, "a.ns").vips == (ours.vip,)
    assert anew.others.said() == {"west": ledger("west")}


def test_a_ledger_that_is_refused_takes_nothing_back_that_its_copy_says():
    ended = claim("b.ns", "240.128.0.8", 5, "west", retired_at=9)
    copy = ledger("west", HELD, ended)
    refused = structs.replace(ledger("west"), is_partial=True)
    registry = Registry(settings())
    registry.apply([SetLedger("west", copy)], 10)
    settled(registry, reset("west", export("a.ns", "west"), ledger=refused), reset("east"))
    assert service(registry, "a.ns").vips == (HELD.vip,)
    assert registry.numbering.occupancy.is_resting(ended.vip)
    assert set(registry.others.said()["west"].claims) == {HELD, ended}
