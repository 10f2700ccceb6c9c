"""Who is served by which control plane, and the ways into all networks."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from globaldns.app.rules import registry_settings
from globaldns.config.kinds import ClusterId, NetworkId
from globaldns.config.routing import RoutingSettings
from globaldns.config.schema import ClusterSettings, Config, SourceSettings
from globaldns.model.export import Gateway, GatewayService
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.view import Reset, SetGateways, View
from globaldns.registry.views import Views
from globaldns.routing.mesh import (
    known_gateways,
    pending_gateways,
    served_clusters,
    topology_of,
    viewer_of,
)


def mesh(**control_planes: str | None) -> tuple[Config, Views]:
    """Clusters whose networks are n-NAME by their views, and n1 by the configuration for east."""
    clusters = {
        ClusterId(name): ClusterSettings(
            source=SourceSettings(directory=Path(name)),
            control_plane=ClusterId(server) if server else None,
            network=NetworkId("n1" if name == "east" else ""),
        )
        for name, server in control_planes.items()
    }
    routing = RoutingSettings(direct_networks=(NetworkId("n9"),))
    config = Config(cluster=ClusterId("east"), clusters=clusters, routing=routing)
    views = Views(registry_settings(config))
    for number, name in enumerate(control_planes):
        gateways = (Gateway(f"n-{name}", f"192.0.2.{number}", 15443, name),)
        views.reset(Reset(View(name, network=f"n-{name}", gateways=gateways)))
    return config, views


def test_a_cluster_serves_itself_unless_another_does() -> None:
    config, _ = mesh(east=None, west="east", flat=None)
    assert list(served_clusters(config, "east")) == ["east", "west"]
    assert list(served_clusters(config, "west")) == []
    assert list(served_clusters(config, "flat")) == ["flat"]


def test_viewers_are_in_the_networks_of_all_whom_their_control_plane_serves() -> None:
    config, views = mesh(east=None, west="east", flat=None)
    assert viewer_of(config, views, "east").networks == {"n1", "n-west"}
    assert viewer_of(config, views, "flat").networks == {"n-flat"}


def test_the_ways_are_those_of_all_clusters_and_what_is_configured_as_in_reach() -> None:
    config, views = mesh(west=None, east=None)
    gateways = list(known_gateways(config, views))
    assert [gateway.cluster for gateway in gateways] == ["east", "west"]
    topology = topology_of(config, views, {})
    assert topology.direct == {"n9"}
    assert topology.ways == {
        "n-east": (("192.0.2.1", 15443),),
        "n-west": (("192.0.2.0", 15443),),
    }


def test_the_ways_into_a_cluster_that_is_read_under_two_ids_are_there_once() -> None:
    config, views = mesh(west=None, east=None)
    views.set_doubles({"west": "east"})
    assert [gateway.cluster for gateway in known_gateways(config, views)] == ["east"]


def test_a_gateway_that_is_down_is_no_way_unless_its_network_has_no_other() -> None:
    config, views = mesh(east=None, west=None)
    west = tuple(Gateway("n-west", text, 15443, "west") for text in ("gw.example", "192.0.2.9"))
    views.set_way_in(SetGateways("west", west))
    named = Reach(("198.51.100.1", "198.51.100.2"))
    down = Reach(("192.0.2.9",), GatewayState.DOWN)
    ways = topology_of(config, views, {west[0]: named, west[1]: down}).ways
    assert ways["n-west"] == (("198.51.100.1", 15443), ("198.51.100.2", 15443))
    assert topology_of(config, views, {}).ways["n-west"] == (("192.0.2.9", 15443),)
    dead = replace(named, state=GatewayState.DOWN)
    ways = topology_of(config, views, {west[0]: dead, west[1]: down}).ways
    assert ways["n-west"] == tuple(
        (text, 15443) for text in ("192.0.2.9", "198.51.100.1", "198.51.100.2")
    )


def test_a_network_whose_gateways_names_lead_nowhere_is_told_from_one_without_any() -> None:
    config, views = mesh(east=None, west=None)
    named = Gateway("n-west", "gw.example", 15443, "west")
    views.set_way_in(SetGateways("west", (named,)))
    for known in ({}, {named: Reach()}, {named: Reach(unresolved="NXDOMAIN")}):
        found = topology_of(config, views, known)
        assert ({*found.entered}, [*found.ways]) == ({"n-east", "n-west"}, ["n-east"])
    found = topology_of(config, views, {named: Reach(("198.51.100.1",))})
    assert {*found.entered} == {*found.ways} == {"n-east", "n-west"}


def test_a_network_whose_gateway_has_no_address_is_told_from_one_without_any() -> None:
    config, views = mesh(east=None, west=None)
    pending = GatewayService("istio-system", "eastwest", "n-west")
    views.set_way_in(SetGateways("west", (), (pending,)))
    assert [*pending_gateways(config, views)] == [("west", pending)]
    found = topology_of(config, views, {})
    assert ({*found.entered}, [*found.ways]) == ({"n-east", "n-west"}, ["n-east"])
    gateway = Gateway("n-west", "192.0.2.9", 15443, "west")
    known = replace(pending, gateways=(gateway,))
    views.set_way_in(SetGateways("west", (gateway,), (known,)))
    assert [*pending_gateways(config, views)] == []
    views.reset(Reset(View("west", gateway_services=(pending,))))
    assert [*pending_gateways(config, views)] == [("west", pending)]


def test_a_dead_address_of_a_name_is_no_way_while_another_lives() -> None:
    config, views = mesh(east=None, west=None)
    named = Gateway("n-west", "gw.example", 15443, "west")
    views.set_way_in(SetGateways("west", (named,)))
    half = Reach(("198.51.100.1", "198.51.100.2"), GatewayState.UP, down={"198.51.100.1": "dead"})
    assert topology_of(config, views, {named: half}).ways["n-west"] == (("198.51.100.2", 15443),)
    both = dict.fromkeys(half.addresses, "dead")
    dead = replace(half, state=GatewayState.DOWN, down=both)
    assert len(topology_of(config, views, {named: dead}).ways["n-west"]) == 2
