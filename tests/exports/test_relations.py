"""Who depends on whom."""

from __future__ import annotations

from globaldns.exports.keeping import Store
from globaldns.exports.relations import Relations
from globaldns.objects import ObjectKey
from tests.exports.builders import (
    behind,
    build,
    endpoint_slice,
    entry,
    namespace,
    node,
    pod,
    service,
    service_export,
    workload_entry,
)

SLICE = endpoint_slice("s", [behind("p", "10.0.0.1", nodeName="n"), {"addresses": ["10.0.0.2"]}])
SELECTING = entry("vm", spec={"workloadSelector": {"labels": {"app": "vm"}}})
REVIEWS = ObjectKey("Service", "bookinfo", "reviews")
VM = ObjectKey("ServiceEntry", "bookinfo", "vm")


def touched(relations: Relations, resource) -> list[ObjectKey]:
    return list(relations.touched(resource, Store(())))


def test_an_object_touches_the_exports_that_it_is_part_of_and_no_others():
    relations = Relations()
    relations.add(SLICE)
    relations.add(SELECTING)
    for resource, expected in (
        (service(), [REVIEWS]),
        (service_export(), [REVIEWS]),
        (SLICE, [REVIEWS]),
        (build("Endpoints", "v1", "reviews"), [REVIEWS]),
        (pod("p"), [REVIEWS]),
        (pod("p", labels={"app": "vm"}), [REVIEWS, VM]),
        (pod("p", namespace="shop", labels={"app": "vm"}), []),
        (node("n"), [REVIEWS, VM]),
        (node("other"), [VM]),
        (workload_entry("w", {"labels": {"app": "vm"}}), [VM]),
        (workload_entry("w", {"labels": {"app": "x"}}), []),
        (namespace("bookinfo"), []),
        (entry(), []),
    ):
        assert touched(relations, resource) == expected, resource


def test_what_was_added_and_discarded_leaves_nothing_behind():
    subsets = [
        {
            "addresses": [{"ip": "1.1.1.1", "nodeName": "n"}],
            "notReadyAddresses": [{"ip": "1.1.1.2", "nodeName": "n"}],
        }
    ]
    all_of_them = [
        SLICE,
        SELECTING,
        build("Endpoints", "v1", "reviews", subsets=subsets),
        entry(),
        pod("p"),
    ]
    relations = Relations()
    for resource in all_of_them:
        relations.add(resource)
    for resource in all_of_them:
        relations.discard(resource)
    assert [held for held in vars(relations).values() if held] == []
