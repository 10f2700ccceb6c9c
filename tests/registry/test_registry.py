import pytest
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.export import Export, Port, Resolution
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Fence,
    Freshness,
    Put,
    Remove,
    Reset,
    SetFences,
    SetFreshness,
    SetLedger,
    SetPolicies,
    SourceState,
)
from globaldns.registry.registry import Registry
from globaldns.registry.settings import ClusterRules
from tests.registry.mesh import (
    NO_LEDGER,
    QUARANTINE,
    TTL,
    claim,
    export,
    ledger,
    policy,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)

A, B = Host("a.ns"), Host("b.ns")


@pytest.fixture
def registry() -> Registry:
    return settled(Registry(settings()), reset("east", export("a.ns")), reset("west"))


def both(*exports: Export) -> Registry:
    mine = [one for one in exports if one.cluster == "east"]
    others = [one for one in exports if one.cluster == "west"]
    return settled(Registry(settings()), reset("east", *mine), reset("west", *others))


# before everything is known


def test_nothing_is_numbered_before_it_is_settled():
    registry = Registry(settings())
    delta = registry.apply([reset("east", export("a.ns"))], 10)
    assert not delta.claims
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED


def test_a_host_whose_vip_is_known_is_published_before_it_is_settled():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([reset("east", export("a.ns"))], 10)
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)
    assert service(registry, "a.ns").state is ServiceState.READY


def test_nothing_is_withdrawn_before_it_is_settled():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([reset("east", export("a.ns"))], 10)
    registry.apply([Remove("east", A)], 11)
    assert service(registry, "a.ns").state is ServiceState.READY
    delta = registry.settle(12)
    assert delta.removed == (A,)
    assert [c.reason for c in delta.claims] == ["withdrawn"]


def test_nothing_moves_before_it_is_settled():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([reset("east", export("a.ns"))], 10)
    rival = ledger("west", claim("b.ns", "240.128.0.7", 4, "west"))
    registry.apply([reset("west", export("b.ns", "west"), ledger=rival)], 11)
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)
    delta = remember(registry, registry.settle(12), 12)
    assert [move.reason for move in delta.moves] == ["collision"]


def test_an_absent_name_is_known_to_be_absent_once_every_source_is_known():
    registry = Registry(settings())
    assert not registry.apply([reset("east")], 10).complete
    remembered = reset("west", state=SourceState.REMEMBERED)
    assert registry.apply([remembered], 11).complete


def test_a_fenced_cluster_is_not_waited_for():
    registry = Registry(settings(fenced=["west"]))
    assert registry.apply([reset("east")], 10).complete


# written before published


def test_a_host_is_published_when_our_ledger_has_its_number():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns")), reset("west")], 10)
    delta = registry.settle(10)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    assert registry.unwritten == delta.claims
    published = registry.acknowledge(delta.claims, 11)
    assert [s.state for s in published.services] == [ServiceState.READY]
    assert registry.unwritten == ()


def test_a_host_is_published_when_an_exporters_own_ledger_has_its_number():
    registry = Registry(settings())
    theirs = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([reset("west", export("a.ns", "west"), ledger=theirs), reset("east")], 10)
    registry.settle(10)
    assert service(registry, "a.ns").vips == (vip("240.128.0.9"),)


def test_a_renumbered_host_keeps_its_vip_until_the_ledger_has_the_new_one(registry):
    old = service(registry, "a.ns").vips
    delta = registry.renumber([A], 20)
    assert service(registry, "a.ns").vips == old
    moved = registry.acknowledge(delta.claims, 21)
    (move,) = moved.moves
    assert (move.old, move.new, move.reason) == (old, service(registry, "a.ns").vips, "renumbered")
    assert service(registry, "a.ns").rule == "chosen"


