"""For what an object is refused as it comes."""

from __future__ import annotations

import pytest

from globaldns.exports.refusal import refuse
from globaldns.objects import Object
from tests.exports.builders import (
    HTTP,
    build,
    endpoint_slice,
    entry,
    exported,
    findings,
    namespace,
    node,
    pod,
    rules,
    service,
    service_export,
    workload_entry,
)

VIP = "globaldns.io/vip"
AT_VIP = '$.metadata.annotations["globaldns.io/vip"]'
PORTS = [{**HTTP, "number": number, "name": f"p{number}"} for number in (1, 2, 3)]
PINS = ["240.0.0.1", "240.0.0.2", "240.0.0.3"]


def refused(resource: Object, **settings: object) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in refuse(resource, rules(**settings))]


def test_an_annotation_that_is_no_address_refuses_the_entry():
    bad = entry(annotations={"globaldns.io/vip": "240.0.0.1,x"})
    assert exported(bad) == {}
    assert findings(bad) == [("pin-address", '$.metadata.annotations["globaldns.io/vip"]')]


def refused_by_us(resource: Object) -> list[str]:
    return [one.code for one in refuse(resource, rules(), is_valid=True)]


def test_what_istio_would_say_is_not_asked_twice():
    assert refused_by_us(entry(spec={"hosts": ["*"]})) == []
    assert refused_by_us(entry(annotations={VIP: "x"})) == ["pin-address"]


@pytest.mark.parametrize(
    ("resource", "code", "path"),
    [
        (entry(spec={"hosts": ["*"]}), "host-name", "$.spec.hosts[0]"),
        (entry(annotations={VIP: "x"}), "pin-address", AT_VIP),
        (
            entry(spec={"addresses": ["240.0.0.1"]}, annotations={VIP: "x"}),
            "pin-address",
            AT_VIP,
        ),
        (
            entry(spec={"resolution": "NONE"}, annotations={VIP: "x"}),
            "pin-address",
            AT_VIP,
        ),
        (workload_entry("vm", {"weight": 1}), "endpoint-address", "$.spec.address"),
        (workload_entry("vm", {"address": "a", "weight": -1}), "endpoint-weight", "$.spec.weight"),
        (service(spec={"ports": [{"port": 0}]}), "port-range", "$.spec.ports[0].port"),
        (service(annotations={VIP: "x"}), "pin-address", AT_VIP),
    ],
)
def test_what_cannot_be_is_refused_of_every_kind_that_can_be_wrong(resource, code, path):
    assert refused(resource) == [(code, path)]


@pytest.mark.parametrize(
    "resource",
    [
        entry(),
        service(),
        workload_entry("vm", {"address": "10.0.0.1"}),
        service_export(),
        endpoint_slice("s", []),
        build("Endpoints", "v1", "reviews"),
        pod("p"),
        node("n"),
        namespace("bookinfo"),
    ],
    ids=lambda resource: resource.kind,
)
def test_what_is_well_is_not_refused(resource):
    assert refused(resource, records_per_name=1) == []


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (entry(spec={"ports": PORTS}), "$.spec.ports"),
        (entry(spec={"addresses": PINS}), "$.spec.addresses"),
        (entry(annotations={VIP: ",".join(PINS)}), "$.spec.addresses"),
        (service(annotations={VIP: ",".join(PINS)}), AT_VIP),
        (
            service(
                spec={"ports": [{"port": one["number"], "name": one["name"]} for one in PORTS]}
            ),
            "$.spec.ports",
        ),
    ],
)
def test_a_name_may_have_as_many_records_as_the_limit_says(resource, path):
    assert refused(resource, records_per_name=3) == []
    (problem,) = refuse(resource, rules(records_per_name=2))
    assert (problem.code, problem.path) == ("too-many-records", path)
    assert problem.reason.startswith("has 3 ")
    assert problem.hint == "raise dns.limits.records_per_name"


@pytest.mark.parametrize(
    "spec",
    [
        {"addresses": ["10.0.0.0/8", "10.0.0.0/9", "240.0.0.1"]},
        {"addresses": ["240.0.0.1", "240.0.0.1/32"]},
        {"addresses": PINS, "resolution": "NONE"},
    ],
)
def test_only_what_is_answered_counts_as_a_record(spec):
    assert refused(entry(spec=spec), records_per_name=1) == []


def test_all_that_is_wrong_with_the_records_is_told_at_once():
    bad = entry(spec={"ports": PORTS}, annotations={VIP: "x"})
    assert refused(bad, records_per_name=2) == [
        ("too-many-records", "$.spec.ports"),
        ("pin-address", AT_VIP),
    ]
