"""The routes of one cluster of a mesh of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from globaldns.app.offline import read_offline
from globaldns.app.routes import (
    ClusterRoutes,
    find_hidden,
    list_routed,
    make_routes,
    make_site,
    notices_of,
    route_settings,
)
from globaldns.errors import RequestRefused
from globaldns.istio.former import former_name
from globaldns.istio.notices import Code
from globaldns.istio.routes import Bundle
from globaldns.model.address import parse_address
from globaldns.model.export import Gateway
from globaldns.model.host import Host
from globaldns.model.place import Place as At
from globaldns.model.reach import Reach
from globaldns.sources.remembered import FORMAT, encode_view, file_name
from tests.app.meshes import GATEWAY, START, Place
from tests.registry.mesh import claim

A = Host("a.ns")
POD = {"security.istio.io/tlsMode": "istio"}
FAR = GATEWAY.replace("network1", "network2").replace("203.0.113.9", "203.0.113.20")


def service(name: str, address: str) -> str:
    """A Service that is exported, and its pod with a sidecar."""
    return yaml.safe_dump_all(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {
                    "name": name,
                    "namespace": "ns",
                    "annotations": {"globaldns.io/export": "true"},
                },
                "spec": {"ports": [{"name": "http", "port": 80}]},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": name,
                    "namespace": "ns",
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8080}],
                "endpoints": [
                    {"addresses": [address], "targetRef": {"kind": "Pod", "name": name}},
                ],
            },
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "ns", "labels": POD},
                "status": {"podIP": address},
            },
        ]
    )


@pytest.fixture
def place(place: Place) -> Place:
    place.configure(
        clusters={
            "east": place.cluster("east", network="network1"),
            "west": place.cluster("west", network="network2"),
        }
    )
    place.write("east", service("a", "10.0.0.1"))
    place.write("west", f"{service('b', '10.0.0.1')}---\n{FAR}")
    return place


def routes(
    place: Place, cluster: str = "east", reach: Mapping[Gateway, Reach] | None = None
) -> ClusterRoutes:
    return make_routes(read_offline(place.config, START), cluster, reach or {})


def specs(found: ClusterRoutes) -> dict[str, dict[str, Any]]:
    """The specs of all entries, by host."""
    entries = (bundle.documents[0]["spec"] for bundle in found.bundles)
    return {spec["hosts"][0]: spec for spec in entries if "hosts" in spec}


def test_every_service_has_documents_in_the_order_of_their_places(place: Place) -> None:
    found = routes(place)
    assert list(specs(found)) == ["a.ns.global", "b.ns.global"]
    assert [str(bundle.place) for bundle in found.bundles] == ["ns/a-global", "ns/b-global"]
    far = specs(found)["b.ns.global"]["endpoints"]
    assert [(one["address"], one["network"]) for one in far] == [
        ("203.0.113.20", "globaldns-remote")
    ]
    assert found.findings == ()
    assert routes(place) == found


def test_what_no_ledger_has_is_counted_and_routed_as_a_server_would(place: Place) -> None:
    assert routes(place).unwritten == 2
    place.remember(claim("a.ns", "240.128.0.7", START), claim("b.ns", "240.128.0.8", START, "west"))
    found = routes(place)
    assert found.unwritten == 0
    assert specs(found)["a.ns.global"]["addresses"] == ["240.128.0.7"]


def test_a_gateway_that_has_a_name_alone_is_where_that_leads(place: Place) -> None:
    place.write("west", service("b", "10.0.0.1"))
    west = place.cluster("west", network="network2", gateways=[{"address": "lb.example"}])
    place.configure(clusters={"east": place.cluster("east", network="network1"), "west": west})
    named = Gateway("network2", "lb.example", 15443, "west")
    found = routes(place, reach={named: Reach(("203.0.113.7",))})
    (far,) = specs(found)["b.ns.global"]["endpoints"]
    assert (far["address"], found.findings, found.unresolved) == ("203.0.113.7", (), ())
    found = routes(place, reach={named: Reach(unresolved="it rains")})
    assert [one.code for one in found.findings] == [Code.GATEWAY_NAME, Code.UNKNOWN_GATEWAY]
    assert "endpoints" not in specs(found)["b.ns.global"]
    assert [str(one.place) for one in found.leading] == ["ns/a-global"], "nor is it printed"
    assert not found.are_whole, "so what stands of it is not to go"
    assert found.findings[0].reason.endswith("its name has no address now: it rains")
    assert {one.cluster for one in found.findings} == {"east"}
    assert found.unresolved == ("lb.example",)
    found = routes(place, reach={named: Reach(("203.0.113.7",), left_out=("0.0.0.0 is bad",))})
    assert [(one.code, one.object) for one in found.findings] == [
        (Code.GATEWAY_ADDRESS, "lb.example")
    ]
    assert found.findings[0].reason.endswith("of west are left out: 0.0.0.0 is bad")


PENDING = FAR.partition("status")[0]


def test_a_gateway_without_an_address_has_its_hosts_held_and_no_others(place: Place) -> None:
    place.write("west", f"{service('b', '10.0.0.1')}---\n{PENDING}")
    found = routes(place)
    assert "endpoints" not in specs(found)["b.ns.global"]
    assert [str(one.place) for one in found.leading] == ["ns/a-global"]
    held = dict.fromkeys(("b.ns.global", "b.ns.svc.cluster.local"), frozenset({"west"}))
    assert found.held == held
    assert found.are_whole, "what is of no other host is not to stand for that"
    assert [(one.code, one.object) for one in found.findings] == [
        (Code.UNKNOWN_GATEWAY, "istio-system/eastwest"),
        (Code.UNKNOWN_GATEWAY, "b.ns.global"),
    ]
    assert "Service has no address, and none is known that it had" in found.findings[0].reason
    place.configure(routing={"replicate_services": True})
    assert routes(place).held == held
    place.configure(routing={})
    # What is near is written, and who reaches the network otherwise misses nothing.
    place.write("east", service("b", "10.0.0.9"))
    found = routes(place)
    assert [one["address"] for one in specs(found)["b.ns.global"]["endpoints"]] == ["10.0.0.9"]
    assert (found.held, found.leading) == (held, found.bundles)
    place.configure(routing={"direct_networks": ["network2"]})
    found = routes(place)
    assert (found.held, found.findings) == ({}, ())


def test_a_former_vip_that_leads_nowhere_by_a_lost_gateway_is_not_printed_either() -> None:
    name = former_name("b.ns", parse_address("240.0.0.1"), "global")
    document = {"kind": "ServiceEntry", "spec": {"hosts": [name]}}
    held = {"b.ns.global": frozenset({"west"})}
    bundle = Bundle(At("ns", "b-former"), (document,))
    assert ClusterRoutes((bundle,), (), {}, 0, held=held).leading == ()
    assert ClusterRoutes((bundle,), (), {}, 0).leading == (bundle,)


def test_the_last_address_that_a_server_knew_counts_without_one(place: Place) -> None:
    before = read_offline(place.config, START).sources["west"].view()
    place.state.write_checked(
        file_name("west"), encode_view(before, before.exports), version=FORMAT
    )
    known = routes(place)
    place.write("west", f"{service('b', '10.0.0.1')}---\n{PENDING}")
    assert routes(place) == known
    assert known.held == {}


RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all, namespace: clients}
spec: {host: "*.global"}
"""
PERSONS = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: own, namespace: ns}
spec:
  hosts: [own.ns.global]
  addresses: [240.0.0.1]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.9}]