def test_a_kept_vip_is_let_go_when_a_pin_takes_it(registry):
    old = service(registry, "a.ns").vips
    registry.renumber([A], 20)
    text = ".".join(map(str, old[0]))
    delta = registry.apply([Put(export("b.ns", pins=[text]))], 21)
    registry.acknowledge([c for c in delta.claims if c.host == B], 21)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    assert service(registry, "b.ns").state is ServiceState.HANDOVER


# who claims


def test_every_exporter_that_we_write_for_claims_under_its_own_id():
    registry = both(export("a.ns"), export("a.ns", "west"))
    assert {c.cluster for c in registry.claims.of_host(A)} == {"east", "west"}
    assert len({c.vip for c in registry.claims.of_host(A)}) == 1


def test_a_new_exporter_copies_address_and_date_of_the_holder(registry):
    (first,) = registry.claims.of_host(A)
    registry.apply([Put(export("a.ns", "west"))], 50)
    copy = next(c for c in registry.claims.of_host(A) if c.cluster == "west")
    assert (copy.vip, copy.allocated_at) == (first.vip, first.allocated_at)


def test_a_copy_of_what_the_cluster_retired_before_is_dated_now():
    registry = both(export("a.ns"), export("a.ns", "west"))
    registry.apply([Remove("west", A)], 50)
    registry.apply([Put(export("a.ns", "west"))], 60)
    live = [c for c in registry.claims.of_host(A) if c.cluster == "west" and not c.is_retired]
    assert [c.allocated_at for c in live] == [60]


def test_the_vip_stays_as_long_as_any_exporter_does():
    registry = both(export("a.ns"), export("a.ns", "west"))
    before = service(registry, "a.ns").vips
    delta = registry.apply([Remove("east", A)], 50)
    assert not delta.moves
    assert service(registry, "a.ns").vips == before


def test_nobody_claims_for_a_cluster_with_a_ledger_of_its_own():
    registry = Registry(settings())
    registry.apply([reset("east"), reset("west", export("a.ns", "west"), ledger=ledger("west"))], 9)
    assert not registry.settle(10).claims
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED


def test_what_a_new_ledger_did_not_take_over_does_not_count():
    registry = both(export("a.ns", "west"))
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry.apply([SetLedger("west", own)], 20)
    assert service(registry, "a.ns").vips == (vip("240.128.0.9"),)
    assert registry.claims.of_host(A) == own.claims


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
    assert registry.claims.of_host(A) == ()


def test_claims_of_a_cluster_that_may_not_export_the_host_do_not_count():
    rules = {"east": ClusterRules(), "west": ClusterRules(allow_namespaces=("other",))}
    registry = Registry(structs.replace(settings(), clusters=rules))
    theirs = ledger("west", claim("a.ns", "240.128.0.9", 1, "west"))
    settled(registry, reset("east", export("a.ns")), reset("west", ledger=theirs))
    assert service(registry, "a.ns").vips != (vip("240.128.0.9"),)


# silence


def test_a_host_of_a_cluster_that_was_not_heard_is_answered_from_claims_alone():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5, "west")])
    settled(registry, reset("east"))
    assert service(registry, "a.ns").state is ServiceState.CLAIMED
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)
    assert service(registry, "a.ns").rule == "claims-only"
    delta = registry.apply([reset("west")], 20)
    assert delta.removed == (A,)
    assert [c.reason for c in delta.claims] == ["withdrawn"]


