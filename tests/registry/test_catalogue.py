"""What one publication changes, and that nothing of it is silent."""

from msgspec import structs

from globaldns.model.export import Port
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Put,
    Remove,
    Reset,
    SetLedger,
)
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
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


def test_what_is_not_different_is_not_in_the_delta(registry):
    delta = registry.apply([Put(export("a.ns"))], 50)
    assert not delta.services


def test_a_publication_leaves_the_map_before_it_as_it_was(registry):
    before = registry.services
    registry.apply([Remove("east", A), Put(export("b.ns"))], 50)
    assert (A in before, B in before) == (True, False)
    assert (A in registry.services, B in registry.services) == (False, True)


def test_only_conflicts_that_were_not_there_before_are_told(registry):
    other = [Port(81, "http", "HTTP"), Port(81, "grpc", "GRPC")]
    first = registry.apply([Put(export("a.ns", "west", created_at=2, ports=(other[0],)))], 50)
    assert [c.detail for c in first.conflicts] == ["port 'http' is 80/tcp HTTP and 81/tcp HTTP"]
    again = registry.apply([Put(export("a.ns", "west", created_at=2, ports=tuple(other)))], 51)
    assert (len(again.services), again.conflicts) == (1, ())
    assert registry.conflicts() == first.conflicts
    registry.apply([Remove("west", A)], 52)
    assert registry.conflicts() == ()


def test_the_conflicts_of_a_host_that_is_gone_are_gone():
    registry = both(export("a.ns"), export("a.ns", "west", created_at=2, ports=(Port(81, "http"),)))
    assert registry.conflicts()
    registry.apply([Remove("west", A), Remove("east", A)], 52)
    assert registry.conflicts() == ()


def test_a_host_that_ceased_to_be_answered_moves_from_what_it_was_answered_with_last(registry):
    (old,) = service(registry, "a.ns").vips
    text = ".".join(map(str, old))
    registry.apply([Put(export("b.ns", pins=[text]))], 20)
    numbered = [claim for claim in registry.unwritten if claim.host == A and not claim.is_retired]
    registry.acknowledge({*registry.unwritten} - {*numbered}, 21)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    (move,) = registry.acknowledge(numbered, 21).moves
    assert (move.host, move.old, move.reason) == (A, (old,), "collision")
    assert move.new == service(registry, "a.ns").vips


def test_a_host_that_comes_back_after_it_was_gone_has_not_moved(registry):
    (old,) = service(registry, "a.ns").vips
    delta = registry.apply([Put(export("b.ns", pins=[".".join(map(str, old))]))], 20)
    registry.acknowledge([claim for claim in delta.claims if claim.host == B], 20)
    assert service(registry, "a.ns").state is ServiceState.UNNUMBERED
    registry.apply([Remove("east", A)], 21)
    delta = remember(registry, registry.apply([Put(export("a.ns"))], 30), 30)
    assert service(registry, "a.ns").state is ServiceState.READY
    assert delta.moves == ()


def test_some_pins_less_are_a_move_by_that_name():
    registry = both(export("a.ns", pins=["240.0.0.5", "240.0.0.6"]))
    delta = registry.apply([Put(export("a.ns", pins=["240.0.0.6"]))], 20)
    delta = delta if delta.moves else registry.acknowledge(registry.unwritten, 20)
    assert [move.reason for move in delta.moves] == ["removed"]


def test_hosts_are_published_in_their_order():
    registry = Registry(settings(), [claim(h, f"240.128.0.{n}", 1) for n, h in enumerate("cba", 1)])
    delta = registry.apply([reset("east", *map(export, "cab"))], 10)
    assert [one.host for one in delta.services] == ["a", "b", "c"]


def test_a_move_for_another_ledger_s_sake_is_called_replaced():
    registry = both(export("a.ns", "west"))
    own = ledger("west", claim("a.ns", "240.128.0.9", 5, "west"))
    (move,) = registry.apply([SetLedger("west", own)], 20).moves
    assert (move.host, move.new, move.reason) == (A, (vip("240.128.0.9"),), "replaced")


def test_a_move_to_and_from_istio_s_own_allocation_is_called_so():
    local = (vip("240.240.3.4"),)
    registry = both(export("a.ns"))
    number = service(registry, "a.ns").vips
    (there,) = registry.apply(
        [Put(structs.replace(export("a.ns"), local_addresses=local))], 20
    ).moves
    (back,) = registry.apply([Put(export("a.ns"))], 21).moves
    assert (there.new, there.reason) == (local, "istio-local")
    assert (back.new, back.reason) == (number, "istio-local")


BOTH = ("global", "mesh")


