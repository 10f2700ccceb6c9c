import pytest

from globaldns.model.claim import ClaimKind
from globaldns.model.export import (
    Origin,
)
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Put,
    SetPolicies,
)
from globaldns.registry.pins import Pinning, choose_pinning
from tests.registry.mesh import (
    A,
    both,
    export,
    policy,
    remember,
    service,
    vip,
)


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


@pytest.mark.parametrize("first", [(), ("240.0.0.6",)], ids=["without pins", "with another"])
def test_what_is_pinned_gives_way_to_no_pin_that_is_written_later_into_an_older_object(first):
    registry = both(export("a.ns"), export("b.ns"))
    older = policy("a.ns", *first, created_at=2)
    remember(registry, registry.apply([SetPolicies("east", (older,))], 15), 15)
    in_use = policy("b.ns", "240.0.0.5", created_at=3)
    remember(registry, registry.apply([SetPolicies("east", (older, in_use))], 20), 20)
    later = policy("a.ns", *first, "240.0.0.5", created_at=2)
    remember(registry, registry.apply([SetPolicies("east", (later, in_use))], 30), 30)
    assert service(registry, "b.ns").vips == (vip("240.0.0.5"),)
    assert service(registry, "a.ns").vips == tuple(map(vip, first))


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


def chosen(found: Pinning | None) -> tuple[str, ...]:
    if found is None:
        return ()
    kinds = (found.origin.kind, found.rival.origin.kind if found.rival else "")
    return tuple(filter(None, kinds))


OLD, YOUNG = policy("a.ns", "240.0.0.6", created_at=1), policy("a.ns", "240.0.0.6", created_at=9)
EXPORT = export("a.ns", pins=["240.0.0.5"], created_at=5)


@pytest.mark.parametrize(
    ("one", "written", "expected"),
    [
        (None, None, ()),
        (export("a.ns"), None, ()),
        (export("a.ns"), policy("a.ns"), ()),
        (EXPORT, None, ("ServiceEntry",)),
        (None, OLD, ("GlobalService",)),
        (export("a.ns"), OLD, ("GlobalService",)),
        (EXPORT, policy("a.ns", created_at=1), ("ServiceEntry",)),
        (EXPORT, OLD, ("GlobalService", "ServiceEntry")),
        (EXPORT, YOUNG, ("ServiceEntry", "GlobalService")),
        (EXPORT, policy("a.ns", "240.0.0.6", created_at=None), ("ServiceEntry", "GlobalService")),
    ],
)
def test_of_what_pins_a_host_in_one_cluster_the_older_counts_and_the_other_is_its_rival(
    one, written, expected
):
    assert chosen(choose_pinning("east", one, written)) == expected


def test_a_pinning_is_what_its_object_wrote():
    found = choose_pinning("east", EXPORT, None)
    assert found == Pinning("east", A, EXPORT.origin, 5, (vip("240.0.0.5"),), 5)
    found = choose_pinning("east", None, OLD)
    assert found == Pinning("east", A, OLD.origin, 1, (vip("240.0.0.6"),), None)


def test_older_is_by_creation_then_cluster_then_namespace_then_name():
    keys = [
        (None, "east", "a", "a"),
        (2, "west", "a", "a"),
        (2, "east", "b", "a"),
        (2, "east", "a", "b"),
        (2, "east", "a", "a"),
    ]
    pinnings = [Pinning(c, A, Origin("Service", ns, name), at, ()) for at, c, ns, name in keys]
    assert sorted(pinnings, key=lambda one: one.age_key) == pinnings[::-1]


def test_pins_are_claimed_before_any_number_is_given():
    first = both(export("a.ns"))
    taken = ".".join(map(str, service(first, "a.ns").vips[0]))
    registry = both(export("a.ns"), export("b.ns", pins=[taken]))
    assert service(registry, "b.ns").vips == (vip(taken),)
    assert service(registry, "a.ns").vips != (vip(taken),)
