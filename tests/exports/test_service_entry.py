"""What becomes of a ServiceEntry that Istio accepts."""

from __future__ import annotations

import pytest

from globaldns.config.schema import Allow, ExportSettings, GatewayAddress, IstioAddresses
from globaldns.model.address import parse_address
from globaldns.model.export import Endpoint, ExportKind, Location, Port, Resolution, Transport
from globaldns.objects import key
from tests.exports.builders import (
    HTTP,
    TCP,
    balanced,
    cluster,
    entry,
    exported,
    findings,
    gateway,
    namespace,
    node,
    pod,
    workload_entry,
)

LOCAL = ExportSettings(istio_addresses=IstioAddresses.LOCAL)


def pins(*texts: str) -> tuple[bytes, ...]:
    return tuple(parse_address(text) for text in texts)


def test_an_entry_is_an_export_with_all_that_it_says():
    spec = {
        "hosts": ["Reviews.Bookinfo.Global."],
        "location": "MESH_INTERNAL",
        "ports": [{**HTTP, "protocol": "http", "targetPort": 8080}],
        "subjectAltNames": ["spiffe://cluster.local/ns/bookinfo/sa/r"],
        "endpoints": [
            {"address": "10.0.0.2", "locality": "eu/a", "weight": 3, "serviceAccount": "r"},
            {"address": "10.0.0.1", "labels": {"v": "2", "a": "1"}, "ports": {"http": 81}},
        ],
    }
    export = exported(entry(spec=spec, created=7))["reviews.bookinfo"]
    assert (export.cluster, export.kind, export.zones) == (
        "east",
        ExportKind.SERVICE_ENTRY,
        ("global",),
    )
    assert str(export.origin) == "ServiceEntry bookinfo/reviews"
    assert export.origin.file == "reviews.yaml"
    assert export.created_at == 1767225607
    assert export.ports == (Port(8000, "http", "HTTP", Transport.TCP),)
    assert export.subject_alt_names == ("spiffe://cluster.local/ns/bookinfo/sa/r",)
    assert (export.resolution, export.location) == (Resolution.STATIC, Location.MESH_INTERNAL)
    assert export.endpoints == (
        Endpoint("10.0.0.2", (("http", 8080),), locality="eu/a", weight=3, service_account="r"),
        Endpoint("10.0.0.1", (("http", 81),), labels=(("a", "1"), ("v", "2"))),
    )


def test_hosts_outside_served_zones_are_nobodys_business():
    assert exported(entry(spec={"hosts": ["www.example.com", "evil.global.com"]})) == {}
    assert findings(entry(spec={"hosts": ["*.example.com"], "ports": [TCP]})) == []


def test_a_host_of_another_namespace_is_refused_and_the_others_are_exported():
    spec = {"hosts": ["pay.bank.global", "reviews.bookinfo.global"]}
    assert set(exported(entry(spec=spec))) == {"reviews.bookinfo"}
    assert findings(entry(spec=spec)) == [("foreign-namespace", "$.spec.hosts[0]")]


def test_a_host_in_several_zones_is_one_export():
    hosts = ["a.bookinfo.mesh", "a.bookinfo.global", "b.bookinfo.mesh", "a.bookinfo.mesh"]
    found = exported(entry(spec={"hosts": hosts}), zones=("global", "mesh", "other"))
    assert {host: one.zones for host, one in found.items()} == {
        "a.bookinfo": ("global", "mesh"),
        "b.bookinfo": ("mesh",),
    }


def test_a_wildcard_host_needs_the_word_of_the_configuration():
    wild = entry(spec={"hosts": ["*.bookinfo.global"]})
    assert findings(wild) == [("host-not-allowed", "$.spec.hosts[0]")]
    assert set(exported(wild, allow=Allow(hosts=("*.bookinfo.global",)))) == {"*.bookinfo"}


