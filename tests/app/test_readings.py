"""What the admin endpoint reads of a running server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable

import pytest

from globaldns.admin.events import MAX_CLIENTS, ClusterChanged, ServiceChanged
from globaldns.admin.problems import RequestProblem
from globaldns.app.control import Control
from globaldns.app.readings import DEAD_SECONDS
from globaldns.model.host import Host
from globaldns.model.view import SourceState
from tests.app.meshes import CEILING_SECONDS, Place, until
from tests.app.servers import controlled, running
from tests.sources.manifests import entries, entry


@pytest.fixture
def place(place: Place) -> Place:
    place.write("east", entries("a", "b"))
    place.write("west", entries("c"))
    return place


async def test_it_reads_what_is_served(place: Place) -> None:
    async with running(place) as control:
        readings = control.readings
        assert set(readings.services) == {"a.ns", "b.ns", "c.ns"}
        assert readings.services is readings.snapshot.services
        assert readings.snapshot.serial == control.scribe.serial
        assert readings.registry is control.registry
        assert {name: one.state for name, one in readings.freshness().items()} == {
            "east": SourceState.SYNCED,
            "west": SourceState.SYNCED,
        }


async def test_services_that_were_read_do_not_change_any_more(place: Place) -> None:
    async with running(place) as control:
        before = control.readings.services
        with control.readings.subscribe() as listener:
            place.write("west", entries("c", "d"))
            await listener.receive()
        assert Host("d.ns") not in before
        assert Host("d.ns") in control.readings.services


async def test_it_finds_what_is_wrong_in_files_and_between_clusters(place: Place) -> None:
    place.write("west", entry("a").replace("protocol: HTTP", "protocol: GRPC"))
    async with running(place) as control:
        place.write("east", "x: [", "g.yaml")
        await until(lambda: bool(control.sources.sources["east"].rejected()))
        found = await asyncio.to_thread(control.readings.findings)
    assert [(one.cluster, one.code, one.line > 0) for one in found] == [
        ("east", "unreadable-file", True),
        ("west", "port-protocol", True),
    ]


@pytest.mark.parametrize(("age", "is_dead"), [(0.0, False), (25.0, False), (40.0, True)])
async def test_it_should_be_restarted_when_no_turn_was_taken_for_long(
    age: float,
    is_dead: bool,  # noqa: FBT001
    place: Place,
) -> None:
    assert 25.0 < DEAD_SECONDS < 40.0
    async with controlled(place) as control:
        control.situation.turned_at -= age
        reasons = control.readings.live()
    assert reasons == (("turns: none was taken for 40 s",) if is_dead else ())


def set_nothing(_: Control) -> None:
    """Let it stand as it is."""


def set_numbered(control: Control) -> None:
    control.situation.is_numbered = True


def set_draining(control: Control) -> None:
    control.situation.is_numbered = control.situation.is_draining = True


@pytest.mark.parametrize(
    ("act", "reasons"),
    [
        (set_nothing, ("ledger: the first numbers are being written",)),
        (set_numbered, ()),
        (set_draining, ("draining: it stops soon",)),
    ],
)
async def test_it_says_why_it_should_get_no_queries(
    act: Callable[[Control], None], reasons: tuple[str, ...], place: Place
) -> None:
    async with running(place) as control:
        act(control)
        assert control.readings.readiness() == reasons


async def test_a_source_that_was_not_heard_is_named(place: Place) -> None:
    place.configure(clusters={"east": place.cluster("east"), "west": place.cluster("none")})
    async with controlled(place) as control, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(control.sources.run(place.config, {}))
        await until(lambda: "directory" in str(control.readings.readiness()))
        (reason,) = (one for one in control.readings.readiness() if "west" in one)
        reading.cancel()
    assert reason.startswith("source west: its directory cannot be read")


async def test_the_configuration_in_force_is_told_with_every_default(place: Place) -> None:
    async with controlled(place) as control:
        report = control.readings.config_report()
        assert control.readings.config is place.config
    assert (report.path, report.cluster) == (str(place.path), "east")
    assert report.reload == control.situation.reload
    assert report.config["dns"]["ttl"] == "30s"


async def test_metrics_are_text(place: Place) -> None:
    async with running(place) as control:
        assert b"\nglobaldns_services 3.0\n" in control.readings.metrics_text()


async def test_who_subscribes_hears_what_changes_from_then_on(place: Place) -> None:
    async with running(place) as control:
        with control.readings.subscribe() as listener:
            place.write("west", entries("c", "d"))
            async with asyncio.timeout(CEILING_SECONDS):
                events = await listener.receive()
    assert [one.service.host for one in events if isinstance(one, ServiceChanged)] == ["d.ns"]
    assert not [one for one in events if isinstance(one, ClusterChanged)]


async def test_who_subscribes_hears_how_clusters_stand_from_then_on(place: Place) -> None:
    async with running(place) as control:
        with control.readings.subscribe() as listener:
            shutil.rmtree(place.folder / "west")
            async with asyncio.timeout(CEILING_SECONDS):
                events = await listener.receive()
    assert [(type(one), one.cluster.state) for one in events] == [(ClusterChanged, "silent")]


async def test_so_many_may_subscribe(place: Place) -> None:
    async with controlled(place) as control:
        listeners = [control.readings.subscribe() for _ in range(MAX_CLIENTS)]
        with pytest.raises(RequestProblem, match="clients listen already"):
            control.readings.subscribe()
        for listener in listeners:
            control.broadcast.leave(listener)
