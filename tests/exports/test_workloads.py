"""Workloads as endpoints: what each says of itself, and what is known of it otherwise."""

from __future__ import annotations

import pytest

from globaldns.exports.context import Context, Shared
from globaldns.exports.keeping import Store
from globaldns.exports.workloads import (
    entry_labels,
    is_pod_ready,
    is_selected,
    locality_label,
    node_locality,
    own_numbers,
    selected_endpoints,
    workload_endpoint,
)
from globaldns.model.export import Endpoint
from globaldns.objects import Object, key
from globaldns.objects.istio import WorkloadEntrySpec
from tests.exports.builders import HTTP, entry, exported, node, pod, rules, workload_entry

SELECTING = entry(
    "vm",
    spec={"workloadSelector": {"labels": {"app": "vm"}}, "ports": [{**HTTP, "targetPort": 80}]},
)
CONTEXT = Context(rules=rules(), shared=Shared(), network="ours", gateways=frozenset())
NUMBERS = (("http", 80), ("tcp", 90))
NETWORK = "topology.istio.io/network"


def stored(*objects: Object) -> Store:
    store = Store(())
    for resource in objects:
        store.swap(key(resource), store.pack(resource, ""))
    return store


def selected(*objects: Object) -> tuple[Endpoint, ...]:
    return selected_endpoints(
        {"app": "vm"}, NUMBERS, namespace="bookinfo", store=stored(*objects), context=CONTEXT
    )


def test_a_selector_finds_workload_entries_and_pods_of_its_namespace():
    found = exported(
        SELECTING,
        workload_entry(
            "b", {"address": "10.9.0.2", "labels": {"app": "vm"}, "ports": {"http": 81}}
        ),
        workload_entry("other", {"address": "10.9.0.3", "labels": {"app": "x"}}),
        workload_entry("far", {"address": "10.9.0.4", "labels": {"app": "vm"}}, namespace="shop"),
        workload_entry("nowhere", {"network": "n2", "labels": {"app": "vm"}}),
        pod(
            "a",
            labels={"app": "vm"},
            status={"podIP": "10.0.0.1"},
            spec={"serviceAccountName": "sa"},
        ),
        pod("pending", labels={"app": "vm"}),
    )["vm.bookinfo"]
    assert [(one.address, one.ports, one.service_account) for one in found.endpoints] == [
        ("10.0.0.1", (("http", 80),), "sa"),
        ("10.9.0.2", (("http", 81),), ""),
    ]


def test_labels_of_the_metadata_win():
    workload = workload_entry(
        "a",
        {"address": "10.9.0.2", "labels": {"app": "x", "v": "1"}},
        labels={"app": "vm", "topology.istio.io/network": "vms", "istio-locality": "eu.a"},
    )
    (endpoint,) = exported(SELECTING, workload)["vm.bookinfo"].endpoints
    assert dict(endpoint.labels)["app"] == "vm"
    assert dict(endpoint.labels)["v"] == "1"
    assert (endpoint.network, endpoint.locality) == ("vms", "eu/a")


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], True),
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Initialized", "status": "False"}], True),
    ],
)
def test_a_pod_is_ready_unless_its_condition_denies_it(conditions, ready):
    found = pod("a", labels={"app": "vm"}, status={"podIP": "10.0.0.1", "conditions": conditions})
    (endpoint,) = exported(SELECTING, found)["vm.bookinfo"].endpoints
    assert endpoint.ready is ready


@pytest.mark.parametrize(
    ("workload", "numbers"),
    [
        ({}, NUMBERS),
        ({"ports": {"tcp": 91}}, (("http", 80), ("tcp", 91))),
        ({"ports": {"tcp": 91, "http": 81}}, (("http", 81), ("tcp", 91))),
        ({"ports": {"other": 1}}, NUMBERS),
        ({"address": "unix:///run/a"}, ()),
    ],
)
def test_a_workloads_own_map_of_ports_comes_before_the_entrys(workload, numbers):
    assert own_numbers(WorkloadEntrySpec(**workload), NUMBERS) == numbers


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        ({}, {"network": "ours"}),
        ({"network": "n1"}, {"network": "n1"}),
        ({"network": "n1", "labels": {NETWORK: "n2"}}, {"network": "n1"}),
        ({"labels": {NETWORK: "n2"}}, {"network": "n2"}),
        ({"locality": "eu/a"}, {"locality": "eu/a", "network": "ours"}),
        (
            {"locality": "eu/a", "labels": {"istio-locality": "us.b"}},
            {"locality": "eu/a", "network": "ours"},
        ),
        ({"labels": {"istio-locality": "us.b.c"}}, {"locality": "us/b/c", "network": "ours"}),
        ({"weight": 3}, {"weight": 3, "network": "ours"}),
        ({"service_account": "sa"}, {"service_account": "sa", "network": "ours"}),
    ],
)
def test_what_a_workload_says_comes_before_its_labels_and_the_clusters_network(workload, expected):
    spec = WorkloadEntrySpec("10.0.0.1", **workload)
    labels = tuple(sorted(workload.get("labels", {}).items()))
    assert workload_endpoint(spec, NUMBERS, CONTEXT) == Endpoint(
        "10.0.0.1", NUMBERS, labels=labels, **expected
    )


