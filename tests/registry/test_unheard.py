"""What others have claimed for a cluster without a ledger since that does not answer us."""

from __future__ import annotations

import pytest
from msgspec import structs

from globaldns.model.export import Export
from globaldns.model.service import ServiceState
from globaldns.model.view import Freshness, Remove, SetEntrusted, SetFreshness, SourceState
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    A,
    claim,
    export,
    remember,
    reset,
    service,
    settings,
    settled,
    vip,
)


def told_by_north(registry: Registry, at: int) -> None:
    """North claims a host for west, which keeps no ledger."""
    told = (claim("a.ns", "240.128.0.7", at, "west"),)
    remember(registry, registry.apply([SetEntrusted("north", told)], 26), 26)


def silent_west(*exports: Export) -> Registry:
    """West does not answer us since 20."""
    registry = Registry(settings(clusters=("east", "north", "west")))
    settled(registry, reset("east", *exports), reset("north"), reset("west"))
    registry.apply([SetFreshness(Freshness("west", SourceState.SILENT, 20))], 25)
    return registry


@pytest.mark.parametrize("at", [22, 5], ids=["new", "dated as the claim that it copies"])
def test_a_host_that_somebody_else_heard_of_a_silent_cluster_is_answered_and_not_retired(
    at: int,
) -> None:
    registry = silent_west()
    told_by_north(registry, at)
    assert service(registry, "a.ns").state is ServiceState.CLAIMED
    assert service(registry, "a.ns").vips == (vip("240.128.0.7"),)
    assert not registry.tick(27).claims
    delta = registry.apply([SetFreshness(Freshness("west", SourceState.SYNCED, 30))], 30)
    assert delta.removed == (A,)
    assert [c.reason for c in delta.claims] == ["withdrawn"]


def test_a_host_that_was_claimed_before_silence_and_has_ended_stays_absent() -> None:
    registry = Registry(settings(clusters=("east", "north", "west")))
    settled(registry, reset("east"), reset("north"), reset("west"))
    told_by_north(registry, 5)
    registry.apply([SetFreshness(Freshness("west", SourceState.SILENT, 20))], 27)
    assert A not in registry.services


def test_a_host_of_a_silent_cluster_outlives_the_one_whose_vip_it_shares() -> None:
    registry = silent_west(export("a.ns"))
    (held,) = registry.claims.of_host(A)
    told = (structs.replace(held, cluster="west"),)
    remember(registry, registry.apply([SetEntrusted("north", told)], 26), 26)
    remember(registry, registry.apply([Remove("east", A)], 30), 30)
    assert service(registry, "a.ns").vips == (held.vip,)
