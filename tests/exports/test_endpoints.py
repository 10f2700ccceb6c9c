"""The endpoints of an exported Service."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.model.export import Endpoint
from tests.exports.builders import (
    EXPORTED,
    behind,
    build,
    cluster,
    endpoint_slice,
    exported,
    namespace,
    node,
    pod,
    service,
)

SERVICE = service(**EXPORTED)
NUMBERS = (("http", 9080),)


def endpoints(*objects: Any, of: Any = SERVICE) -> tuple[Endpoint, ...]:
    return exported(of, *objects)["reviews.bookinfo"].endpoints


def addresses(*objects: Any) -> list[str]:
    return [one.address for one in endpoints(*objects)]


def test_a_service_without_slices_has_no_endpoints():
    assert endpoints() == ()


def test_only_slices_of_the_service_and_its_namespace_count():
    assert addresses(
        endpoint_slice("a", [behind("p1", "10.0.0.2")]),
        endpoint_slice("b", [behind("p2", "10.0.0.1")]),
        endpoint_slice("c", [behind("p3", "10.0.0.3")], of="ratings"),
        endpoint_slice("d", [behind("p4", "10.0.0.4")], namespace="shop"),
    ) == ["10.0.0.1", "10.0.0.2"]


def test_a_pod_counts_once_over_all_slices_with_ipv4_preferred():
    six = endpoint_slice(
        "a", [behind("p1", "2001:db8::1"), behind("p2", "2001:db8::2")], addressType="IPv6"
    )
    four = endpoint_slice("b", [behind("p1", "203.0.113.1")])
    assert addresses(six, four) == ["2001:db8::2", "203.0.113.1"]


def test_an_address_without_pod_counts_once_too():
    bare = {"addresses": ["10.0.0.1"]}
    assert addresses(endpoint_slice("a", [bare]), endpoint_slice("b", [bare])) == ["10.0.0.1"]


def test_the_first_address_of_an_endpoint_is_used_and_names_are_not():
    assert addresses(
        endpoint_slice("a", [{"addresses": ["10.0.0.1", "10.0.0.2"]}, {"addresses": []}]),
        endpoint_slice("b", [{"addresses": ["a.example"]}], addressType="FQDN"),
    ) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [({}, True), ({"ready": None}, True), ({"ready": True}, True), ({"ready": False}, False)],
)
def test_ready_null_is_ready(conditions, ready):
    (one,) = endpoints(endpoint_slice("a", [behind("p", "10.0.0.1", conditions=conditions)]))
    assert one.ready is ready


def test_a_pod_that_moves_between_slices_is_ready_if_one_of_them_says_so():
    stale = endpoint_slice("a", [behind("p", "10.0.0.1", conditions={"ready": False})])
    fresh = endpoint_slice("b", [behind("p", "10.0.0.1", conditions={"ready": True})])
    (one,) = endpoints(stale, fresh)
    assert one.ready


@pytest.mark.parametrize(
    ("own", "of_namespace", "expected"),
    [
        ({}, {}, None),
        ({}, {"istio.io/dataplane-mode": "ambient"}, "ambient"),
        ({"istio.io/dataplane-mode": "none"}, {"istio.io/dataplane-mode": "ambient"}, "none"),
    ],
)
def test_which_dataplane_a_pod_is_in_its_namespace_says_for_it(own, of_namespace, expected):
    home = namespace("bookinfo", labels=of_namespace)
    there = endpoint_slice("a", [behind("p1", "10.0.0.1")])
    (found,) = endpoints(there, pod("p1", labels=own), home)
    assert dict(found.labels).get("istio.io/dataplane-mode") == expected


def test_endpoints_have_their_own_port_numbers():
    ports = [{"port": 80, "name": "http"}, {"port": 9000, "name": "tcp"}]
    of = service(spec={"ports": ports}, **EXPORTED)
    one, two = endpoints(
        endpoint_slice("a", [behind("p1", "10.0.0.1")], ports=[{"name": "http", "port": 8080}]),
        endpoint_slice(
            "b",
            [behind("p2", "10.0.0.2")],
            ports=[
                {"name": "tcp", "port": 9001},
                {"name": "http", "port": 8081},
                {"name": "x", "port": 1},
            ],
        ),
        of=of,
    )
    assert one.ports == (("http", 8080),)
    assert two.ports == (("http", 8081), ("tcp", 9001))


@pytest.mark.parametrize("name", ["", None])
def test_the_port_without_a_name_is_the_services_unnamed_one(name):
    of = service(spec={"ports": [{"port": 80}]}, **EXPORTED)
    (one,) = endpoints(
        endpoint_slice("a", [behind("p", "10.0.0.1")], ports=[{"name": name, "port": 8080}]), of=of
    )
    assert one.ports == (("port-80", 8080),)


def test_pods_and_nodes_say_labels_account_network_and_locality():
    workload = pod(
        "p",
        labels={"v": "1", "topology.istio.io/network": "n9"},
        spec={"serviceAccountName": "sa"},
    )
    seen = behind("p", "10.0.0.1", nodeName="n", zone="a")
    (one,) = endpoints(endpoint_slice("s", [seen]), workload, node("n", region="eu", zone="x"))
    assert one == Endpoint(
        "10.0.0.1",
        NUMBERS,
        network="n9",
        locality="eu/a",
        labels=(("topology.istio.io/network", "n9"), ("v", "1")),
        service_account="sa",
    )


@pytest.mark.parametrize(
    ("zone", "labels", "locality"),
    [
        ({}, {}, ""),
        ({"zone": "a"}, {}, "/a"),
        ({}, {"region": "eu", "zone": "b"}, "eu/b"),
        ({}, {"region": "eu"}, "eu"),
    ],
)
def test_the_zone_stands_in_the_slice_and_the_region_at_the_node(zone, labels, locality):
    seen = behind("p", "10.0.0.1", nodeName="n", **zone)
    (one,) = endpoints(endpoint_slice("s", [seen]), node("n", **labels))
    assert one.locality == locality


OLD = build(
    "Endpoints",
    "v1",
    "reviews",
    subsets=[
        {
            "addresses": [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "p"}}],
            "notReadyAddresses": [{"ip": "10.0.0.2"}],
            "ports": [{"name": "http", "port": 81}],
        }
    ],
)


def test_endpoints_objects_count_only_where_there_is_no_slice():
    found = endpoints(OLD, pod("p", labels={"v": "1"}))
    assert found == (
        Endpoint("10.0.0.1", (("http", 81),), labels=(("v", "1"),)),
        Endpoint("10.0.0.2", (("http", 81),), ready=False),
    )
    assert addresses(OLD, endpoint_slice("a", [behind("p", "10.0.0.9")])) == ["10.0.0.9"]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (pod("p", labels={"v": "2"}), {"labels": (("v", "2"),)}),
        (node("n", region="eu"), {"locality": "eu"}),
    ],
)
def test_a_pod_or_node_that_comes_later_changes_the_endpoint(late, expected):
    seen = behind("p", "10.0.0.1", nodeName="n")
    exports = cluster([SERVICE, endpoint_slice("s", [seen])])
    exports.changes()
    exports.put(late)
    (put,) = exports.changes()
    assert put.export.endpoints == (Endpoint("10.0.0.1", NUMBERS, **expected),)


def test_a_slice_that_goes_to_another_service_takes_its_endpoints_along():
    exports = cluster(
        [SERVICE, service("ratings", **EXPORTED), endpoint_slice("s", [behind("p", "10.0.0.1")])]
    )
    exports.changes()
    exports.put(endpoint_slice("s", [behind("p", "10.0.0.1")], of="ratings"))
    found = {put.export.host: len(put.export.endpoints) for put in exports.changes()}
    assert found == {"reviews.bookinfo": 0, "ratings.bookinfo": 1}
