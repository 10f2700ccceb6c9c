"""Where the clients of each control plane are sent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from msgspec import structs

from globaldns.admin.routes import report_routes
from globaldns.app.rules import registry_settings
from globaldns.config.kinds import ClusterId, NetworkId
from globaldns.config.routing import EnvoySettings
from globaldns.config.schema import ClusterSettings, Config, SourceSettings
from globaldns.model.explanation import RouteLine
from globaldns.model.export import ExportKind
from globaldns.model.lost import Standing
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.service import Service
from globaldns.model.view import Reset, SetGateways, View
from globaldns.registry.views import Views
from tests.routing.meshes import GATEWAYS, endpoint, export, service

EAST, WEST, NORTH = "c1a", "c2a", "c2b"
PODS = (
    export(EAST, endpoint("10.0.0.1", "n1"), endpoint("10.0.0.2", "n1", mutual=False)),
    export(WEST, endpoint("20.0.0.1", "n2")),
    export(NORTH, endpoint("20.0.0.2", "n2"), endpoint("20.0.0.3", "n2")),
)


def reading(reach: dict[object, Reach] | None = None, **served_by: str) -> SimpleNamespace:
    clusters = {
        ClusterId(name): ClusterSettings(
            source=SourceSettings(directory=Path(name)),
            network=NetworkId(network),
            control_plane=ClusterId(served_by[name]) if name in served_by else None,
        )
        for name, network in ((EAST, "n1"), (WEST, "n2"), (NORTH, "n2"))
    }
    config = Config(cluster=ClusterId(EAST), clusters=clusters)
    views = Views(registry_settings(config))
    for name in clusters:
        own = tuple(gateway for gateway in GATEWAYS if gateway.cluster == name)
        views.set_way_in(SetGateways(name, own))
    return SimpleNamespace(
        config=config,
        registry=SimpleNamespace(views=views),
        reach=reach or {},
        ambient_namespaces=dict,
    )


def told(readings: SimpleNamespace, web: Service, seen_from: str) -> list[tuple[str, str, float]]:
    lines = report_routes(readings, web)  # type: ignore[arg-type]
    return [(one.to, one.rank, one.share) for one in lines if one.seen_from == seen_from]


def test_each_control_plane_has_its_own_ways_the_nearest_first() -> None:
    web = service(*PODS)
    assert told(reading(), web, EAST) == [
        ("10.0.0.1", "own", 0.5),
        ("10.0.0.2", "own", 0.5),
        ("2.2.2.2:15443", "other", 0.3333),
        ("2.2.2.20:15443", "other", 0.3333),
        ("2.2.2.21:15443", "other", 0.3333),
    ]


def test_what_cannot_be_reached_is_said_with_the_reason() -> None:
    lines = report_routes(reading(), service(*PODS))  # type: ignore[arg-type]
    assert [one for one in lines if one.lack and one.seen_from == WEST] == [
        RouteLine(
            *(WEST, "", "n1", EAST, "", 0.0),
            lack="1 endpoint out of reach: no mutual TLS, which a gateway needs",
        )
    ]


def test_a_cluster_that_another_serves_has_no_routes_of_its_own() -> None:
    readings = reading(c2b=WEST)
    assert told(readings, service(*PODS), NORTH) == []
    assert {to for to, _, _ in told(readings, service(*PODS), WEST)} > {"20.0.0.1", "20.0.0.3"}


def test_a_dead_gateway_and_a_lost_cluster_are_seen() -> None:
    down = Reach(("2.2.2.2",), GatewayState.DOWN)
    web = service(*PODS, standings={NORTH: Standing.DEMOTED})
    lines = told(reading({GATEWAYS[1]: down}), web, EAST)
    assert lines[2:] == [("2.2.2.20:15443", "other", 0.5), ("2.2.2.21:15443", "other", 0.5)]


def test_ambient_clients_are_said_where_calls_go_by_gateways() -> None:
    readings = reading(c2b=WEST)
    readings.ambient_namespaces = lambda: {NORTH: frozenset({"shop", "bank"}), EAST: frozenset()}
    lack = "pods of bank, shop: ambient, and ztunnel calls no gateway"
    lines = report_routes(readings, service(*PODS))  # type: ignore[arg-type]
    assert [one for one in lines if one.lack == lack] == [
        RouteLine(*(WEST, "", "", NORTH, "", 0.0), lack=lack)
    ]
    near = report_routes(readings, service(PODS[1]))  # type: ignore[arg-type]
    assert [one for one in near if one.seen_from == WEST and one.lack] == []


def test_where_a_person_wrote_an_entry_it_leads_and_none_of_ours() -> None:
    own = structs.replace(PODS[0], kind=ExportKind.SERVICE_ENTRY)
    web, readings = service(own, *PODS[1:]), reading()
    gateways = tuple(one for one in GATEWAYS if one.cluster == EAST)
    readings.registry.views.reset(Reset(View(EAST, exports=(own,), gateways=gateways)))
    (line,) = (one for one in report_routes(readings, web) if one.seen_from == EAST)
    assert (line.lack, line.to) == ("as Service shop/web says, which a person wrote", "")
    assert told(readings, web, WEST) == told(reading(), web, WEST)
    envoy = EnvoySettings(directory=Path("envoys"))
    readings.config = structs.replace(readings.config, envoy=envoy)
    assert told(readings, web, EAST) == told(reading(), web, EAST)
