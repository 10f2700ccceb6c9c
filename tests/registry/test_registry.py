"""The registry's own turn: settling, pausing, acknowledging, and what people ask for."""

import pytest

from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Doubt,
    Freshness,
    Put,
    Remove,
    SetFreshness,
    SetLedger,
    SourceState,
)
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    FAR,
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


def is_idle(registry: Registry) -> bool:
    """Whether time changes nothing, but that clusters are lost."""
    return registry.next_deadline is not None and registry.next_deadline >= FAR


def test_nothing_is_numbered_before_it_is_settled():
    registry = Registry(settings())
    delta = registry.apply([reset("east", export("a.ns"))], 10)
    assert not delta.claims
    assert not registry.services
    assert not delta.complete


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
    registry.apply([reset("east")], 10)
    assert not registry.settle(10).complete
    remembered = reset("west", state=SourceState.REMEMBERED)
    assert registry.apply([remembered], 11).complete


def test_no_name_is_known_to_be_absent_before_it_is_settled():
    registry = Registry(settings())
    assert not registry.apply([reset("east"), reset("west")], 10).complete
    assert registry.settle(10).complete


def test_a_fenced_cluster_is_not_waited_for():
    registry = Registry(settings(fenced=["west"]))
    registry.apply([reset("east")], 10)
    assert registry.settle(10).complete


def test_after_a_zone_is_added_no_name_is_absent_until_every_source_is_read_with_it():
    zones = ("global", "mesh")
    registry = settled(Registry(settings(fenced=["north"])), reset("east"), reset("west"))
    assert not registry.reconfigure(settings(zones=zones), 20).complete
    stale = reset("west", export("a.ns", "west")).view.freshness
    assert not registry.apply([reset("east", zones=zones), SetFreshness(stale)], 21).complete
    read = reset("west", export("pay.ns", "west", zones=("mesh",)), zones=zones)
    delta = remember(registry, registry.apply([read], 22), 22)
    assert delta.complete
    assert service(registry, "pay.ns").zones == ("mesh",)


@pytest.mark.parametrize("zones", [("global",), ("mesh",), ("mesh", "global")])
def test_where_zones_are_removed_or_reordered_absent_names_stay_absent(zones):
    read = ("global", "mesh")
    views = [reset("east", zones=read), reset("west", zones=read)]
    registry = settled(Registry(settings(zones=read)), *views)
    assert registry.reconfigure(settings(zones=zones), 20).complete


def test_a_host_is_published_when_our_ledger_has_its_number():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns")), reset("west")], 10)
    remember(registry, registry.settle(10), 10)
    delta = registry.apply([Put(export("b.ns"))], 11)
    assert service(registry, "b.ns").state is ServiceState.UNNUMBERED
    assert registry.unwritten == delta.claims
    published = registry.acknowledge(delta.claims, 12)
    assert [s.state for s in published.services] == [ServiceState.READY]
    assert registry.unwritten == ()


def test_the_first_numbers_are_waited_for_and_nothing_is_denied_meanwhile():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns"), export("b.ns")), reset("west")], 10)
    delta = registry.settle(10)
    assert (dict(registry.services), delta.complete) == ({}, False)
    first = [claim for claim in delta.claims if claim.host == A]
    assert not registry.acknowledge(first, 11).complete
    assert service(registry, "a.ns").state is ServiceState.READY
    assert registry.acknowledge(delta.claims, 11).complete
    assert service(registry, "b.ns").state is ServiceState.READY


def test_a_ledger_that_cannot_be_written_is_not_waited_for():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns")), reset("west")], 10)
    delta = registry.settle(10)
    assert registry.await_no_longer(11).complete
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    remember(registry, delta, 12)
    assert service(registry, "a.ns").state is ServiceState.READY


def test_a_paused_registry_writes_nothing_and_makes_up_for_it(registry):
    registry.pause("the clock is 3600 s behind")
    delta = registry.apply([Put(export("b.ns")), Remove("east", A)], 20)
    assert not delta.claims
    assert delta.removed == (A,)
    registry.pause(None)
    delta = registry.tick(21)
    assert {c.host for c in delta.claims} == {A, B}


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


def test_only_what_the_ledger_has_in_its_newest_version_is_acknowledged(registry):
    given = registry.apply([Put(export("b.ns"))], 20)
    ended = registry.apply([Remove("east", B)], 21)
    registry.acknowledge(given.claims, 22)
    assert registry.unwritten == ended.claims
    registry.acknowledge(ended.claims, 22)
    assert registry.unwritten == ()