def test_a_remembered_view_retires_nothing():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([reset("east", state=SourceState.REMEMBERED), reset("west")], 10)
    assert not registry.settle(10).claims
    synced = Freshness("east", SourceState.SYNCED, 11)
    assert [c.reason for c in registry.apply([SetFreshness(synced)], 11).claims] == ["withdrawn"]


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        (SourceState.SILENT, QUARANTINE // 2, ServiceState.READY),
        (SourceState.SILENT, QUARANTINE // 2 + 1, ServiceState.STALE),
        (SourceState.REMEMBERED, QUARANTINE // 2 + 1, ServiceState.STALE),
        (SourceState.SYNCED, QUARANTINE * 2, ServiceState.READY),
    ],
)
def test_a_view_older_than_half_a_quarantine_is_not_answered_from(registry, state, age, expected):
    registry.apply([SetFreshness(Freshness("east", state, 100))], 100)
    if state is not SourceState.SYNCED:
        assert registry.next_deadline(100) == 100 + QUARANTINE // 2 + 1
    registry.tick(100 + age)
    assert service(registry, "a.ns").state is expected


def test_one_fresh_contributor_is_enough():
    registry = both(export("a.ns"), export("a.ns", "west"))
    registry.apply([SetFreshness(Freshness("west", SourceState.SILENT, 10))], 10)
    registry.tick(10 + QUARANTINE)
    assert service(registry, "a.ns").state is ServiceState.READY


def test_a_paused_registry_writes_nothing_and_makes_up_for_it(registry):
    registry.pause("the clock is 3600 s behind")
    delta = registry.apply([Put(export("b.ns")), Remove("east", A)], 20)
    assert not delta.claims
    assert delta.removed == (A,)
    registry.pause(None)
    delta = registry.tick(21)
    assert {c.host for c in delta.claims} == {A, B}


# fences


def test_exports_of_a_fenced_cluster_do_not_count_but_its_claims_do():
    registry = both(export("a.ns"), export("a.ns", "west"))
    before = service(registry, "a.ns").vips
    word = Fence("west", True, 5, export("x.ns").origin)
    registry.apply([SetFences("east", (word,))], 20)
    assert service(registry, "a.ns").clusters == ("east",)
    registry.apply([Remove("east", A)], 21)
    assert A not in registry.services
    assert {c.vip for c in registry.claims.held(A)} == set(before)


def test_the_newest_word_on_a_fence_wins():
    registry = both(export("a.ns", "west"))
    origin = export("x.ns").origin
    registry.apply([SetFences("east", (Fence("west", True, 5, origin),))], 20)
    assert A not in registry.services
    registry.apply([SetFences("west", (Fence("west", False, 6, origin),))], 21)
    assert A in registry.services


def test_only_configured_clusters_may_fence():
    registry = both(export("a.ns", "west"))
    word = Fence("west", True, 5, export("x.ns").origin)
    registry.apply([SetFences("stranger", (word,))], 20)
    assert A in registry.services


# releasing


def test_coming_back_within_quarantine_gives_the_same_vip(registry):
    before = service(registry, "a.ns").vips
    registry.apply([Remove("east", A)], 20)
    remember(registry, registry.apply([Put(export("a.ns", "west"))], 20 + QUARANTINE - 1), 2000)
    assert service(registry, "a.ns").vips == before


def test_coming_back_in_the_same_second_gives_the_same_vip(registry):
    before = service(registry, "a.ns").vips
    registry.apply([Remove("east", A)], 20)
    remember(registry, registry.apply([Put(export("a.ns"))], 20), 20)
    assert service(registry, "a.ns").vips == before


def test_no_address_is_given_to_another_host_within_quarantine():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])),
        reset("east", export("a.ns"), export("b.ns")),
        reset("west"),
    )
    taken = service(registry, "b.ns").vips
    registry.apply([Remove("east", B), Put(export("c.ns"))], 20)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    registry.tick(20 + 10 * TTL)
    assert registry.next_deadline(20 + 10 * TTL) == 20 + QUARANTINE
    registry.tick(20 + QUARANTINE - 1)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    remember(registry, registry.tick(20 + QUARANTINE), 20 + QUARANTINE)
    assert service(registry, "c.ns").vips == taken


def test_a_rest_does_not_end_while_a_cluster_that_claimed_the_vip_is_silent():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])),
        reset("east", export("a.ns")),
        reset("west", export("b.ns", "west")),
    )
    silent = SetFreshness(Freshness("west", SourceState.SILENT, 20))
    registry.apply([Remove("west", B), Put(export("c.ns"))], 20)
    registry.apply([silent], 20)
    registry.tick(20 + QUARANTINE)
    assert service(registry, "c.ns").state is ServiceState.EXHAUSTED
    back = SetFreshness(Freshness("west", SourceState.SYNCED, 2000))
    remember(registry, registry.apply([back], 2000), 2000)
    assert service(registry, "c.ns").state is ServiceState.READY


