"""One task for each cluster, what they say, and what becomes of them when their rules change."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest

from globaldns.app.sources import source_specs
from globaldns.config.schema import Config
from globaldns.model.export import ExportKind
from globaldns.model.view import Freshness, Put, Reset, SetFreshness, SourceState, View
from globaldns.tasks import steady_clock
from tests.app.meshes import GATEWAY, Place, inhabit, until
from tests.app.readers import REMEMBERED, SILENT, SYNCED, Running
from tests.registry.mesh import export
from tests.sources.manifests import entries, entry, hosts

TO_EAST = entry("a").replace("10.0.0.1", "203.0.113.9")
"""West's entry for a host whose bytes go through east's gateway."""


@pytest.fixture
def place(place: Place) -> Place:
    return inhabit(place)


@pytest.fixture
def running(place: Place) -> Running:
    return Running(place)


def nowhere(_cluster: str) -> None:
    """No cluster is reached by credentials."""


def different(old: Config, new: Config) -> set[str]:
    before, after = source_specs(old, nowhere), source_specs(new, nowhere)
    return {cluster for cluster in after if before.get(cluster) != after[cluster]}


@pytest.mark.parametrize(
    ("keys", "clusters"),
    [
        ({}, set()),
        ({"dns": {"ttl": "5s"}}, set()),
        ({"vips": {"quarantine": "1h"}}, set()),
        ({"zones": ["global", "mesh.example"]}, {"east", "west"}),
        ({"grace": "7s"}, {"east", "west"}),
        ({"exports": {"service_exports": False}}, {"east", "west"}),
    ],
)
def test_another_rule_makes_another_source(
    keys: dict[str, Any], clusters: set[str], place: Place
) -> None:
    old = place.config
    assert different(old, place.configure(**keys)) == clusters


@pytest.mark.parametrize(
    ("keys", "is_another"),
    [
        ({"network": "network2"}, True),
        ({"allow": {"namespaces": ["shop"]}}, True),
        ({"source": {"directory": "elsewhere"}}, True),
        ({"fenced": True}, False),
    ],
)
def test_another_rule_of_one_cluster_makes_no_other_source(
    keys: dict[str, Any],
    is_another: bool,  # noqa: FBT001
    place: Place,
) -> None:
    old = place.config
    clusters = {"east": place.cluster("east"), "west": place.cluster("west") | keys}
    new = place.configure(clusters=clusters)
    assert different(old, new) == ({"west"} if is_another else set())


async def test_what_each_cluster_says_is_offered_with_the_time_of_its_reading(
    running: Running,
) -> None:
    before = steady_clock()
    async with running.read():
        views = {one.cluster: one.view for one in running.said if isinstance(one, Reset)}
    assert {cluster: hosts(view) for cluster, view in views.items()} == {
        "east": {"a", "b"},
        "west": {"c"},
    }
    assert all(before <= at <= steady_clock() for at in running.received)


HALF_WRITTEN = {("west", "Freshness", "set")}
"""Counted where a file is looked at while it is written."""


async def test_every_change_is_counted_by_what_it_is(running: Running) -> None:
    running.place.configure(grace="0s")
    running.place.write("west", entry("z"), "z.yaml")
    async with running.read():
        running.counted.clear()
        running.place.write("west", entry("c", port=81) + "---\n" + GATEWAY)
        (running.place.folder / "west/z.yaml").unlink()
        await until(lambda: len({*running.counted} - HALF_WRITTEN) >= 3)
    assert {*running.counted} - HALF_WRITTEN == {
        ("west", "ServiceEntry", "put"),
        ("west", "Gateways", "set"),
        ("west", "Export", "remove"),
    }


async def test_a_view_is_counted_when_it_is_whole_and_its_freshness_when_it_is_not(
    running: Running,
) -> None:
    shutil.rmtree(running.place.folder / "west")
    async with running.run():
        await until(lambda: running.state("east") is SYNCED)
    assert ("east", "View", "reset") in running.counted
    assert ("west", "Freshness", "set") in running.counted


async def test_each_saying_is_another_revision(running: Running) -> None:
    async with running.read():
        before = dict(running.sources.revisions)
        running.place.write("west", entries("c", "d"))
        await until(lambda: "d" in running.hosts("west"))
        assert running.sources.revisions == before | {"west": before["west"] + 1}


async def test_until_a_cluster_is_read_its_remembered_view_stands(running: Running) -> None:
    shutil.rmtree(running.place.folder / "west")
    freshness = Freshness("west", SYNCED, 5)
    view = View("west", (export("old.ns", "west"),), freshness=freshness)
    async with running.run({"west": view}):
        await until(lambda: bool(running.said))
        assert (running.hosts("west"), running.state("west")) == ({"old"}, REMEMBERED)
        running.place.write("west", entries("old", "new"))
        await until(lambda: running.state("west") is SYNCED)
        assert running.hosts("west") == {"old", "new"}


async def test_what_is_only_remembered_is_not_heard(running: Running) -> None:
    shutil.rmtree(running.place.folder / "west")
    freshness = Freshness("west", SYNCED, 5)
    async with running.run({"west": View("west", freshness=freshness)}):
        await until(lambda: running.state("east") is SYNCED)
        assert running.state("west") is REMEMBERED
        assert not running.sources.are_heard


async def test_they_are_heard_when_each_was_read(running: Running) -> None:
    shutil.rmtree(running.place.folder / "west")
    async with running.run():
        await until(lambda: running.state("east") is SYNCED)
        assert not running.sources.are_heard
        running.place.write("west", entries("c"))
        await until(lambda: running.state("west") is SYNCED)
        assert running.sources.are_heard


async def test_they_are_heard_when_their_grace_is_over(running: Running) -> None:
    shutil.rmtree(running.place.folder / "west")
    running.place.configure(grace="0s")
    async with running.run():
        await until(lambda: running.sources.are_heard)


async def test_their_grace_begins_once_it_is_known_which_clusters_they_are_to_be(
    running: Running,
) -> None:
    shutil.rmtree(running.place.folder / "west")
    running.place.configure(grace="0s")
    running.is_recalled.clear()
    async with running.run():
        await until(lambda: running.state("east") is SYNCED)
        assert not running.sources.are_heard
        running.is_recalled.set()
        await until(lambda: running.sources.are_heard)


async def test_sources_that_stay_the_same_go_on(running: Running) -> None:
    async with running.read():
        before = dict(running.sources.sources)
        running.reconfigure(network="network2")
        assert running.sources.sources["east"] is before["east"]
        assert running.sources.sources["west"] is not before["west"]
        running.place.write("east", entries("a", "b", "e"))
        await until(lambda: "e" in running.hosts("east"))


async def test_a_changed_rule_replaces_a_source_and_keeps_its_view_as_remembered(
    running: Running,
) -> None:
    async with running.read():
        shutil.rmtree(running.place.folder / "west")
        await until(lambda: running.state("west") is SILENT)
        running.said.clear()
        running.reconfigure(network="network2")
        await until(lambda: bool(running.said))
        change = running.said[0]
        assert isinstance(change, Reset)
        assert (hosts(change.view), running.state("west")) == ({"c"}, REMEMBERED)
        running.place.write("west", entries("c", "d"))
        await until(lambda: running.hosts("west") == {"c", "d"})


async def test_a_replaced_source_keeps_what_it_knew_in_part(running: Running) -> None:
    running.place.write("west", "x: [", "g.yaml")
    async with running.read():
        assert not running.sources.sources["west"].freshness.is_known
        west = running.place.folder / "west"
        west.rename(west.with_name("away"))  # at once: without its broken file it would be known
        await until(lambda: running.state("west") is SILENT)
        running.reconfigure(network="network2")
        assert (running.hosts("west"), running.state("west")) == ({"c"}, REMEMBERED)
        assert not running.sources.sources["west"].freshness.is_known


async def test_what_a_cluster_may_not_export_any_more_is_not_kept(running: Running) -> None:
    running.place.write("west", entries("c") + entry("x", namespace="other"))
    async with running.read():
        shutil.rmtree(running.place.folder / "west")
        await until(lambda: running.state("west") is SILENT)
        running.reconfigure(allow={"namespaces": ["ns"]})
        assert running.hosts("west") == {"c"}


async def test_a_source_that_knew_nothing_leaves_nothing(running: Running) -> None:
    shutil.rmtree(running.place.folder / "west")
    async with running.run():
        await until(lambda: running.state("east") is SYNCED)
        running.said.clear()
        running.reconfigure(network="network2")
        await until(lambda: bool(running.said))
        assert {type(one) for one in running.said} == {SetFreshness}
        assert running.state("west") is SourceState.WAITING


async def test_a_replaced_source_goes_on_counting_its_revisions(running: Running) -> None:
    async with running.read():
        before = running.sources.revisions["west"]
        running.reconfigure(network="network2")
        await until(lambda: running.state("west") is SYNCED)
        assert running.sources.revisions["west"] > before


async def test_a_cluster_that_is_not_configured_any_more_is_not_read(running: Running) -> None:
    async with running.read():
        clusters = {"east": running.place.cluster("east")}
        running.sources.reconfigure(running.place.configure(clusters=clusters))
        assert set(running.sources.sources) == {"east"}
        await until(lambda: "source west" not in {one.get_name() for one in asyncio.all_tasks()})
        running.said.clear()
        running.place.write("west", entries("c", "d"))
        running.place.write("east", entries("a", "b", "e"))
        await until(lambda: "e" in running.hosts("east"))
        assert {one.cluster for one in running.said} == {"east"}


async def test_a_cluster_that_is_added_is_read(running: Running) -> None:
    async with running.read():
        running.place.write("north", entries("n"))
        clusters = {name: running.place.cluster(name) for name in ("east", "west", "north")}
        running.sources.reconfigure(running.place.configure(clusters=clusters))
        await until(lambda: running.state("north") is SYNCED)
        assert running.hosts("north") == {"n"}


async def test_entries_that_lead_to_another_clusters_gateway_are_routes(running: Running) -> None:
    running.place.write("west", TO_EAST)
    async with running.read():
        assert running.kinds("west") == {"a.ns": ExportKind.SERVICE_ENTRY}
        running.said.clear()
        running.place.write("east", GATEWAY, "gateway.yaml")
        await until(lambda: running.kinds("west") == {"a.ns": ExportKind.ROUTE})
        puts = [one.export for one in running.said if isinstance(one, Put)]
        assert [(one.cluster, one.kind) for one in puts] == [("west", ExportKind.ROUTE)]
        assert ExportKind.ROUTE not in running.kinds("east").values()


async def test_a_gateway_that_is_gone_makes_no_routes_any_more(running: Running) -> None:
    running.place.configure(grace="0s")
    running.place.write("west", TO_EAST)
    running.place.write("east", GATEWAY, "gateway.yaml")
    async with running.read():
        (running.place.folder / "east/gateway.yaml").unlink()
        await until(lambda: running.kinds("west") == {"a.ns": ExportKind.SERVICE_ENTRY})


async def test_a_replaced_source_knows_the_gateways_of_the_others(running: Running) -> None:
    running.place.write("west", TO_EAST)
    running.place.write("east", GATEWAY, "gateway.yaml")
    async with running.read():
        assert running.kinds("west") == {"a.ns": ExportKind.ROUTE}
        running.reconfigure(network="network2")
        await until(lambda: running.state("west") is SYNCED)
        assert running.kinds("west") == {"a.ns": ExportKind.ROUTE}


async def test_a_source_that_fails_begins_again_with_all_that_it_knows(running: Running) -> None:
    async with running.read():
        running.failures = 1
        running.place.write("west", entries("c", "d"))
        await until(lambda: bool(running.restarts))
        running.said.clear()
        await until(lambda: bool(running.said))
        change = running.said[0]
        assert isinstance(change, Reset)
        assert hosts(change.view) == {"c", "d"}
    assert running.restarts == ["source west"]


async def test_the_gateways_of_a_cluster_that_is_not_configured_any_more_are_forgotten(
    running: Running,
) -> None:
    running.place.write("west", TO_EAST)
    running.place.write("north", GATEWAY)
    clusters = {name: running.place.cluster(name) for name in ("east", "west", "north")}
    running.place.configure(clusters=clusters)
    async with running.read():
        assert running.kinds("west") == {"a.ns": ExportKind.ROUTE}
        del clusters["north"]
        running.sources.reconfigure(running.place.configure(clusters=clusters))
        await until(lambda: running.kinds("west") == {"a.ns": ExportKind.SERVICE_ENTRY})