def read_with(change: Reset, *zones: str) -> Reset:
    """Return a view as it is read by a server with these zones."""
    assert change.view.freshness is not None
    freshness = structs.replace(change.view.freshness, zones=zones)
    return Reset(structs.replace(change.view, freshness=freshness))


def many(count: int, *, at_once: int) -> tuple[Registry, Reset]:
    """Return a registry that remembers so many hosts of the east, and what the east says."""
    names = [f"h{number}.ns" for number in range(count)]
    claims = [claim(name, f"240.128.0.{place}", 1) for place, name in enumerate(names, 1)]
    return Registry(settings(), claims, at_once=at_once), reset("east", *map(export, names))


def test_many_hosts_are_published_some_at_a_time():
    registry, view = many(5, at_once=2)
    sizes = [len(registry.apply([view, reset("west")], 10).services)]
    assert (registry.next_deadline, registry.is_behind) == (0, True)
    while registry.is_behind:
        sizes.append(len(registry.tick(10).services))
    assert sizes == [2, 2, 1]
    assert len(registry.services) == 5


def test_while_names_wait_to_be_published_none_is_known_to_be_absent():
    claims = [claim(f"h{n}.ns", f"240.128.0.{n}", 1, "west") for n in range(1, 6)]
    said = reset("west", *(export(f"h{n}.ns", "west") for n in range(1, 6)))
    registry = settled(Registry(settings(), at_once=2), reset("east"), reset("west"))
    said = structs.replace(said, view=structs.replace(said.view, ledger=ledger("west", *claims)))
    deltas = [registry.apply([said], 11)]
    while registry.is_behind:
        deltas.append(registry.tick(11))
    assert [len(delta.services) for delta in deltas] == [2, 2, 1]
    assert [delta.complete for delta in deltas] == [False, False, True]


def test_what_waits_and_is_a_service_already_denies_nothing():
    registry, view = many(5, at_once=10)
    settled(registry, view, reset("west"))
    registry._catalogue._at_once = 2
    other = reset("east", *(export(f"h{n}.ns", ports=(Port(81, "x"),)) for n in range(5)))
    delta = registry.apply([other], 20)
    assert (len(delta.services), delta.complete, registry.is_written) == (2, True, False)


def test_what_changes_while_others_wait_comes_first():
    registry, view = many(9, at_once=2)
    registry.apply([view, reset("west")], 10)
    delta = registry.apply([Put(export("h8.ns", ports=(Port(81, "x"),)))], 11)
    assert "h8.ns" in {one.host for one in delta.services}


def test_a_host_that_lost_its_vip_is_seen_before_the_one_that_got_it():
    registry, view = many(5, at_once=10)
    settled(registry, view, reset("west"))
    registry._catalogue._at_once = 1
    pinning = export("a.ns", "west", pins=["240.128.0.5"])
    remember(registry, registry.apply([Put(pinning)], 20), 20)
    while registry.is_behind:
        registry.tick(20)
    assert registry.services[A].state is ServiceState.HANDOVER


def test_while_hosts_are_not_in_a_new_zone_yet_no_name_is_known_to_be_absent():
    registry, view = many(5, at_once=10)
    settled(registry, read_with(view, *BOTH), reset("west", zones=BOTH))
    registry._catalogue._at_once = 2
    deltas = [registry.reconfigure(settings(zones=BOTH), 20)]
    while registry.is_behind:
        deltas.append(registry.tick(20))
    assert [delta.complete for delta in deltas] == [False, False, True]
    assert all(one.zones == BOTH for one in registry.services.values())


def test_while_hosts_wait_that_are_read_to_be_in_a_new_zone_no_name_is_known_to_be_absent():
    exports = [export(f"h{number}.ns", zones=("global",)) for number in range(5)]
    registry = settled(Registry(settings()), reset("east", *exports), reset("west"))
    registry.reconfigure(settings(zones=BOTH), 20)
    registry._catalogue._at_once = 2
    anew = [structs.replace(one, zones=BOTH) for one in exports]
    changes = [reset("west", zones=BOTH), reset("east", *anew, zones=BOTH)]
    deltas = [registry.apply(changes, 21)]
    while registry.is_behind:
        deltas.append(registry.tick(21))
    assert [delta.complete for delta in deltas] == [False, False, True]
    assert all(one.zones == BOTH for one in registry.services.values())


def test_what_waits_gets_its_turn_though_others_are_touched_every_time():
    registry, view = many(9, at_once=4)
    registry.apply([view, reset("west")], 10)
    for port in range(81, 90):
        changes = [Put(export(f"h{n}.ns", ports=(Port(port, "x"),))) for n in range(4)]
        registry.apply(changes, 11)
    assert len(registry.services) == 9