def test_labels_of_an_endpoint_are_sorted():
    spec = WorkloadEntrySpec("10.0.0.1", labels={"b": "1", "a": "2"})
    assert workload_endpoint(spec, (), CONTEXT).labels == (("a", "2"), ("b", "1"))


@pytest.mark.parametrize(
    ("labels", "selector", "expected"),
    [
        ({"app": "vm", "v": "1"}, {"app": "vm"}, True),
        ({"app": "vm"}, {"app": "vm", "v": "1"}, False),
        ({"app": "vm"}, {"app": "x"}, False),
        ({"app": "vm"}, {}, True),
        ({}, {"app": ""}, False),
    ],
)
def test_labels_are_selected_when_they_have_all_that_is_asked_for(labels, selector, expected):
    assert is_selected(labels, selector) is expected


@pytest.mark.parametrize(
    ("spec", "metadata", "labels"),
    [
        ({}, {"a": "1"}, {"a": "1"}),
        ({"a": "1"}, {}, {"a": "1"}),
        ({"a": "1", "b": "1"}, {"a": "2"}, {"a": "2", "b": "1"}),
    ],
)
def test_labels_of_a_workload_entry_are_both_and_the_metadatas_win(spec, metadata, labels):
    made = workload_entry("a", {"address": "10.0.0.1", "labels": spec}, labels=metadata)
    assert dict(entry_labels(made)) == labels


@pytest.mark.parametrize(
    ("labels", "locality"),
    [({}, ""), ({"istio-locality": "eu"}, "eu"), ({"istio-locality": "eu.a.b"}, "eu/a/b")],
)
def test_a_label_says_a_locality_with_dots_for_slashes(labels, locality):
    assert locality_label(labels) == locality


@pytest.mark.parametrize(
    ("name", "zone", "locality"),
    [
        ("whole", "", "eu/a"),
        ("whole", "b", "eu/b"),
        ("region", "", "eu"),
        ("region", "b", "eu/b"),
        ("zone", "", "/a"),
        ("bare", "", ""),
        ("bare", "b", "/b"),
        ("unknown", "", ""),
        ("unknown", "b", "/b"),
        ("", "b", "/b"),
        ("", "", ""),
    ],
)
def test_a_node_says_the_region_and_the_zone_unless_that_is_known(name, zone, locality):
    nodes = stored(
        node("whole", region="eu", zone="a"),
        node("region", region="eu"),
        node("zone", zone="a"),
        node("bare"),
    )
    assert node_locality(name, zone, nodes) == locality


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [(["Unknown"], False), (["True", "True"], True), (["True", "False"], False)],
)
def test_a_pod_is_ready_only_if_every_word_on_it_says_so(statuses, expected):
    conditions = [{"type": "Ready", "status": status} for status in statuses]
    assert is_pod_ready(pod("p", status={"conditions": conditions})) is expected


def test_a_selected_pod_is_an_endpoint_with_all_that_its_labels_and_node_say():
    labels = {"app": "vm", NETWORK: "n1"}
    spec = {"nodeName": "n", "serviceAccountName": "sa"}
    made = pod("p", labels=labels, spec=spec, status={"podIP": "10.0.0.1"})
    assert selected(made, node("n", region="eu", zone="a")) == (
        Endpoint(
            "10.0.0.1",
            NUMBERS,
            network="n1",
            locality="eu/a",
            labels=(("app", "vm"), (NETWORK, "n1")),
            service_account="sa",
        ),
    )


def test_the_locality_label_of_a_pod_comes_before_its_node_and_its_network_may_be_the_clusters():
    labels = {"app": "vm", "istio-locality": "us.b"}
    made = pod("p", labels=labels, spec={"nodeName": "n"}, status={"podIP": "10.0.0.1"})
    (endpoint,) = selected(made, node("n", region="eu", zone="a"))
    assert (endpoint.locality, endpoint.network) == ("us/b", "ours")


def test_selected_endpoints_are_sorted_by_address_and_ports_whatever_their_names_and_kinds():
    app = {"labels": {"app": "vm"}}
    found = selected(
        workload_entry("a", {"address": "10.0.0.3", **app}),
        workload_entry("b", {"address": "10.0.0.1", "ports": {"http": 82}, **app}),
        workload_entry("c", {"address": "10.0.0.1", "ports": {"http": 81}, **app}),
        pod("d", status={"podIP": "10.0.0.2"}, **app),
    )
    assert [(one.address, one.ports[0][1]) for one in found] == [
        ("10.0.0.1", 81),
        ("10.0.0.1", 82),
        ("10.0.0.2", 80),
        ("10.0.0.3", 80),
    ]


def test_a_selected_workload_entry_is_an_endpoint_with_all_that_it_says():
    spec = {
        "address": "10.0.0.1",
        "ports": {"tcp": 91},
        "labels": {"app": "vm"},
        "network": "n1",
        "locality": "eu/a",
        "weight": 3,
        "serviceAccount": "sa",
    }
    assert selected(workload_entry("a", spec)) == (
        Endpoint(
            "10.0.0.1",
            (("http", 80), ("tcp", 91)),
            network="n1",
            locality="eu/a",
            weight=3,
            labels=(("app", "vm"),),
            service_account="sa",
        ),
    )