# pins


def test_pins_are_answered_all_of_them_and_nothing_from_the_pools():
    registry = both(export("a.ns", pins=["240.0.0.5", "240.0.0.4"]), export("a.ns", "west"))
    assert service(registry, "a.ns").vips == (vip("240.0.0.4"), vip("240.0.0.5"))
    assert service(registry, "a.ns").rule == "pinned"
    kinds = {(c.cluster, c.kind) for c in registry.claims.of_host(A)}
    assert kinds == {("east", ClaimKind.PINNED), ("west", ClaimKind.GIVEN)}


@pytest.mark.parametrize("pin", ["10.0.0.1", "255.255.255.255", "240.240.0.1", "fe80::1"])
def test_a_pin_outside_the_ranges_is_no_answer(pin):
    registry = both(export("a.ns", pins=[pin]))
    assert service(registry, "a.ns").state is ServiceState.PIN_OUTSIDE
    assert not registry.claims.of_host(A)


def test_two_pins_that_collide_both_stay_and_the_older_object_is_answered():
    registry = both(
        export("b.ns", pins=["240.0.0.5"], created_at=2),
        export("a.ns", "west", pins=["240.0.0.5"], created_at=3),
    )
    assert service(registry, "b.ns").vips == (vip("240.0.0.5"),)
    assert service(registry, "a.ns").state is ServiceState.PIN_LOST
    (conflict,) = registry.conflicts()
    assert (conflict.rule, conflict.winner_cluster, conflict.loser_cluster) == (
        "pin-collision",
        "east",
        "west",
    )
    assert not any(c.is_retired for c in registry.claims)


def test_of_two_pinning_objects_in_one_cluster_the_older_counts():
    registry = both(export("a.ns", pins=["240.0.0.5"], created_at=9))
    delta = registry.apply([SetPolicies("east", (policy("a.ns", "240.0.0.6", created_at=3),))], 20)
    remember(registry, delta, 20)
    assert service(registry, "a.ns").vips == (vip("240.0.0.6"),)
    assert [c.rule for c in delta.conflicts] == ["pins"]


def test_a_pin_moves_its_host_at_once_and_so_does_its_end(registry):
    before = service(registry, "a.ns").vips
    delta = remember(registry, registry.apply([Put(export("a.ns", pins=["240.0.0.5"]))], 20), 20)
    assert [(m.new, m.reason) for m in delta.moves] == [((vip("240.0.0.5"),), "pinned")]
    delta = remember(registry, registry.apply([Put(export("a.ns"))], 30), 30)
    assert [(m.new, m.reason) for m in delta.moves] == [(before, "unpinned")]


def test_a_pin_that_is_taken_away_and_written_again_is_answered_again():
    registry = both(export("a.ns", pins=["240.0.0.5", "240.0.0.6"]))
    registry.apply([Put(export("a.ns", pins=["240.0.0.6"]))], 20)
    again = registry.apply([Put(export("a.ns", pins=["240.0.0.5", "240.0.0.6"]))], 30)
    remember(registry, again, 30)
    assert service(registry, "a.ns").vips == (vip("240.0.0.5"), vip("240.0.0.6"))
    assert not registry.apply([Put(export("a.ns", pins=["240.0.0.5", "240.0.0.6"]))], 40).claims


def test_pins_added_to_an_object_without_date_join_its_other_pins():
    registry = both(export("a.ns", pins=["240.0.0.5"], created_at=None))
    more = export("a.ns", pins=["240.0.0.5", "240.0.0.6"], created_at=None)
    remember(registry, registry.apply([Put(more)], 30), 30)
    assert service(registry, "a.ns").vips == (vip("240.0.0.5"), vip("240.0.0.6"))


