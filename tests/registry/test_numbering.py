import pytest
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.export import (
    Resolution,
)
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Doubt,
    Freshness,
    Put,
    Remove,
    Reset,
    SetFreshness,
    SetLedger,
    SourceState,
)
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    QUARANTINE,
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
    vip,
)


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


def test_a_remembered_view_retires_nothing():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([reset("east", state=SourceState.REMEMBERED), reset("west")], 10)
    assert not registry.settle(10).claims
    synced = Freshness("east", SourceState.SYNCED, 11)
    assert [c.reason for c in registry.apply([SetFreshness(synced)], 11).claims] == ["withdrawn"]


def test_a_source_may_be_called_synced_before_its_view_is_given():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5)])
    registry.apply([SetFreshness(Freshness("east", SourceState.SYNCED, 5)), reset("west")], 5)
    assert not registry.settle(6).claims
    view = structs.replace(reset("east").view, freshness=None)
    assert [c.reason for c in registry.apply([Reset(view)], 7).claims] == ["withdrawn"]


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


LOCAL = ["240.240.0.9"]


@pytest.mark.parametrize(
    ("exports", "needs"),
    [
        ([], False),
        ([export("a.ns")], True),
        ([export("a.ns", "west", local=LOCAL)], True),
        ([export("a.ns", resolution=Resolution.NONE)], False),
        ([export("a.ns", pins=["240.0.0.5"])], False),
        ([export("a.ns", pins=["10.0.0.1"])], False),
        ([export("a.ns"), export("a.ns", "west", pins=["240.0.0.5"])], False),
        ([export("a.ns", local=LOCAL)], False),
        ([export("a.ns", local=LOCAL), export("a.ns", "west")], False),
        ([export("a.ns", "west"), export("a.ns", created_at=2, resolution=Resolution.NONE)], True),
    ],
)
def test_a_host_needs_a_number_where_nothing_else_says_its_address(exports, needs):
    registry = both(*exports)
    assert registry.numbering.needs_number(A) is needs
    numbers = [c for c in registry.claims.of_host(A) if c.vip in registry.settings.pools[0]]
    assert bool(numbers) is needs


@pytest.mark.parametrize(
    ("one", "is_local"),
    [
        (export("a.ns", local=LOCAL), True),
        (export("a.ns", local=LOCAL, pins=["240.0.0.5"]), False),
        (export("a.ns", "west", local=LOCAL), False),
        (export("a.ns"), False),
    ],
)
def test_only_our_own_clusters_allocation_by_istio_is_local_and_a_pin_is_stronger(one, is_local):
    assert both(one).numbering.is_local(A) is is_local


@pytest.mark.parametrize("pools", [["240.128.0.0/24"], ["240.128.0.0/24", "fd00::/64"]])
def test_what_a_host_would_get_is_what_it_gets_next(pools):
    registry = settled(Registry(settings(pools=pools)), reset("east"), reset("west"))
    promised = registry.numbering.would_get(A)
    remember(registry, registry.apply([Put(export("a.ns"))], 20), 20)
    assert service(registry, "a.ns").vips == promised
    assert registry.numbering.would_get(A) == ()


def test_a_host_that_rests_would_get_its_own_vip_back(registry):
    before = service(registry, "a.ns").vips
    registry.apply([Remove("east", A)], 20)
    assert registry.numbering.would_get(A) == before


def test_a_pin_outside_the_pools_does_not_come_back_as_a_number():
    registry = both(export("a.ns", pins=["240.0.0.5"]), export("b.ns", pins=["240.128.0.5"]))
    remember(registry, registry.apply([Put(export("a.ns")), Put(export("b.ns"))], 20), 20)
    assert service(registry, "a.ns").vips[0] in registry.settings.pools[0]
    assert service(registry, "b.ns").vips == (vip("240.128.0.5"),)


def test_the_hosts_of_one_turn_are_numbered_in_their_order():
    hosts = [f"{name}.ns" for name in "hgfedcba"]
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])), reset("east", *map(export, hosts))
    )
    numbered = [h for h in hosts if service(registry, h).state is ServiceState.READY]
    assert sorted(numbered) == ["a.ns", "b.ns"]
    assert registry.numbering.exhausted == {Host(h) for h in hosts} - set(numbered)


def test_a_host_that_goes_away_waits_for_no_address_any_more():
    registry = settled(Registry(settings(pools=["240.128.0.0/31"])), reset("east", export("a.ns")))
    registry.apply([Remove("east", A)], 20)
    assert registry.numbering.exhausted == set()


