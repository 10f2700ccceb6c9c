"""What the admin endpoint reads of a running server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from globaldns.admin.events import MAX_CLIENTS, ClusterChanged, ServiceChanged
from globaldns.admin.problems import RequestProblem
from globaldns.app.control import Control
from globaldns.app.offline import all_findings
from globaldns.app.readings import DEAD_SECONDS
from globaldns.errors import LedgerError
from globaldns.istio.hiding import Rule, Surroundings
from globaldns.istio.notices import Code, Notice, to_finding
from globaldns.model.host import Host
from globaldns.model.view import SourceState
from tests.app.meshes import CEILING_SECONDS, Place, inhabit, until
from tests.app.servers import controlled, running
from tests.app.test_routes import service
from tests.sources.manifests import entries, entry


@pytest.fixture
def place(place: Place) -> Place:
    return inhabit(place)


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
        config, sources = control.situation.config, control.sources.sources
        found = await asyncio.to_thread(all_findings, config, sources, control.registry)
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


async def test_it_says_why_the_ledger_is_not_written(place: Place) -> None:
    async with running(place) as control:
        assert control.readings.ledger_failure == ""
        control.ledger.rest_reason = "another replica writes: b"  # type: ignore[misc]
        assert control.readings.ledger_failure == "another replica writes: b"
        assert control.readings.ledger_trouble is None, "that is as it should be"
        control.writer.trouble = LedgerError("the ledger cannot be written: disk full")
        assert control.readings.ledger_failure == "the ledger cannot be written: disk full"
        assert control.readings.ledger_trouble is control.writer.trouble
        assert b"globaldns_ledger_up 0.0" in control.readings.metrics_text()


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


async def test_a_cluster_of_files_has_no_dns_to_keep(place: Place) -> None:
    async with controlled(place) as control:
        assert control.readings.stub_report().reason == "our own cluster has no API server"


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


async def test_it_tells_what_the_clients_of_our_cluster_do_not_get(place: Place) -> None:
    clusters = {
        "east": place.cluster("east", network="n1"),
        "west": place.cluster("west", network="n2"),
    }
    place.configure(clusters=clusters)
    async with running(place) as control:
        readings = control.readings
        assert readings.notices()() == [], "no routes are written here"
        [told] = readings.notices_of(readings.services[Host("c.ns")])
        assert (told.host, told.code) == ("c.ns.global", "no-gateway")
        place.configure(
            clusters={**clusters, "east": place.cluster("east", network="n1", control_plane="west")}
        )
        control.reload({})
        assert readings.notices_of(readings.services[Host("c.ns")]) == ()


async def test_where_routes_are_written_it_tells_all_and_what_hides_them(place: Place) -> None:
    place.write("west", entries("far"), "far.yaml")
    async with running(place) as control:
        readings = control.readings
        rule = Rule("web", "all", "*.global", has_policy=True)
        written = Notice("a.ns.global", Code.NO_PORT, "it has no TCP port")
        taken = Notice("far.ns.global", Code.TAKEN_NAME, "it stands there already")
        readings._routes = SimpleNamespace(  # type: ignore[assignment]
            notices={Host("a.ns"): (written,)},
            lookout=SimpleNamespace(around=Surroundings(rules=(rule,))),
            routes=SimpleNamespace(hindrances={Host("far.ns"): (taken,)}.__getitem__),
        )
        first, hidden = readings.notices()()
        assert first == to_finding(written, "east")
        assert (hidden.object, hidden.code) == ("c.ns.global", "other-rule")
        assert hidden.reason.endswith("(and so with 1 other host)"), "a and b are a person's"
        told = readings.notices_of(readings.services[Host("far.ns")])
        assert [(one.host, one.code) for one in told] == [
            ("far.ns.global", "other-rule"),
            ("far.ns.global", "taken-name"),
        ]


async def test_what_is_wrong_between_networks_is_told_and_counted_on_every_server(
    place: Place,
) -> None:
    for cluster, text in (("east", "10.0.0.1"), ("west", "10.0.0.1")):
        place.write(cluster, service("pods", text), "pods.yaml")
    async with running(place) as control:
        told = [one for one in control.readings.notices()() if one.code == "network-overlap"]
        config, sources = control.situation.config, control.sources.sources
        found = await asyncio.to_thread(all_findings, config, sources, control.registry)
        (checked,) = (one for one in found if one.code == "network-overlap")
        assert told == [msgspec.structs.replace(checked, file="")]
        counting = asyncio.create_task(control.tally.run())
        sample = b'globaldns_route_notices{code="network-overlap"} 1.0'
        await until(lambda: sample in control.readings.metrics_text())
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