def test_an_object_from_the_future_does_not_date_the_ledger():
    registry = both(export("a.ns", pins=["240.0.0.5"], created_at=10**9))
    assert registry.claims.newest == 10
    assert not registry.apply([Put(export("b.ns", pins=[], created_at=10**9))], 20).moves


# hand-over


def test_the_winner_of_a_vip_waits_until_the_losers_answers_are_gone(registry):
    taken = service(registry, "a.ns").vips[0]
    text = ".".join(map(str, taken))
    remember(registry, registry.apply([Put(export("b.ns", pins=[text]))], 20), 20)
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.handovers == {taken: 20 + 10 * TTL}
    assert registry.next_deadline(20) == 20 + 10 * TTL
    registry.tick(20 + 10 * TTL)
    assert service(registry, "b.ns").state is ServiceState.READY


def test_a_hand_over_outlives_a_restart():
    registry = Registry(
        settings(),
        [claim("b.ns", "240.128.0.7", 5)],
        answered={vip("240.128.0.7"): A},
        handovers={vip("240.128.0.8"): 30},
    )
    settled(registry, reset("east", export("b.ns")), reset("west"))
    assert service(registry, "b.ns").state is ServiceState.HANDOVER
    assert registry.handovers == {vip("240.128.0.7"): 10 + 10 * TTL, vip("240.128.0.8"): 30}


# what a service is


def test_ports_are_united_and_the_older_is_right():
    young = (Port(81, "http", "HTTP"), Port(9, "admin"))
    registry = both(export("a.ns", created_at=1), export("a.ns", "west", created_at=2, ports=young))
    assert service(registry, "a.ns").ports == (Port(80, "http", "HTTP"), Port(9, "admin"))
    assert [c.rule for c in registry.conflicts()] == ["port-number"]


def test_a_none_entry_is_known_and_has_no_address():
    registry = both(export("a.ns", resolution=Resolution.NONE))
    assert service(registry, "a.ns").state is ServiceState.NONE
    assert not registry.claims.of_host(A)


def test_istios_own_allocation_is_answered_as_local_and_not_claimed():
    registry = both(export("a.ns", local=["240.240.0.9"]))
    assert service(registry, "a.ns").rule == "istio-local"
    assert service(registry, "a.ns").vips == (vip("240.240.0.9"),)
    assert not registry.claims.of_host(A)


def test_changed_at_is_the_last_change_of_what_is_answered(registry):
    first = service(registry, "a.ns").changed_at
    registry.apply([Put(export("a.ns", created_at=0))], 50)
    assert service(registry, "a.ns").changed_at == first
    registry.apply([Put(export("a.ns", ports=(Port(9, "x"),)))], 60)
    assert service(registry, "a.ns").changed_at == 60


def test_what_is_not_different_is_not_in_the_delta(registry):
    delta = registry.apply([Put(export("a.ns"))], 50)
    assert not delta.services


# people


@pytest.mark.parametrize("host", ["b.ns", "p.ns"])
def test_a_host_without_number_is_not_renumbered(host):
    registry = both(export("a.ns"), export("p.ns", pins=["240.0.0.5"]))
    with pytest.raises(RequestRefused, match=repr(host)):
        registry.renumber([A, Host(host)], 20)
    assert service(registry, "a.ns").rule == "given"


def test_all_exporters_follow_a_renumbering():
    registry = both(export("a.ns"), export("a.ns", "west"))
    remember(registry, registry.renumber([A], 20), 20)
    live = {(c.cluster, c.kind, c.vip) for c in registry.claims.of_host(A) if not c.is_retired}
    (new,) = service(registry, "a.ns").vips
    assert live == {("east", ClaimKind.CHOSEN, new), ("west", ClaimKind.GIVEN, new)}