"""


def test_what_takes_the_place_of_routes_is_told_beside_them_and_alone(place: Place) -> None:
    place.write("east", f"{RULE}---\n{PERSONS}", "rule.yaml")
    [told] = routes(place).findings
    assert (told.code, told.object, told.cluster) == (Code.OTHER_RULE, "a.ns.global", "east")
    assert told.reason.endswith("(and so with 1 other host)"), (
        "a person's entry is no route of ours"
    )
    assert find_hidden(read_offline(place.config, START)) == [told]
    assert Code.OTHER_RULE not in {one.code for one in routes(place, "west").findings}


def test_a_persons_entry_that_leads_away_wants_a_rule_where_nobody_has_written_one(
    place: Place,
) -> None:
    for cluster in ("east", "west"):
        place.write(cluster, PERSONS, "own.yaml")
    [told] = find_hidden(read_offline(place.config, START))
    assert (told.code, told.object) == (Code.OWN_ENTRY, "own.ns.global")
    assert told in routes(place).findings


def test_a_cluster_that_another_ones_istiod_serves_has_nothing_that_is_hidden(
    place: Place,
) -> None:
    place.write("east", RULE, "rule.yaml")
    west = place.cluster("west", network="network2")
    served = place.cluster("east", network="network1", control_plane="west")
    mesh = read_offline(place.configure(clusters={"east": served, "west": west}), START)
    assert find_hidden(mesh) == []
    assert notices_of(mesh, mesh.services[A]) == ()


def test_a_host_is_told_alone_what_is_not_served_of_it(place: Place) -> None:
    place.write("east", RULE, "rule.yaml")
    place.write("west", service("b", "10.0.0.1"))
    mesh = read_offline(place.config, START)
    mesh.registry.acknowledge(mesh.registry.unwritten, mesh.now)
    assert [one.code for one in notices_of(mesh, mesh.services[A])] == [Code.OTHER_RULE]
    told = notices_of(mesh, mesh.services[Host("b.ns")])
    assert [one.code for one in told] == [Code.NO_GATEWAY, Code.OTHER_RULE]
    assert {one.host for one in told} == {"b.ns.global"}


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        (["global"], [("a.ns.global", "ns", False)]),
        (["global", "mesh"], [("a.ns.global", "ns", False), ("a.ns.mesh", "ns", False)]),
    ],
)
def test_a_host_has_a_route_in_each_zone(
    place: Place, zones: list[str], expected: list[tuple[str, str, bool]]
) -> None:
    mesh = read_offline(place.configure(zones=zones), START)
    site = make_site(mesh.config, mesh.registry.views, "east", {}, mesh.sources["east"])
    found = list_routed([mesh.services[A]], {}, site)
    assert [(one.name, one.namespace, one.is_public) for one in found] == expected
    elsewhere = make_site(mesh.config, mesh.registry.views, "east", {}, None)
    assert {one.is_public for one in list_routed([mesh.services[A]], {}, elsewhere)} == {True}


@pytest.mark.parametrize(
    ("sni", "exporter", "expected"),
    [("client", "east", False), ("gateway", "east", True), ("gateway", "west", False)],
)
def test_a_cluster_that_exports_anything_has_a_gateway_in_gateway_mode(
    place: Place, sni: str, exporter: str, *, expected: bool
) -> None:
    place.configure(routing={"sni": sni, "namespace": "routes"})
    place.write("east", GATEWAY if exporter == "west" else service("a", "10.0.0.1"))
    first = (bundle.documents[0] for bundle in routes(place).bundles)
    found = [one["metadata"]["namespace"] for one in first if one["kind"] == "Gateway"]
    assert found == ["routes"] * expected


def test_a_cluster_whose_directory_is_missing_is_not_known_as_a_whole(place: Place) -> None:
    clusters = {"east": place.cluster("east"), "west": place.cluster("missing")}
    place.configure(clusters=clusters)
    found = routes(place)
    assert list(found.unheard) == ["west"]
    assert found.unheard["west"]


def test_routes_stand_where_the_control_plane_is(place: Place) -> None:
    served = place.cluster("west", network="network2", control_plane="east")
    place.configure(clusters={"east": place.cluster("east", network="network1"), "west": served})
    with pytest.raises(RequestRefused, match="west is served by the istiod of east") as refused:
        routes(place, "west")
    assert refused.value.hint == "globaldns export --cluster east"
    assert specs(routes(place))["b.ns.global"]["endpoints"][0]["network"] == "network2"
    with pytest.raises(RequestRefused, match="'north' is no cluster"):
        routes(place, "north")


def test_routes_obey_the_configuration(place: Place) -> None:
    assert route_settings(place.config, "west").namespace == "globaldns"
    config = place.configure(namespace="mesh", routing={"trust_domain": "mesh.example"})
    settings = route_settings(config, "west")
    assert (settings.cluster, settings.namespace) == ("west", "mesh")
    assert settings.trust_domain == "mesh.example"


def test_services_that_a_cluster_lacks_are_made_where_that_is_wanted(place: Place) -> None:
    place.write("west", f"{service('b', '10.0.0.1')}---\n{service('c', '10.0.0.2')}---\n{FAR}")
    clusters = {
        "east": place.cluster("east", network="network1"),
        "west": place.cluster("west", network="network2", control_plane="east"),
    }
    place.configure(clusters=clusters, routing={"replicate_services": True})

    def made(cluster: str) -> list[tuple[str, str]]:
        documents = [one for bundle in routes(place, cluster).bundles for one in bundle.documents]
        return [
            (one["kind"], one["metadata"]["name"]) for one in documents if one["apiVersion"] == "v1"
        ]

    assert made("east") == [("Service", "b"), ("Service", "c")]
    assert made("west") == [("Service", "a")], "also where another's istiod serves its clients"
    assert {len(bundle.documents) for bundle in routes(place, "west").bundles} == {1}
    place.write("east", "")
    assert made("east") == [("Namespace", "ns"), ("Service", "b"), ("Service", "c")]
