"""Plain values into objects, and what is wrong with those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns import objects
from globaldns.errors import InvalidObject
from globaldns.model.export import Location, Resolution
from globaldns.objects import KINDS, ObjectKey
from globaldns.objects.istio import ServiceEntry
from globaldns.objects.kubernetes import Pod, Protocol, Service

Plain = dict[str, Any]


def plain(kind: str = "Service", version: str = "v1", **parts: Any) -> Plain:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, **parts}


ISTIO = "networking.istio.io"
OWN = "globaldns.io/v1alpha1"
FENCE = {"cluster": "west", "at": "2026-01-01T00:00:00Z"}
LEDGER = {"cluster": "east", "marker": {"id": "m", "created": "2026-01-01T00:00:00Z"}}

READ = [
    *[plain("ServiceEntry", f"{ISTIO}/{v}", spec={}) for v in ("v1", "v1beta1", "v1alpha3")],
    *[plain("WorkloadEntry", f"{ISTIO}/{v}", spec={}) for v in ("v1", "v1beta1", "v1alpha3")],
    *[plain("ServiceExport", f"multicluster.x-k8s.io/{v}") for v in ("v1alpha1", "v1beta1", "v9")],
    plain("EndpointSlice", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[]),
    *[plain(kind) for kind in ("Service", "Endpoints", "Pod", "Node", "Namespace")],
    plain("VIPLedger", OWN, spec=LEDGER),
    plain("GlobalService", OWN),
    plain("ClusterFence", OWN, spec=FENCE),
]


@pytest.mark.parametrize("value", READ, ids=lambda value: f"{value['apiVersion']} {value['kind']}")
def test_every_kind_is_read(value):
    found = objects.decode(value)
    assert found is not None
    assert objects.key(found).kind == value["kind"]
    assert objects.identify(value) == objects.key(found)


def test_every_kind_has_a_row():
    assert {value["kind"] for value in READ} == set(KINDS)


@pytest.mark.parametrize(
    "value",
    [
        plain("Deployment", "apps/v1"),
        plain("Service", "serving.knative.dev/v1"),
        plain("VirtualService", "networking.istio.io/v1"),
        plain("ServiceExport", "net.gke.io/v1"),
        {"replicas": 3},
        {"metadata": "of a chart"},
        {},
    ],
)
def test_other_kinds_are_not_read(value):
    assert objects.decode(value) is None


def test_unknown_fields_are_ignored_and_nulls_are_as_good_as_absent():
    value = plain("ServiceEntry", f"{ISTIO}/v1", status=None, extra=1)
    value["metadata"] |= {"labels": None, "creationTimestamp": None, "uid": "x", "namespace": "b"}
    value["spec"] = {
        "hosts": ["a.b.global"],
        "endpoints": None,
        "ports": [{"number": 1, "name": None}],
        "x": {},
    }
    found = objects.decode(value)
    assert isinstance(found, ServiceEntry)
    assert (found.spec.hosts, found.spec.endpoints, found.spec.ports[0].name) == (
        ("a.b.global",),
        (),
        "",
    )
    assert (found.metadata.created_at, found.metadata.labels) == (None, {})
    assert (found.spec.resolution, found.spec.location) == (Resolution.NONE, Location.MESH_EXTERNAL)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02T03:04:05Z", 1767323045),
        ("2026-01-02T03:04:05.9Z", 1767323045),
        ("2026-01-02T04:04:05+01:00", 1767323045),
    ],
)
def test_the_creation_time_is_in_unix_seconds(text, seconds):
    value = plain(metadata={"name": "a", "creationTimestamp": text})
    found = objects.decode(value)
    assert found is not None
    assert found.metadata.created_at == seconds


def test_names_that_are_not_camel_case_are_read_too():
    found = objects.decode(plain("Pod", status={"podIP": "10.0.0.1"}))
    assert isinstance(found, Pod)
    assert found.status.pod_ip == "10.0.0.1"
    found = objects.decode(
        plain(spec={"externalIPs": ["1.1.1.1"], "ports": [{"port": 1, "protocol": "UDP"}]})
    )
    assert isinstance(found, Service)
    assert found.spec.external_ips == ("1.1.1.1",)
    assert found.spec.ports[0].protocol is Protocol.UDP


def metadata(**parts: Any) -> Plain:
    return plain(metadata={"name": "a", **parts})


REFUSED: list[tuple[Plain, str, str]] = [
    ({"apiVersion": "v1", "metadata": {"name": "a"}}, "$.kind", "kind is missing"),
    ({"metadata": {"name": "a"}, "spec": {}}, "$.kind", "kind is missing"),
    (plain("service"), "$.kind", "service of v1 is not read"),
    (plain("Serviceentry", f"{ISTIO}/v1"), "$.kind", f"Serviceentry of {ISTIO} is not read"),
    (plain("ServiceEntry"), "$.kind", "ServiceEntry of v1 is not read"),
    (plain("ClusterFence", "x.io/v1"), "$.kind", "ClusterFence of x.io is not read"),
    (
        {"kind": "Service", "metadata": {"name": "a"}},
        "$.apiVersion",
        "apiVersion of a Service is missing",
    ),
    (
        plain("ServiceEntry", f"{ISTIO}/v2", spec={}),
        "$.apiVersion",
        "version 'v2' of ServiceEntry is not read",
    ),
    (plain("Service", "v2"), "$.apiVersion", "version 'v2' of Service is not read"),
    ({"apiVersion": "v1", "kind": "Service"}, "$", "object missing required field 'metadata'"),
    (plain("ServiceEntry", f"{ISTIO}/v1"), "$", "object missing required field 'spec'"),
    (
        plain("GlobalService", "globaldns.io/v1alpha1", spec={"pin": ["240.0.0.1"]}),
        "$.spec",
        "object contains unknown field 'pin'",
    ),
    (plain(metadata={}), "$.metadata", "object missing required field 'name'"),
    (plain(metadata={"name": None}), "$.metadata", "object missing required field 'name'"),
    (metadata(name="A"), "$.metadata.name", "is no DNS-1123 name"),
    (metadata(name="a.b"), "$.metadata.name", "is no DNS-1123 name"),
    (metadata(name="a\n"), "$.metadata.name", "is no DNS-1123 name"),
    (metadata(name="a" * 64), "$.metadata.name", "is no DNS-1123 name"),
    (metadata(namespace="a.b"), "$.metadata.namespace", "is no DNS-1123 name"),
    (metadata(namespace=1), "$.metadata.namespace", "expected str, got int"),
    (metadata(labels={"version": 1}), "$.metadata.labels", "expected str, got int"),
    (
        metadata(annotations={"globaldns.io/export": True}),
        "$.metadata.annotations",
        "expected str, got bool",
    ),
    (metadata(labels=["a"]), "$.metadata.labels", "expected object, got array"),
    (
        metadata(creationTimestamp="yesterday"),
        "$.metadata.creationTimestamp",
        "invalid RFC3339 encoded datetime",
    ),
    (plain(spec={"ports": [{"port": "80"}]}), "$.spec.ports[0].port", "expected int, got str"),
    (
        plain(spec={"ports": [{"port": 1, "protocol": "X"}]}),
        "$.spec.ports[0].protocol",
        "invalid enum value 'X'",
    ),
    (
        plain("ServiceEntry", f"{ISTIO}/v1", spec={"resolution": "static"}),
        "$.spec.resolution",
        "invalid enum value 'static'",
    ),
    (plain("List"), "$.items", "a list may hold objects only, in items"),
]


@pytest.mark.parametrize(("value", "path", "reason"), REFUSED, ids=str)
def test_what_an_api_server_refuses_is_refused_where_it_stands(value, path, reason):
    with pytest.raises(InvalidObject) as refused:
        objects.decode(value)
    assert (refused.value.path, str(refused.value)) == (path, reason)
    assert refused.value.code == "invalid-object"
    assert refused.value.hint


FENCE = {"cluster": "west", "at": "2026-01-02T03:04:05Z"}


def fence(**spec):
    return plain("ClusterFence", "globaldns.io/v1alpha1", spec=spec)


REMEDIES = [
    (fence(cluster="west"), "add spec.at, a time like 2026-01-02T03:04:05Z"),
    (fence(at="2026-01-02T03:04:05Z"), "add spec.cluster"),
    (fence(**FENCE, fence=True), "remove it, or mend its name"),
    (fence(cluster="west", at="now"), "write a time like 2026-01-02T03:04:05Z"),
    (fence(cluster="west", at="2026-01-02T03:04:05"), "write a time like 2026-01-02T03:04:05Z"),
    (fence(**FENCE, fenced="no"), "write true or false, without quotes"),
    (
        plain("ServiceEntry", f"{ISTIO}/v1", spec={"resolution": "BOGUS"}),
        "write one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS",
    ),
    (
        plain("ServiceEntry", f"{ISTIO}/v1", spec={"location": "BOGUS"}),
        "write one of MESH_EXTERNAL, MESH_INTERNAL",
    ),
    (
        plain(spec={"ports": [{"port": 1, "protocol": "X"}]}),
        "write one of TCP, UDP, SCTP",
    ),
    (plain(spec={"ports": [{"port": "80"}]}), "write a whole number, without quotes"),
    (plain(spec={"ports": {}}), "write a list"),
    (metadata(labels=["a"]), "write a mapping"),
    (metadata(labels={"a": []}), "write text"),
    ({"kind": "Service", "metadata": {}}, "add apiVersion: v1"),
    ({"kind": "ServiceExport", "metadata": {}}, "add apiVersion: multicluster.x-k8s.io/v1alpha1"),
]


@pytest.mark.parametrize(("value", "remedy"), REMEDIES, ids=str)
def test_a_refusal_says_what_to_write_instead(value, remedy):
    with pytest.raises(InvalidObject) as refused:
        objects.decode(value)
    assert refused.value.hint == remedy


@pytest.mark.parametrize("value", [1, True, 1.5])
def test_a_value_that_yaml_did_not_read_as_text_is_to_be_quoted(value):
    with pytest.raises(InvalidObject) as refused:
        objects.decode(metadata(labels={"version": value}))
    assert refused.value.hint == "write the value in quotes"


def test_an_object_that_is_refused_still_has_a_key():
    refused = {"kind": "ServiceEntry", "metadata": {"name": "A_b", "namespace": "x"}, "spec": 1}
    assert objects.identify(refused) == ObjectKey("ServiceEntry", "x", "A_b")
    assert objects.identify({"kind": "Node", "metadata": {"name": "n"}}) == ObjectKey(
        "Node", "", "n"
    )


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"kind": "Service"},
        {"kind": "Deployment", "metadata": {"name": "a"}},
        {"kind": "Service", "metadata": {"name": 1}},
    ],
)
def test_what_names_nothing_has_no_key(value):
    assert objects.identify(value) is None


class TestLists:
    def test_a_list_is_its_items_in_order(self):
        items = [plain("Service"), plain("Pod")]
        assert list(objects.expand({"kind": "List", "apiVersion": "v1", "items": items})) == items

    def test_a_typed_list_says_what_its_items_are(self):
        (item,) = objects.expand(
            {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}
        )
        assert isinstance(objects.decode(item), Pod)

    def test_anything_else_is_itself(self):
        for value in (plain(), {}, {"kind": "List"}, {"kind": "AllowList", "items": 1}):
            assert list(objects.expand(value)) == [value]

    def test_an_item_that_is_no_object_is_refused(self):
        with pytest.raises(InvalidObject) as refused:
            list(objects.expand({"kind": "List", "items": [1]}))
        assert refused.value.path == "$.items[0]"