def test_imported_claims_are_written_and_obeyed():
    registry = both()
    delta = registry.import_claims([claim("a.ns", "240.128.0.77", 5)], 20)
    assert not [c for c in delta.claims if not c.is_retired]
    lost = settings(pools=["240.128.0.0/24"])
    other = Registry(lost)
    other.apply([reset("east", export("a.ns")), reset("west")], 10)
    other.import_claims([claim("a.ns", "240.128.0.77", 5)], 11)
    remember(other, other.settle(12), 12)
    other.acknowledge(other.unwritten, 12)
    assert service(other, "a.ns").vips == (vip("240.128.0.77"),)


def test_new_pools_bind_new_choices_only(registry):
    before = service(registry, "a.ns").vips
    registry.reconfigure(settings(pools=["240.130.0.0/24"]), 20)
    assert service(registry, "a.ns").vips == before
    remember(registry, registry.apply([Put(export("b.ns"))], 21), 21)
    assert service(registry, "b.ns").vips[0][:3] == bytes([240, 130, 0])


def test_a_pool_of_another_family_adds_its_addresses(registry):
    both_families = settings(pools=["240.128.0.0/24", "fd00::/64"])
    delta = registry.reconfigure(both_families, 20)
    assert len(service(registry, "a.ns").vips) == 1
    delta = remember(registry, delta, 20)
    assert [len(v) for v in service(registry, "a.ns").vips] == [4, 16]
    assert [move.reason for move in delta.moves] == ["added"]


def test_claims_of_a_cluster_that_is_not_configured_any_more_hold():
    registry = both(export("a.ns", "west"))
    registry.reconfigure(settings(clusters=["east"]), 20)
    assert A not in registry.services
    assert not any(c.is_retired for c in registry.claims.of_host(A))


def test_a_vip_rests_for_the_host_that_had_it_last():
    known = [
        claim("a.ns", "240.128.0.7", 1, retired_at=5),
        claim("b.ns", "240.128.0.7", 5, retired_at=9),
    ]
    registry = Registry(settings(), known)
    settled(registry, reset("east", export("a.ns"), export("b.ns")), reset("west"))
    assert service(registry, "b.ns").vips == (vip("240.128.0.7"),)
    assert service(registry, "a.ns").vips != (vip("240.128.0.7"),)


def test_nothing_is_copied_that_would_be_void():
    theirs = ledger(
        "west",
        claim("a.ns", "240.128.0.7", 8, "west", kind=ClaimKind.PINNED),
        claim("b.ns", "240.128.0.7", 5, "west"),
    )
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns")), reset("west", ledger=theirs)], 10)
    assert not registry.settle(10).claims
    assert registry.claims.holder(vip("240.128.0.7")).host == A
    freed = ledger("west", theirs.claims[0], theirs.claims[1].retire(11, "collision"))
    delta = registry.apply([SetLedger("west", freed)], 11)
    assert [(c.host, c.cluster, c.allocated_at) for c in delta.claims] == [(A, "east", 11)]
    registry.acknowledge(delta.claims, 11)
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)


def test_what_is_written_is_dated_after_all_that_is_known():
    theirs = ledger("west", claim("b.ns", "240.128.0.7", 500, "west"))
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns")), reset("west", ledger=theirs)], 10)
    assert [c.allocated_at for c in registry.settle(10).claims] == [500]


def test_a_host_that_got_its_vip_back_waits_for_nobody_after_a_restart(registry):
    first = service(registry, "a.ns").vips
    for pins in (["240.0.0.5"], []):
        remember(registry, registry.apply([Put(export("a.ns", pins=pins))], 20), 20)
    assert service(registry, "a.ns").vips == first
    assert registry.handovers == {vip("240.0.0.5"): 20 + 10 * TTL}


def test_a_source_may_be_called_synced_before_its_view_is_given():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([SetFreshness(Freshness("east", SourceState.SYNCED, 5)), reset("west")], 5)
    assert not registry.settle(6).claims
    view = structs.replace(reset("east").view, freshness=None)
    assert [c.reason for c in registry.apply([Reset(view)], 7).claims] == ["withdrawn"]
