"""Every rule by which Istio refuses a ServiceEntry, or warns of it, in one row."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.exports.entry_ports import read_ports
from globaldns.exports.validation import is_host, refusals, warnings
from globaldns.objects.istio import ServiceEntry
from tests.exports.builders import HTTP, TCP, entry

ENDPOINT = {"address": "10.0.0.1"}
TLS = {"number": 443, "name": "tls", "protocol": "TLS"}
WILD = ["*.bookinfo.global"]

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"hosts": []}, "no-hosts", "$.spec.hosts"),
    ({"hosts": [f"h{n}.b.global" for n in range(257)]}, "too-many", "$.spec.hosts"),
    ({"addresses": ["240.0.0.1"] * 257}, "too-many", "$.spec.addresses"),
    ({"endpoints": [ENDPOINT] * 4097}, "too-many", "$.spec.endpoints"),
    ({"hosts": ["*"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["a.global", "b.*.global"]}, "host-name", "$.spec.hosts[1]"),
    ({"hosts": ["a*.global"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["_dns.b.global"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["a..global"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["a" * 64 + ".global"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["a." * 128 + "global"]}, "host-name", "$.spec.hosts[0]"),
    ({"hosts": ["10.0.0.1"]}, "host-name", "$.spec.hosts[0]"),
    ({"addresses": ["240.0.0"]}, "address", "$.spec.addresses[0]"),
    ({"addresses": ["10.0.0.0/33"]}, "address", "$.spec.addresses[0]"),
    ({"addresses": ["10.0.0.0/8/8"]}, "address", "$.spec.addresses[0]"),
    ({"addresses": ["10.0.0.0/255.0.0.0"]}, "address", "$.spec.addresses[0]"),
    (
        {"addresses": ["1.1.1.1", "1.1.1.1/32"], "resolution": "DNS"},
        "cidr-resolution",
        "$.spec.addresses[1]",
    ),
    (
        {"hosts": ["a.b.global", "c.b.global"], "ports": [HTTP, TCP]},
        "hosts-protocol",
        "$.spec.ports[1].protocol",
    ),
    ({"exportTo": [".", "bookinfo"]}, "export-to", "$.spec.exportTo"),
    ({"exportTo": ["*", "a"]}, "export-to", "$.spec.exportTo"),
    ({"exportTo": ["~", "."]}, "export-to", "$.spec.exportTo"),
    ({"exportTo": ["a.b"]}, "export-to", "$.spec.exportTo"),
    (
        {"workloadSelector": {"labels": {"a": "b"}}, "endpoints": [ENDPOINT]},
        "selector-endpoints",
        "$.spec.workloadSelector",
    ),
    (
        {"workloadSelector": {"labels": {"a": "b*"}}},
        "selector-label",
        "$.spec.workloadSelector.labels",
    ),
    (
        {"workloadSelector": {"labels": {"": "b"}}},
        "selector-label",
        "$.spec.workloadSelector.labels",
    ),
]

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"hosts": WILD},
    {"hosts": ["*-a.bookinfo.global", "*b.bookinfo.global"]},
    {"hosts": ["www.example.com."]},
    {"addresses": ["240.0.0.1", "fd00::1", "10.0.0.0/8", "10.0.0.1/8", "240.0.0.2/32"]},
    {
        "resolution": "NONE",
        "addresses": ["10.0.0.0/8"],
        "hosts": ["a.b.global", "c.b.global"],
        "ports": [TCP],
    },
    {"ports": []},
    {"hosts": ["a.b.global", "c.b.global"], "ports": [HTTP, TLS]},
    {"exportTo": [".", "other"]},
    {"exportTo": ["~"]},
    {"workloadSelector": {"labels": {"app": "a"}}},
]

WARNED: list[tuple[dict[str, Any], str, str]] = [
    ({"workloadSelector": {}}, "selector-empty", "$.spec.workloadSelector"),
    (
        {
            "resolution": "DNS",
            "hosts": ["a.b.global", "c.b.global"],
            "addresses": ["240.0.0.1"],
            "ports": [TLS],
        },
        "shared-address",
        "$.spec.addresses",
    ),
    ({"hosts": ["*a.bookinfo.global"]}, "partial-wildcard", "$.spec.hosts[0]"),
    *(
        ({"subjectAltNames": [text]}, "subject-alt-name", "$.spec.subjectAltNames[0]")
        for text in (
            "spiffe://cluster.local",
            "spiffe://Cluster.local/ns/a/sa/b",
            "spiffe://cluster.local/ns//sa/b",
            "spiffe://cluster.local/ns/../sa/b",
            "spiffe://cluster.local/ns/a/sa/b/",
            "SPIFFE://cluster.local/ns/a/sa/b",
            "spiffe:cluster.local/ns/a/sa/b",
        )
    ),
    (
        {"endpoints": [ENDPOINT, {**ENDPOINT, "locality": "a/b/c/d"}]},
        "endpoint-locality",
        "$.spec.endpoints[1].locality",
    ),
]

NOT_WARNED: list[dict[str, Any]] = [
    {"subjectAltNames": ["spiffe://cluster.local/ns/a/sa/b", "spiffe://td/x", "api.example.com"]},
    {"ports": [TCP]},
    {"hosts": WILD, "ports": [TCP], "addresses": ["240.0.0.1"]},
    {"resolution": "DYNAMIC_DNS", "hosts": ["*a.bookinfo.global"]},
]


def judged(spec: dict[str, Any], **parts: Any) -> ServiceEntry:
    found = entry(spec=spec, **parts)
    assert isinstance(found, ServiceEntry)
    return found


@pytest.mark.parametrize(("spec", "code", "path"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_istio_refuses_is_refused_where_it_stands(spec, code, path):
    found = {(problem.code, problem.path) for problem in refusals(judged(spec))}
    assert found == {(code, path)}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"ports": [HTTP, HTTP]}, "duplicate-port"),
        ({"resolution": "NONE", "endpoints": [ENDPOINT]}, "none-endpoints"),
        ({"resolution": "DNS", "hosts": WILD}, "dns-wildcard"),
        ({"endpoints": [ENDPOINT, {**ENDPOINT, "weight": -1}]}, "endpoint-weight"),
    ],
)
def test_what_is_refused_of_ports_of_endpoints_and_by_resolution_is_refused_of_the_entry(
    spec, code
):
    assert {problem.code for problem in refusals(judged(spec))} == {code}


@pytest.mark.parametrize("spec", ACCEPTED, ids=str)
def test_what_istio_accepts_is_accepted(spec):
    assert refusals(judged(spec)) == []


@pytest.mark.parametrize(("spec", "code", "path"), WARNED, ids=lambda value: str(value)[:60])
def test_what_istio_warns_of_is_a_warning_and_no_refusal(spec, code, path):
    warned = judged(spec)
    assert refusals(warned) == []
    found = warnings(warned, read_ports(warned.spec.ports))
    assert [(one.code, one.path, one.severity) for one in found] == [(code, path, "warning")]


@pytest.mark.parametrize("spec", NOT_WARNED, ids=str)
def test_what_istio_takes_without_a_word_has_no_warning(spec):
    silent = judged(spec)
    assert warnings(silent, read_ports(silent.spec.ports)) == []


def test_all_problems_of_an_entry_are_told_at_once():
    spec = {"hosts": ["*", "a_b"], "addresses": ["x"], "ports": [{**HTTP, "number": 0}]}
    codes = [problem.code for problem in refusals(judged(spec))]
    assert codes == ["host-name", "host-name", "address", "port-range"]


def test_a_host_may_have_255_octets_and_no_more():
    longest = ".".join(["a" * 63] * 3 + ["b" * 63])
    assert is_host(longest)
    assert not is_host(longest + "." + "c")
