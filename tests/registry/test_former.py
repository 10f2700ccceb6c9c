"""VIPs that a host had before: whose they are, and for how long."""

from __future__ import annotations

import pytest
from msgspec import structs

from globaldns.model.address import Address
from globaldns.model.claim import ClaimKind
from globaldns.model.view import Put, Remove, SetLedger
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    QUARANTINE,
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
)

OVERLAP = settings().overlap
"""Of these registries."""


def former(registry: Registry, host: str = "a.ns") -> tuple[Address, ...]:
    return service(registry, host).former


def renumber(registry: Registry, now: int) -> Address:
    """Move a host; return the address that it had."""
    (old,) = service(registry, "a.ns").vips
    remember(registry, registry.renumber([A], now), now)
    return old


def pin(registry: Registry, host: str, *pins: str, now: int) -> None:
    remember(registry, registry.apply([Put(export(host, pins=pins))], now), now)


def test_the_old_vip_of_a_host_that_moved_is_a_former_one_until_the_overlap_is_over(registry):
    old = renumber(registry, 20)
    assert old not in service(registry, "a.ns").vips
    assert former(registry) == (old,)
    registry.tick(20 + OVERLAP - 1)
    assert registry.next_deadline == 20 + OVERLAP
    assert former(registry) == (old,)
    delta = registry.tick(20 + OVERLAP)
    assert [(one.host, one.former) for one in delta.services] == [("a.ns", ())]
    assert delta.moves == ()


def test_what_is_answered_did_not_change_when_an_overlap_ends(registry):
    renumber(registry, 20)
    changed = service(registry, "a.ns").changed_at
    registry.tick(20 + OVERLAP)
    assert service(registry, "a.ns").changed_at == changed


def test_each_of_two_moves_has_an_overlap_of_its_own(registry):
    first = renumber(registry, 20)
    second = renumber(registry, 50)
    assert former(registry) == tuple(sorted((first, second)))
    registry.tick(20 + OVERLAP)
    assert former(registry) == (second,)


def test_a_vip_that_comes_back_is_a_former_one_no_longer(registry):
    (old,) = service(registry, "a.ns").vips
    pin(registry, "a.ns", "240.0.0.5", now=20)
    assert former(registry) == (old,)
    pin(registry, "a.ns", now=30)
    assert service(registry, "a.ns").vips == (old,)
    assert former(registry) == (bytes((240, 0, 0, 5)),)


def test_until_the_ledger_has_the_new_number_there_is_none(registry):
    delta = registry.renumber([A], 20)
    assert former(registry) == ()
    remember(registry, delta, 20)
    assert len(former(registry)) == 1


def test_a_former_vip_that_another_host_gets_is_its_own_at_once(registry):
    old = renumber(registry, 20)
    pin(registry, "b.ns", ".".join(map(str, old)), now=30)
    assert service(registry, "b.ns").vips == (old,)
    assert former(registry) == former(registry, "b.ns") == ()


def test_the_vip_of_a_collision_is_the_winners():
    registry = both(export("a.ns"))
    (old,) = service(registry, "a.ns").vips
    pin(registry, "b.ns", ".".join(map(str, old)), now=20)
    assert service(registry, "a.ns").vips != (old,)
    assert former(registry) == ()
    remember(registry, registry.apply([Remove("east", "b.ns")], 30), 30)
    assert former(registry) == (), "it was the winner's since"


def test_a_restart_knows_it_by_the_claims(registry):
    old = renumber(registry, 20)
    anew = settled(
        Registry(settings(), [*registry.claims]), reset("east", export("a.ns")), reset("west")
    )
    assert former(anew) == (old,)
    anew.tick(20 + OVERLAP)
    assert former(anew) == ()


def test_a_cluster_that_has_not_heard_of_a_move_still_answers_the_old_vip():
    lost = claim("a.ns", "240.128.0.7", 5, "west")
    chosen = claim("a.ns", "240.128.0.9", 20, kind=ClaimKind.CHOSEN)
    registry = settled(
        Registry(settings(), [chosen]),
        reset("east", export("a.ns")),
        reset("west", export("a.ns", "west"), ledger=ledger("west", lost)),
    )
    assert service(registry, "a.ns").vips == (chosen.vip,)
    registry.tick(20 + 2 * OVERLAP)
    assert former(registry) == (lost.vip,), "nobody knows when it will"
    now = 50 + 2 * OVERLAP
    registry.apply([SetLedger("west", ledger("west", lost.retire(now, "replaced")))], now)
    assert registry.next_deadline == now + OVERLAP
    registry.tick(now + OVERLAP)
    assert former(registry) == ()


def test_a_pin_that_lost_was_never_answered():
    registry = settled(
        Registry(settings()),
        reset("east", export("a.ns", pins=["240.0.0.5"], created_at=1)),
        reset("west", export("a.ns", "west", pins=["240.0.0.6"], created_at=2)),
    )
    assert former(registry) == ()


@pytest.mark.parametrize("overlap", [0, 30])
def test_the_settings_say_how_long(overlap, registry):
    old = renumber(registry, 20)
    registry.reconfigure(structs.replace(registry.settings, overlap=overlap), 40)
    assert former(registry) == ((old,) if overlap else ())
    registry.tick(20 + overlap + 20)
    assert former(registry) == ()


def test_of_a_host_that_is_gone_nothing_is_kept(registry):
    renumber(registry, 20)
    remember(registry, registry.apply([Remove("east", A)], 30), 30)
    registry.tick(20 + OVERLAP)
    assert registry.next_deadline == 20 + QUARANTINE
