"""Which gateways a server watches, and how."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec
import pytest

from globaldns.admin.events import ClusterChanged
from globaldns.app.gateways import wanted_gateways, watch_settings
from globaldns.config.kinds import ClusterId, ListenAddress, NetworkId, Seconds
from globaldns.config.routing import ProbeSettings, RoutingSettings
from globaldns.config.schema import Config
from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState
from globaldns.probes.credentials import TlsFiles
from tests.app.meshes import CEILING_SECONDS, GATEWAY, Place, until
from tests.app.servers import running
from tests.probes.gateways import opened
from tests.sources.manifests import entry

EAST = Gateway("network1", "203.0.113.9", 15443, "east")

pytestmark = pytest.mark.usefixtures("logs_as_before")


def west(port: int = 15443) -> Gateway:
    return Gateway("network2", "127.0.0.1", port, "west")


def configure(
    place: Place, port: int = 15443, *, west_network: str = "network2", **probes: object
) -> None:
    door = {"address": "127.0.0.1", "port": port}
    place.configure(
        clusters={
            "east": place.cluster("east", network="network1"),
            "west": place.cluster("west", network=west_network, gateways=[door]),
        },
        routing={"probes": {"interval": "1s", **probes}},
    )


@pytest.fixture
def place(place: Place) -> Place:
    place.write("east", entry("a"))
    place.write("east", GATEWAY, "gateway.yaml")
    place.write("west", entry("b"))
    configure(place)
    return place


async def test_the_gateways_of_other_networks_are_watched(place: Place) -> None:
    async with running(place) as control:
        assert control.gateways.reach.keys() == {west()}
        assert control.readings.reach is control.gateways.reach


async def test_in_the_same_network_nothing_is_watched(place: Place) -> None:
    configure(place, west_network="network1")
    async with running(place) as control:
        assert control.gateways.reach == {}


async def test_who_does_not_know_its_network_goes_through_no_gateway(place: Place) -> None:
    door = {"address": "203.0.113.1"}
    place.configure(
        clusters={
            "east": place.cluster("east"),
            "west": place.cluster("west", network="network1", gateways=[door]),
        }
    )
    async with running(place) as control:
        assert control.registry.views.cluster("east").gateways == (EAST,)
        assert wanted_gateways(control.registry, place.config, ClusterId("east")) == frozenset()


async def test_a_network_that_is_reached_directly_has_no_gateway_watched(place: Place) -> None:
    async with running(place) as control:
        routing = RoutingSettings(direct_networks=(NetworkId("network2"),))
        config = msgspec.structs.replace(place.config, routing=routing)
        assert wanted_gateways(control.registry, place.config, ClusterId("east")) == {west()}
        assert wanted_gateways(control.registry, config, ClusterId("east")) == frozenset()


async def test_a_fenced_clusters_gateways_are_not_watched(place: Place) -> None:
    async with running(place) as control:
        await control.changes.set_fence("west", True)
        assert control.gateways.reach == {}
        await control.changes.set_fence("west", False)
        assert control.gateways.reach.keys() == {west()}


async def test_a_gateway_that_a_manifest_brings_or_takes_is_followed(place: Place) -> None:
    configure(place, west_network="network9")
    moved = GATEWAY.replace("network1", "network3")
    place.configure(
        clusters={
            "east": place.cluster("east", network="network1"),
            "west": place.cluster("west", network="network3"),
        }
    )
    async with running(place) as control:
        assert control.gateways.reach == {}
        place.write("west", moved, "gateway.yaml")
        await until(lambda: len(control.gateways.reach) == 1)


async def test_a_change_is_told_to_listeners_findings_and_metrics(place: Place) -> None:
    async with opened() as door:
        configure(place, door.port)
        async with running(place) as control, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(control.gateways.run())
            gateway = west(door.port)
            with control.readings.subscribe() as listener:
                async with asyncio.timeout(CEILING_SECONDS):
                    (event,) = await listener.receive()
            assert isinstance(event, ClusterChanged)
            (shown,) = event.cluster.gateways
            assert (event.cluster.cluster, shown.state) == ("west", "up")
            assert control.gateways.reach[gateway].state is GatewayState.UP
            assert "gateway-down" not in {one.code for one in control.readings.notices()()}
            text = control.readings.metrics_text().decode()
            for name in ("gateways", "gateway_up"):
                sample = f'globaldns_{name}{{cluster="west",network="network2"}} 1.0'
                assert sample in text
            watching.cancel()


async def test_a_gateway_that_is_down_is_a_finding(place: Place) -> None:
    async with running(place) as control:
        board = control.gateways._watch._board
        for _ in range(3):
            board.end_probe((west(), west().address), "connection refused", steady=0.0, wall=1)
        (found,) = (one for one in control.readings.notices()() if one.code == "gateway-down")
        assert (found.cluster, "connection refused" in found.reason) == ("west", True)


async def test_a_reload_is_obeyed(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(place) as control:
        configure(place, port=15444)
        control.reload({})
        await until(lambda: control.gateways.reach.keys() == {west(15444)})
        configure(place, port=15444, interval="0s")
        control.reload({})
        assert control.gateways._watch._settings.interval == 0


def make_config(probes: ProbeSettings) -> Config:
    return Config(cluster=ClusterId("east"), clusters={}, routing=RoutingSettings(probes=probes))


def test_settings_are_what_the_configuration_says() -> None:
    plain = watch_settings(make_config(ProbeSettings()))
    assert (plain.interval, plain.timeout, plain.resolvers, plain.tls) == (5.0, 2.0, (), None)
    assert plain.pools == ("240.128.0.0/10",)
    full = msgspec.structs.replace(
        ProbeSettings(),
        interval=Seconds(9.0),
        resolvers=(ListenAddress("[::1]:53"),),
        certificate=Path("a.crt"),
        key=Path("a.key"),
        authority=Path("ca.crt"),
    )
    found = watch_settings(make_config(full))
    assert found.resolvers == (("::1", 53),)
    assert found.tls == TlsFiles(Path("a.crt"), Path("a.key"), Path("ca.crt"))