@pytest.mark.parametrize(
    ("own", "exporters", "cluster"),
    [
        ("east", "east west", "east"),
        ("west", "east west", "west"),
        ("east", "west", "west"),
        ("east", "west north", "north"),
    ],
)
def test_a_host_is_renumbered_in_our_own_name_where_we_export_it(own, exporters, cluster):
    clusters = ("east", "north", "west")
    registry = Registry(settings(own, clusters))
    settled(registry, *(reset(c, *[export("a.ns", c)] * (c in exporters)) for c in clusters))
    assert registry.numbering.renumbering_cluster(A) == cluster


def test_a_host_of_a_cluster_that_keeps_its_ledger_is_not_renumbered_by_us():
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    registry = settled(Registry(settings()), reset("west", export("a.ns", "west"), ledger=own))
    with pytest.raises(
        RequestRefused, match=r"'a\.ns' is exported by no cluster that we write for"
    ):
        registry.numbering.renumbering_cluster(A)


def test_a_choice_is_newer_than_all_that_is_known(registry):
    newest = registry.claims.newest
    (chosen,) = registry.numbering.choose({A: "east"}, 0)
    assert (chosen.kind, chosen.allocated_at) == (ClaimKind.CHOSEN, newest + 1)
    assert chosen.vip in registry.numbering.occupancy


def test_a_host_is_unwritten_while_our_ledger_lacks_all_of_its_claims(registry):
    given = registry.apply([Put(export("b.ns")), Put(export("a.ns", "west"))], 20)
    numbering = registry.numbering
    assert {c.host for c in given.claims} == {A, B}
    assert (numbering.written.lacks(A), numbering.written.lacks(B)) == (False, True)
    assert (numbering.remembered(A) != (), numbering.remembered(B)) == (True, ())
    numbering.forget(given.claims)
    assert not numbering.written.lacks(B)


@pytest.mark.parametrize(
    ("address", "may"), [("240.128.0.7", True), ("240.0.0.1", True), ("10.0.0.1", False)]
)
def test_an_address_may_be_pinned_in_pools_and_ranges_of_pins(address, may):
    narrow = settings(pins=["240.0.0.0/24"])
    assert Registry(narrow).numbering.may_pin(vip(address)) is may


def test_nothing_is_retired_for_a_cluster_that_never_spoke():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5, "west")])
    settled(registry, reset("east", export("a.ns")))
    live = {(c.cluster, c.vip) for c in registry.claims.of_host(A) if not c.is_retired}
    assert live == {("east", vip("240.128.0.7")), ("west", vip("240.128.0.7"))}


@pytest.mark.parametrize("doubt", [Doubt.YOUNG, Doubt.PARTIAL])
def test_what_a_doubtful_view_lacks_is_retired_when_the_doubt_ends(doubt):
    registry = settled(Registry(settings(), [claim("a.ns", "240.128.0.7", 5)]), reset("west"))
    doubtful = Freshness("east", SourceState.SYNCED, 10, doubt=doubt)
    view = structs.replace(reset("east").view, freshness=doubtful)
    assert not registry.apply([Reset(view)], 10).claims
    believed = SetFreshness(Freshness("east", SourceState.SYNCED, 40))
    assert [c.reason for c in registry.apply([believed], 40).claims] == ["withdrawn"]


def test_of_two_numbers_of_one_host_the_older_stays_and_is_copied():
    known = [claim("a.ns", "240.128.0.7", 5), claim("a.ns", "240.128.0.8", 6, "west")]
    registry = Registry(settings(), known)
    settled(registry, reset("east", export("a.ns")), reset("west", export("a.ns", "west")))
    live = {(c.cluster, c.vip) for c in registry.claims.of_host(A) if not c.is_retired}
    assert live == {("east", vip("240.128.0.7")), ("west", vip("240.128.0.7"))}


def test_a_forgotten_claim_frees_its_address_for_who_waits_for_one():
    registry = Registry(settings(pools=["240.128.0.0/30"]))
    resting = claim("x.ns", "240.128.0.1", 1, "west", retired_at=2)
    held = claim("y.ns", "240.128.0.2", 1, "west")
    own = reset("west", ledger=ledger("west", resting, held))
    settled(registry, reset("east", export("a.ns")), own)
    assert service(registry, "a.ns").state is ServiceState.EXHAUSTED
    registry.apply([SetLedger("west", ledger("west", held))], 20)
    registry.acknowledge(registry.unwritten, 20)
    assert service(registry, "a.ns").state is ServiceState.READY


@pytest.mark.parametrize("more", [[], ["fd00::/64"]])
def test_a_renumbering_that_finds_no_address_is_refused_and_takes_none(more):
    registry = Registry(settings(pools=["240.128.0.0/30", *more]))
    settled(registry, reset("east", export("a.ns"), export("b.ns")), reset("west"))
    usage = registry.usage()
    with pytest.raises(RequestRefused, match="no pool has a free IPv4 address"):
        registry.renumber([Host("a.ns")], 20)
    assert registry.usage() == usage