@pytest.mark.parametrize(
    ("spec", "annotations", "expected"),
    [
        ({}, {}, ()),
        ({"addresses": ["240.0.0.1", "fd00::1", "10.0.0.0/8"]}, {}, pins("240.0.0.1", "fd00::1")),
        ({"addresses": ["240.0.0.1/32"]}, {}, pins("240.0.0.1")),
        ({}, {"globaldns.io/vip": "240.0.0.2, fd00::2"}, pins("240.0.0.2", "fd00::2")),
        ({"addresses": ["240.0.0.1"]}, {"globaldns.io/vip": "240.0.0.2"}, pins("240.0.0.1")),
        ({"addresses": ["10.0.0.0/8"]}, {"globaldns.io/vip": "240.0.0.2"}, pins("240.0.0.2")),
        ({"addresses": ["240.0.0.1"], "resolution": "NONE"}, {}, ()),
    ],
)
def test_plain_addresses_are_pins_else_the_annotation_and_never_of_none(
    spec, annotations, expected
):
    found = exported(entry(spec=spec, annotations=annotations))
    assert found["reviews.bookinfo"].pins == expected


def test_istios_own_addresses_are_ignored_unless_wanted_and_then_by_host():
    status = {
        "addresses": [
            {"value": "240.240.0.1", "host": "reviews.bookinfo.global"},
            {"value": "240.240.0.2", "host": "other.bookinfo.global"},
            {"value": "2001:2::1"},
        ]
    }
    allocated = entry(status=status)
    assert exported(allocated)["reviews.bookinfo"].local_addresses == ()
    found = exported(allocated, exports=LOCAL)["reviews.bookinfo"]
    assert found.local_addresses == pins("240.240.0.1", "2001:2::1")
    pinned = entry(status=status, spec={"addresses": ["240.0.0.1"]})
    assert exported(pinned, exports=LOCAL)["reviews.bookinfo"].local_addresses == ()


def test_udp_ports_are_in_dns_only_and_reported():
    udp = entry(spec={"ports": [HTTP, {"number": 53, "name": "dns", "protocol": "UDP"}]})
    assert exported(udp)["reviews.bookinfo"].ports[1] == Port(53, "dns", "UDP", Transport.UDP)
    assert findings(udp) == [("not-routed", "$.spec.ports[1].protocol")]


def test_entries_are_ignored_where_the_configuration_says_so():
    off = ExportSettings(service_entries=False)
    assert exported(entry(), exports=off) == {}
    assert findings(entry(spec={"hosts": ["*"]}), exports=off) == []


def test_what_a_globaldns_wrote_is_never_an_export():
    for mark in (
        {"labels": {"globaldns.io/owned-by": "west"}},
        {"annotations": {"globaldns.io/owned-by": "west"}},
    ):
        assert exported(entry(**mark)) == {}
        assert findings(entry(spec={"hosts": ["*"]}, **mark)) == []