@pytest.mark.parametrize("is_settled", [True, False])
def test_while_nothing_is_numbered_a_person_is_told_why(is_settled):
    registry = both(export("a.ns")) if is_settled else Registry(settings())
    registry.pause("the clock is 3600 s behind" if is_settled else None)
    reason = "3600 s behind" if is_settled else "not every source was read yet"
    with pytest.raises(RequestRefused, match=reason):
        registry.renumber([A], 20)


def test_what_is_imported_for_a_cluster_with_a_ledger_is_not_taken():
    registry = settled(Registry(settings()), reset("west", ledger=ledger("west")), reset("east"))
    mine, theirs = (claim("a.ns", "240.128.0.7", 5, cluster) for cluster in ("east", "west"))
    delta = registry.import_claims([mine, theirs], 20)
    assert {c.cluster for c in delta.claims} == {"east"}


def test_what_no_history_needs_is_forgotten_when_our_ledger_has_forgotten_it():
    old = [claim("a.ns", f"240.128.0.{last}", 1, retired_at=last) for last in range(1, 12)]
    registry = settled(Registry(settings(), old), reset("east"), reset("west"))
    assert registry.forgettable(tuple(registry.claims), 1_000) == ()
    assert registry.forgettable(tuple(registry.claims), 100_000) == tuple(old[:3])
    assert registry.claims.of_host(A) == tuple(old)
    registry.forget(old[:3])
    assert registry.claims.of_host(A) == tuple(old[3:])


def test_the_history_in_another_clusters_ledger_is_not_ours_to_forget():
    old = [claim("a.ns", f"240.128.0.{last}", 1, "west", retired_at=last) for last in range(1, 12)]
    registry = settled(Registry(settings()), reset("west", ledger=ledger("west", *old)))
    assert registry.forgettable(tuple(registry.claims), 100_000) == ()


def test_there_is_no_deadline_where_time_changes_nothing(registry):
    assert is_idle(registry)


def test_what_only_our_ledger_knows_is_published_with_the_first_turn():
    registry = Registry(settings(), [claim("a.ns", "240.128.0.7", 5, "west")])
    delta = registry.apply([reset("east")], 10)
    assert [(one.host, one.state) for one in delta.services] == [(A, ServiceState.CLAIMED)]


def test_many_hosts_are_numbered_some_at_a_time_and_denied_none_of_them_meanwhile():
    registry = Registry(settings(), at_once=2)
    hosts = [f"{letter}.ns" for letter in "edcba"]
    registry.apply([reset("east", *map(export, hosts)), reset("west")], 10)
    delta = registry.settle(10)
    served: list[str] = []
    while not registry.is_written:
        assert not delta.complete
        assert is_idle(registry) == (len(served) == 4)
        numbered = remember(registry, delta, 10)
        served += [service.host for service in numbered.services]
        assert all(service.vips for service in numbered.services)
        delta = registry.tick(10)
    assert served == sorted(hosts)
    assert delta.complete
    assert is_idle(registry)


def test_a_host_that_ends_while_it_stands_in_line_is_absent():
    registry = Registry(settings(), at_once=1)
    registry.apply([reset("east", export("a.ns"), export("b.ns")), reset("west")], 10)
    remember(registry, registry.settle(10), 10)
    assert registry.apply([Remove("east", B)], 10).complete
    assert registry.is_written
    assert set(registry.services) == {A}


def test_while_the_clock_is_not_believed_nobody_in_line_is_numbered():
    registry = Registry(settings(), at_once=1)
    registry.apply([reset("east", export("a.ns"), export("b.ns")), reset("west")], 10)
    remember(registry, registry.settle(10), 10)
    registry.pause("the clock is wrong")
    assert is_idle(registry)
    assert not registry.tick(10).claims
    registry.pause(None)
    assert {one.host for one in registry.tick(10).claims} == {B}


def test_a_host_whose_only_claim_is_forgotten_before_all_is_read_is_no_service_afterwards():
    registry = Registry(settings())
    theirs = claim("a.ns", "240.128.0.7", 5, "west")
    young = Freshness("west", SourceState.REMEMBERED, 1, doubt=Doubt.YOUNG)
    registry.apply([reset("west", ledger=ledger("west", theirs)), SetFreshness(young)], 10)
    assert set(registry.services) == {A}
    gone = ledger("west", theirs.retire(9, "withdrawn"))
    registry.apply([SetLedger("west", gone)], 10)
    registry.apply([SetLedger("west", ledger("west"))], 10)
    registry.settle(10)
    assert not registry.services
