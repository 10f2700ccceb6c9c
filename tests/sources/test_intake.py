"""Objects as an API server writes them, into values."""

from __future__ import annotations

import json

import msgspec
import pytest

from globaldns.kube.resources import SERVICE_ENTRIES, SERVICE_EXPORTS, SERVICES
from globaldns.objects import Object, ObjectKey, decode
from globaldns.sources.intake import Misshapen, identify_removed, take_in
from tests.sources.served import OF_KIND, endpoint_slice, entry, made, pod, raw, service, vip_ledger

EVERY = [
    service("a"),
    entry("a"),
    pod(),
    endpoint_slice("a"),
    vip_ledger(),
    made("Namespace", "ns"),
    made("Node", "n"),
    made("ServiceExport", "a"),
    made("WorkloadEntry", "w", spec={"address": "10.0.0.1"}),
    made("GlobalService", "a"),
    made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"}),
]


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item["kind"])
def test_an_object_is_what_a_manifest_of_it_is(item: dict[str, object]) -> None:
    taken = take_in(raw(item), OF_KIND[str(item["kind"])])
    assert isinstance(taken, Object)
    assert taken == decode(item)


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item["kind"])
def test_an_object_of_a_list_has_neither_kind_nor_version(item: dict[str, object]) -> None:
    bare = {key: part for key, part in item.items() if key not in {"kind", "apiVersion"}}
    assert take_in(raw(bare), OF_KIND[str(item["kind"])]) == decode(item)


def test_null_is_as_good_as_absent() -> None:
    item = service("a")
    nulls = {"labels": None, "creationTimestamp": None}
    item = {**item, "metadata": {**item["metadata"], **nulls}, "status": None}
    taken = take_in(raw(item), SERVICES)
    assert isinstance(taken, Object)
    assert taken.metadata.name == "a"


def test_whichever_version_a_server_has_is_taken() -> None:
    for version in ("v1alpha1", "v1beta1", "v2"):
        item = {**made("ServiceExport", "a"), "apiVersion": f"multicluster.x-k8s.io/{version}"}
        assert isinstance(take_in(raw(item), SERVICE_EXPORTS), Object)


@pytest.mark.parametrize(
    ("spoilt", "path"),
    [
        ({"spec": []}, "$.spec"),
        ({"spec": {"hosts": "a"}}, "$.spec.hosts"),
        ({"metadata": {"name": "a", "namespace": "ns", "labels": {"x": 1}}}, "$.metadata.labels"),
        ({"metadata": {"name": "A_B", "namespace": "ns"}}, "$.metadata.name"),
    ],
)
def test_a_wrong_shape_is_told_with_its_object_and_place(
    spoilt: dict[str, object], path: str
) -> None:
    taken = take_in(raw({**entry("a"), **spoilt}), SERVICE_ENTRIES)
    assert isinstance(taken, Misshapen)
    assert taken.key is not None
    assert (taken.key.kind, taken.key.namespace) == ("ServiceEntry", "ns")
    assert taken.error.path == path
    assert str(taken.error)
    assert taken.error.hint


@pytest.mark.parametrize("text", ["{}", "[]", "null", '"x"', '{"metadata": 1}', '{"metadata": {}}'])
def test_what_has_no_name_is_nobodys(text: str) -> None:
    taken = take_in(msgspec.Raw(text.encode()), SERVICES)
    assert isinstance(taken, Misshapen)
    assert taken.key is None
    assert identify_removed(msgspec.Raw(text.encode()), SERVICES) is None


def test_last_words_of_any_shape_are_about_their_object() -> None:
    key = ObjectKey("ServiceEntry", "ns", "a")
    for item in (entry("a"), {**entry("a"), "spec": []}):
        assert identify_removed(msgspec.Raw(json.dumps(item).encode()), SERVICE_ENTRIES) == key
