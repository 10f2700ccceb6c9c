"""What Istio refuses of an entry because of its resolution, in one row each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.exports.resolution_validation import are_plain, refuse_resolution
from globaldns.model.export import Resolution
from globaldns.objects.istio import ServiceEntrySpec, WorkloadEntrySpec
from tests.exports.builders import HTTP, TCP

ENDPOINT = {"address": "10.0.0.1"}
TLS = {"number": 443, "name": "tls", "protocol": "TLS"}
WILD = ["*.bookinfo.global"]
DYNAMIC = {"resolution": "DYNAMIC_DNS", "hosts": WILD}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"resolution": "NONE", "endpoints": [ENDPOINT]}, "none-endpoints", "$.spec.endpoints"),
    ({"endpoints": [{"address": "a.example"}]}, "static-endpoint", "$.spec.endpoints[0].address"),
    (
        {"endpoints": [{**ENDPOINT, "ports": {"tls": 1}}]},
        "endpoint-port",
        "$.spec.endpoints[0].ports.tls",
    ),
    (
        {"endpoints": [{"address": "unix:///a"}], "ports": [HTTP, TLS]},
        "unix-ports",
        "$.spec.endpoints[0]",
    ),
    ({"resolution": "DNS", "hosts": WILD}, "dns-wildcard", "$.spec.hosts[0]"),
    ({"resolution": "DNS_ROUND_ROBIN", "hosts": WILD}, "dns-wildcard", "$.spec.hosts[0]"),
    (
        {"resolution": "DNS", "endpoints": [{"address": "a_b"}]},
        "dns-endpoint",
        "$.spec.endpoints[0].address",
    ),
    (
        {"resolution": "DNS", "endpoints": [{"network": "n2"}]},
        "dns-endpoint",
        "$.spec.endpoints[0].address",
    ),
    (
        {"resolution": "DNS_ROUND_ROBIN", "endpoints": [ENDPOINT, {"address": "b.example"}]},
        "round-robin-endpoints",
        "$.spec.endpoints",
    ),
    ({"resolution": "DYNAMIC_DNS"}, "dynamic-dns", "$.spec.hosts[0]"),
    ({**DYNAMIC, "addresses": ["240.0.0.1"]}, "dynamic-dns", "$.spec.addresses"),
    ({**DYNAMIC, "endpoints": [ENDPOINT]}, "dynamic-dns", "$.spec.endpoints"),
    ({**DYNAMIC, "ports": [TCP]}, "dynamic-dns", "$.spec.ports[0].protocol"),
    (
        {"endpoints": [ENDPOINT, {**ENDPOINT, "weight": -1}]},
        "endpoint-weight",
        "$.spec.endpoints[1].weight",
    ),
    ({"endpoints": [{"address": "10.0.0.256"}]}, "static-endpoint", "$.spec.endpoints[0].address"),
    ({"endpoints": [{"address": "unix:///a"}], "ports": []}, "unix-ports", "$.spec.endpoints[0]"),
    (
        {"resolution": "DNS", "endpoints": [{"address": "unix:///a"}]},
        "dns-endpoint",
        "$.spec.endpoints[0].address",
    ),
    (
        {"resolution": "DNS", "endpoints": [{"address": "*.example"}]},
        "dns-endpoint",
        "$.spec.endpoints[0].address",
    ),
    (
        {**DYNAMIC, "ports": [HTTP, {**HTTP, "protocol": "HTTPS"}]},
        "dynamic-dns",
        "$.spec.ports[1].protocol",
    ),
    (
        {**DYNAMIC, "ports": [{"number": 1, "name": "any"}]},
        "dynamic-dns",
        "$.spec.ports[0].protocol",
    ),
]

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"hosts": WILD},
    {"resolution": "NONE", "hosts": WILD, "ports": [TCP]},
    {"endpoints": [ENDPOINT, {"address": "fd00::1", "ports": {"http": 1}, "weight": 3}]},
    {"endpoints": [{"address": "unix:///run/a"}]},
    {"endpoints": [{"network": "network2"}]},
    {"resolution": "DNS"},
    {"resolution": "DNS", "endpoints": [{"address": "fd00::1"}]},
    {"resolution": "DNS", "endpoints": [{"address": "a.example."}, ENDPOINT], "hosts": WILD},
    {"resolution": "DNS_ROUND_ROBIN", "endpoints": [{"address": "a.example"}]},
    {**DYNAMIC, "ports": [HTTP, {**TLS, "protocol": "tls"}]},
]


def spec_of(**parts: Any) -> ServiceEntrySpec:
    plain = {"hosts": ["a.bookinfo.global"], "ports": [HTTP], "resolution": "STATIC"}
    return msgspec.convert({**plain, **parts}, ServiceEntrySpec)


@pytest.mark.parametrize(("spec", "code", "path"), REFUSED, ids=lambda value: str(value)[:110])
def test_what_does_not_go_with_the_resolution_is_refused_where_it_stands(spec, code, path):
    found = [(one.code, one.path) for one in refuse_resolution(spec_of(**spec))]
    assert found == [(code, path)]


@pytest.mark.parametrize("spec", ACCEPTED, ids=str)
def test_what_goes_with_the_resolution_is_accepted(spec):
    assert list(refuse_resolution(spec_of(**spec))) == []


def test_all_that_is_wrong_with_all_endpoints_is_told_at_once():
    endpoints = [{"address": "a_b", "ports": {"x": 0}}, {"address": "b.example"}]
    found = refuse_resolution(spec_of(resolution="NONE", endpoints=endpoints))
    assert [(one.code, one.path) for one in found] == [
        ("none-endpoints", "$.spec.endpoints"),
        ("port-range", "$.spec.endpoints[0].ports.x"),
        ("endpoint-port", "$.spec.endpoints[0].ports.x"),
    ]


ENDPOINTS = st.builds(
    WorkloadEntrySpec,
    address=st.sampled_from(["10.0.0.1", "fd00::1", "unix:///a", "a.example", "", "10.0.0.0/8"]),
    ports=st.sampled_from([{}, {"http": 1}, {"other": 1}]),
    weight=st.integers(-1, 1),
    network=st.sampled_from(["", "n"]),
)


@given(st.lists(ENDPOINTS, max_size=3))
def test_plain_endpoints_are_those_that_no_rule_of_static_refuses(endpoints):
    spec = msgspec.structs.replace(spec_of(), endpoints=tuple(endpoints))
    assert spec.resolution is Resolution.STATIC
    if are_plain(spec.endpoints):
        assert list(refuse_resolution(spec)) == []


def test_endpoints_of_addresses_alone_are_plain():
    near, six = WorkloadEntrySpec(address="10.0.0.1", labels={"a": "b"}), WorkloadEntrySpec("::1")
    assert are_plain((near, six))
    for other in (
        WorkloadEntrySpec("a.example"),
        WorkloadEntrySpec("10.0.0.2", weight=-1),
        WorkloadEntrySpec("10.0.0.2", ports={"http": 1}),
    ):
        assert not are_plain((near, other))
