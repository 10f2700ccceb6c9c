"""What the registry knows of one host that its GlobalService tells."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.apply.facts import PartState, part_state
from globaldns.model.export import Endpoint
from globaldns.model.host import Host
from globaldns.model.lost import LostEndpoints, LostNames, LostRules
from globaldns.model.view import Freshness, SetFreshness, SourceState
from globaldns.registry.registry import Registry
from tests.apply.showing import facts
from tests.registry.mesh import both, export, reset, settings, settled


def test_every_cluster_that_has_it_is_a_part_of_it() -> None:
    registry = both(export("a.ns"), export("a.ns", "west"), export("b.ns", "west"))
    told = facts(registry)
    assert told.name == "a.ns.global"
    assert [(one.cluster, one.state, one.is_counted) for one in told.parts] == [
        ("east", "synced", True),
        ("west", "synced", True),
    ]
    assert [claim.vip for claim in told.held] == [*registry.services[Host("a.ns")].vips]


def test_endpoints_are_counted_and_those_that_are_ready() -> None:
    here = msgspec.structs.replace(
        export("a.ns"),
        endpoints=(Endpoint("10.0.0.1"), Endpoint("10.0.0.2", ready=False)),
    )
    (part,) = facts(both(here)).parts
    assert (part.ready, part.endpoints) == (1, 2)


def test_a_fenced_cluster_is_shown_and_does_not_count() -> None:
    registry = settled(
        Registry(settings(fenced=["west"])), reset("east"), reset("west", export("a.ns", "west"))
    )
    told = facts(registry)
    assert [(one.cluster, one.state, one.is_counted) for one in told.parts] == [
        ("west", "fenced", False)
    ]
    assert told.service is None
    assert not told.is_gone


@pytest.mark.parametrize("state", ["synced", "silent"])
def test_how_fresh_a_fenced_cluster_is_stays_known(state: str) -> None:
    registry = settled(
        Registry(settings(fenced=["west"])), reset("east"), reset("west", export("a.ns", "west"))
    )
    registry.apply([SetFreshness(Freshness("west", SourceState(state), 1))], 10)
    (part,) = facts(registry).parts
    assert (part.state, part.source) == ("fenced", state)


@pytest.mark.parametrize(
    ("lost", "is_counted"),
    [
        (LostRules(after=60), True),
        (LostRules(after=60, endpoints=LostEndpoints(expire=0)), False),
        (LostRules(after=60, names=LostNames(expire=0)), False),
    ],
)
def test_what_is_lost_counts_as_the_rules_say(lost: LostRules, *, is_counted: bool) -> None:
    registry = settled(
        Registry(settings(lost=lost)),
        reset("east", contact=10),
        reset("west", export("a.ns", "west"), state=SourceState.SILENT, contact=10),
    )
    registry.tick(100)
    (part,) = facts(registry).parts
    assert (part.state, part.is_counted) == (PartState.LOST, is_counted)


@pytest.mark.parametrize("state", [*SourceState])
def test_a_cluster_stands_as_its_source_does(state: SourceState) -> None:
    registry = settled(Registry(settings()), reset("west", state=state))
    assert part_state(registry, "west") == state.value


def test_a_host_is_gone_only_where_it_is_known_that_nobody_has_it() -> None:
    registry = both(export("b.ns"))
    assert facts(registry, "a.ns").is_gone
    assert not facts(registry, "a.ns", complete=False).is_gone
    assert not facts(registry, "b.ns").is_gone
