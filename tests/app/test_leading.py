"""Sources by how their clusters are reached: credentials that come, change and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from globaldns.app.sources import Sources, SourceSeams, source_specs
from globaldns.errors import InvalidObject
from globaldns.kube.kubeconfig import Access
from globaldns.model.view import ClaimSet, Freshness, SourceState, View
from globaldns.sources.awaited import UNNAMED, AwaitedSource
from globaldns.sources.bulk import BulkReader
from globaldns.sources.cluster import ClusterSource
from globaldns.sources.secrets import Refused
from globaldns.tasks import steady_clock
from tests.app.meshes import Place, until
from tests.app.readers import Running
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import claim, export, ledger
from tests.sources.manifests import entries, vip_ledger
from tests.sources.reading import DEFINED, access
from tests.sources.served import entry


def nothing(_cluster: str) -> ClaimSet:
    return ClaimSet()


class Reached(Running):
    """Sources of which west is reached as the test says."""

    def __init__(self, place: Place) -> None:
        self.ways: dict[str, Access | Refused] = {}
        self.are_known = True
        super().__init__(place)
        seams = SourceSeams(
            offer=self._offer,
            count=lambda *labels: self.counted.append(labels),
            on_restart=self.restarts.append,
            wall=lambda: 1_800_000_000,
            reach=lambda cluster: self.ways.get(cluster),  # noqa: PLW0108 - changed later
            are_members_known=lambda: self.are_known,
            recall=self._recall,
        )
        self.sources = Sources(seams, BulkReader())

    def reach(self, way: Access | Refused | None) -> None:
        self.ways = {} if way is None else {"west": way}
        self.sources.reconfigure(self.place.config)

    def listed(self, *clusters: str) -> None:
        sections = {"east": self.place.cluster("east"), "west": {}}
        self.sources.reconfigure(
            self.place.configure(clusters={name: sections[name] for name in clusters})
        )


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("w"))
        yield running


@pytest.fixture
def running(place: Place) -> Reached:
    place.write("east", entries("a"))
    place.configure(
        clusters={"east": place.cluster("east"), "west": {}},
        grace="0s",
        remote_secrets={"directory": "kubeconfigs"},
    )
    return Reached(place)


async def test_a_cluster_is_awaited_until_it_is_said_how_it_is_reached(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        assert isinstance(running.sources.sources["west"], AwaitedSource)
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        assert isinstance(running.sources.sources["west"], ClusterSource)


async def test_why_a_remote_secret_is_not_used_is_told_of_its_cluster(running: Reached) -> None:
    async with running.run():
        for reason in ("it is no YAML", "user 'x' runs a program (exec)"):
            running.reach(Refused("Secret w", "west", reason))
            freshness = running.sources.sources["west"].freshness
            assert freshness.reason == f"Secret w is not used: {reason}"
        running.reach(None)
        assert running.sources.sources["west"].freshness.reason == UNNAMED


async def test_new_credentials_lead_the_source_that_there_is(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        source, said = running.sources.sources["west"], len(running.said)
        server.renew_token()
        running.reach(access(server))
        assert running.sources.sources["west"] is source
        server.put(entry("new"))
        await until(lambda: running.hosts("west") == {"w", "new"})
        await until(lambda: len(running.said) == said + 1)
        server.put(entry("newer"))
        await until(lambda: "newer" in running.hosts("west"))


async def test_a_way_that_is_gone_and_comes_back_loses_nothing(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        uid = running.sources.sources["west"].view().uid
        running.reach(None)
        west = running.sources.sources["west"]
        assert (running.hosts("west"), running.state("west")) == ({"w"}, SourceState.REMEMBERED)
        assert (west.freshness.reason, west.view().uid) == ("it has no remote secret", uid)
        running.reach(access(server))
        await until(lambda: running.state("west") is SourceState.SYNCED)
        assert running.hosts("west") == {"w"}
        assert not [one for one in running.counted if one[2] == "remove"]


async def test_a_cluster_that_is_put_back_is_known_until_it_is_forgotten(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        for is_forgotten, known in ((False, {"w"}), (True, set())):
            running.listed("east")
            running.ways = {}
            if is_forgotten:
                running.sources.forget("west")
            running.listed("east", "west")
            assert running.hosts("west") == known


async def test_a_cluster_that_was_rebuilt_is_read_once_it_is_forgotten(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        running.listed("east")
        server.rebuild()
        server.serve(*DEFINED.values())
        server.put(entry("other"))
        running.sources.forget("west")
        running.listed("east", "west")
        await until(lambda: running.hosts("west") == {"other"})


async def test_a_cluster_that_was_rebuilt_is_read_once_it_is_accepted(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.state("west") is SourceState.SYNCED)
        west, former = running.sources.sources["west"], running.sources.answering("west")
        server.rebuild()
        server.serve(*DEFINED.values())
        server.put(entry("other"))
        await until(lambda: bool(west.another))
        running.sources.recognize({"west": former}, {}, nothing)
        running.sources.recognize({}, {}, nothing)
        assert running.sources.sources["west"] is west, "none of them is meant"
        assert running.hosts("west") == {"w"}
        accepted = running.sources.answering("west")
        running.sources.recognize({"west": accepted}, {}, nothing)
        await until(lambda: running.hosts("west") == {"other"})
        assert (running.sources.answering("west"), west.uid) == (accepted, former)
        source = running.sources.sources["west"]
        running.sources.recognize({"west": accepted}, {}, nothing)
        assert running.sources.sources["west"] is source, "it is taken for it already"


async def test_a_rebuilt_cluster_is_accepted_too_where_only_new_credentials_lead_to_it(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run(), FakeApiServer(*DEFINED.values()) as rebuilt:
        rebuilt.put(entry("other"))
        running.reach(access(server))
        await until(lambda: running.state("west") is SourceState.SYNCED)
        former = running.sources.answering("west")
        running.reach(access(rebuilt))
        await until(lambda: running.sources.answering("west") != former)
        await server.stop()
        west = running.sources.sources["west"]
        await until(lambda: "another cluster answers than before" in west.freshness.reason)
        assert running.hosts("west") == {"w"}
        running.sources.recognize({"west": running.sources.sources["west"].another}, {}, nothing)
        await until(lambda: running.hosts("west") == {"other"})


async def test_what_a_cluster_said_before_it_was_rebuilt_stands_until_the_accepted_one_answers(
    running: Reached, server: FakeApiServer
) -> None:
    async with running.run(), FakeApiServer(*DEFINED.values()) as rebuilt:
        rebuilt.put(entry("other"))
        running.reach(access(server))
        await until(lambda: running.state("west") is SourceState.SYNCED)
        await server.stop()
        await until(lambda: running.state("west") is not SourceState.SYNCED)
        said = {"west": rebuilt.uid}
        running.sources.recognize(said, said, nothing)
        assert running.hosts("west") == {"w"}
        running.reach(access(rebuilt))
        await until(lambda: running.sources.sources["west"].another == said["west"])
        running.sources.recognize(said, said, nothing)
        await until(lambda: running.hosts("west") == {"other"})


async def test_what_was_read_of_another_cluster_than_the_one_that_is_known_does_not_count(
    running: Reached, server: FakeApiServer
) -> None:
    said = ledger("west", claim("w.ns", "240.128.0.9", 5, "west"))
    async with running.run():
        running.reach(access(server))
        await until(lambda: running.hosts("west") == {"w"})
        uid = running.sources.answering("west")
        running.sources.recognize(
            {"west": "the one before", "east": "e"}, {}, lambda _cluster: said
        )
        west = running.sources.sources["west"]
        await until(lambda: "another cluster answers than before" in west.freshness.reason)
        assert west.another == uid
        await until(lambda: running.sources.are_synced)
        assert (west.uid, west.view().ledger, west.view().exports) == ("the one before", said, ())
        assert not west.freshness.is_known, "nobody knows what the one before exports"
        running.sources.recognize({"west": "the one before"}, {}, nothing)
        assert running.sources.sources["west"] is west
        running.sources.recognize({"west": uid}, {}, nothing)
        await until(lambda: running.hosts("west") == {"w"})


async def test_nobody_knows_what_answers_under_a_name_without_an_api_server(
    running: Reached,
) -> None:
    async with running.run():
        assert [*map(running.sources.answering, ("east", "west", "nobody"))] == ["", "", ""]


async def test_what_neighbours_keep_of_our_ledger_is_theirs_alone(place: Place) -> None:
    kept = vip_ledger("east", "a.ns 240.128.0.7 2026-01-02T03:04:05Z east given - -")
    kept = kept.replace("cluster: east", "cluster: east\n  role: copy")
    running = Running(place)
    place.write("east", entries("a") + kept)
    place.write("west", entries("c") + kept)
    async with running.read():
        (found,) = running.sources.kept()
        assert found.marker is not None
        assert [one.host for one in found.claims] == ["a.ns"]


async def test_a_copy_that_cannot_be_read_is_passed_over_and_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    running = Running(place)
    place.write("east", entries("a"))
    place.write("west", entries("c"))
    async with running.read():
        source = running.sources.sources["west"]

        def broken() -> ClaimSet:
            raise InvalidObject("a line is no claim", path="$.spec.data", code="ledger-line")

        source.kept = broken  # type: ignore[method-assign]
        assert [*running.sources.kept()] == []
    assert "copy of our ledger cannot be read" in caplog.text


async def test_all_are_heard_once_it_is_known_which_there_are(running: Reached) -> None:
    running.place.configure(clusters={"east": running.place.cluster("east")}, grace="1h")
    running.are_known = False
    async with running.run():
        await until(lambda: running.state("east") is SourceState.SYNCED)
        assert not running.sources.are_heard
        running.are_known = True
        await until(lambda: running.sources.sources["east"].freshness.is_heard)
        assert running.sources.are_heard


async def test_what_is_awaited_is_waited_for_until_the_grace_is_over(running: Reached) -> None:
    running.place.configure(grace="1h")
    view = View(
        "west", (export("w.ns", "west"),), freshness=Freshness("west", SourceState.SYNCED, 5)
    )
    async with running.run({"west": view}):
        await until(lambda: running.sources.sources["east"].freshness.is_heard)
        assert not running.sources.are_heard
        running.sources._grace_ends = steady_clock()
        assert running.sources.are_heard
        assert running.hosts("west") == {"w"}


def test_our_own_ledger_is_not_read_as_anothers_is(place: Place, tmp_path: Path) -> None:
    ways = {"east": Access(), "west": Access(path=tmp_path)}
    clusters = {"east": {"source": {"kubernetes": {}}}, "west": {}, "south": {}}
    config = place.configure(clusters=clusters, namespace="dns")
    specs = source_specs(config, ways.get)
    assert {name: spec.ledger_namespace for name, spec in specs.items()} == {
        "east": None,
        "west": "dns",
        "south": "dns",
    }
    assert {name: spec.place for name, spec in specs.items()} == {**ways, "south": None}
    assert specs["west"].rules.home == "east"