class TestRoutes:
    @pytest.mark.parametrize(
        "endpoint",
        [
            {"address": "203.0.113.9", "ports": {"http": 15443}},
            {"address": "203.0.113.7"},
            {"address": "203.0.113.8"},
            {"address": "203.0.113.1"},
            {"address": "10.0.0.9", "network": "network2"},
            {"network": "network2"},
        ],
    )
    def test_an_entry_that_leads_to_gateways_is_a_route_without_endpoints(self, endpoint):
        route = entry(spec={"endpoints": [endpoint], "addresses": ["240.0.0.2"]})
        exports = cluster([route, gateway(status=balanced("203.0.113.8"))], network="network1")
        exports.set_foreign_gateways(frozenset({"203.0.113.7", "203.0.113.1"}))
        (found,) = exports.view().exports
        assert (found.kind, found.endpoints, found.pins) == (
            ExportKind.ROUTE,
            (),
            pins("240.0.0.2"),
        )

    def test_endpoints_here_stay_beside_those_that_lead_away(self):
        near, away = {"address": "10.0.0.1"}, {"address": "203.0.113.9", "ports": {"http": 15443}}
        found = exported(entry(spec={"endpoints": [near, away]}))["reviews.bookinfo"]
        assert found.kind is ExportKind.SERVICE_ENTRY
        assert [one.address for one in found.endpoints] == ["10.0.0.1"]

    def test_an_entry_without_endpoints_is_no_route(self):
        assert exported(entry())["reviews.bookinfo"].kind is ExportKind.SERVICE_ENTRY

    def test_a_network_is_foreign_only_where_our_own_is_known(self):
        vm = entry(spec={"endpoints": [{"address": "10.0.0.9", "network": "vms"}]})
        (endpoint,) = exported(vm)["reviews.bookinfo"].endpoints
        assert endpoint.network == "vms"

    def test_a_gateway_that_is_learnt_or_lost_turns_entries_into_routes_and_back(self):
        exports = cluster([entry(spec={"endpoints": [{"address": "203.0.113.7"}]})])
        exports.changes()
        exports.set_foreign_gateways(frozenset({"203.0.113.7"}))
        (put,) = exports.changes()
        assert put.export.kind is ExportKind.ROUTE
        exports.set_foreign_gateways(frozenset())
        (put,) = exports.changes()
        assert put.export.kind is ExportKind.SERVICE_ENTRY

    def test_a_gateway_of_our_own_is_known_until_its_service_goes(self):
        own = gateway(status=balanced("203.0.113.7"))
        exports = cluster([entry(spec={"endpoints": [{"address": "203.0.113.7"}]}), own])
        assert [one.kind for one in exports.view().exports] == [ExportKind.ROUTE]
        exports.remove(key(own))
        assert [one.kind for one in exports.view().exports] == [ExportKind.SERVICE_ENTRY]

    def test_gateways_by_hand_are_known(self):
        route = entry(spec={"endpoints": [{"address": "203.0.113.7"}]})
        found = exported(route, gateways=(GatewayAddress(address="203.0.113.7"),))
        assert found["reviews.bookinfo"].kind is ExportKind.ROUTE


class TestSelectors:
    SELECTING = entry(
        "vm",
        spec={"workloadSelector": {"labels": {"app": "vm"}}, "ports": [{**HTTP, "targetPort": 80}]},
    )

    def test_a_node_that_comes_later_says_where_a_pod_is(self):
        workload = pod(
            "a", labels={"app": "vm"}, status={"podIP": "10.0.0.1"}, spec={"nodeName": "n"}
        )
        exports = cluster([self.SELECTING, workload])
        exports.changes()
        exports.put(node("n", region="eu", zone="a"))
        (put,) = exports.changes()
        assert put.export.endpoints[0].locality == "eu/a"

    def test_a_workload_that_comes_or_goes_or_changes_its_labels_changes_the_export(self):
        exports = cluster([self.SELECTING])
        exports.changes()
        workload = workload_entry("a", {"address": "10.9.0.2", "labels": {"app": "vm"}})
        exports.put(workload)
        (put,) = exports.changes()
        assert [one.address for one in put.export.endpoints] == ["10.9.0.2"]
        exports.put(workload_entry("a", {"address": "10.9.0.2"}))
        (put,) = exports.changes()
        assert put.export.endpoints == ()


def test_the_network_of_an_endpoint_is_its_own_else_the_clusters_else_the_system_namespaces():
    spec = {"endpoints": [{"address": "10.0.0.1"}]}
    system = namespace("istio-system", labels={"topology.istio.io/network": "labelled"})
    for settings, expected in (({}, "labelled"), ({"network": "configured"}, "configured")):
        (endpoint,) = exported(entry(spec=spec), system, **settings)["reviews.bookinfo"].endpoints
        assert endpoint.network == expected


def test_equal_ports_and_labels_are_shared():
    made = [
        entry(name, spec={"endpoints": [{"address": f"10.0.0.{n}"}]}) for n, name in enumerate("ab")
    ]
    one, two = exported(*made).values()
    assert one.ports is two.ports
    assert one.zones is two.zones
    assert one.endpoints[0].ports is two.endpoints[0].ports
