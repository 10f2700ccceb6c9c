"""What Istio refuses of a workload, in one row each."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.exports.workload_validation import refuse_workload, warn_workload
from globaldns.objects.istio import WorkloadEntrySpec

ENDPOINT = {"address": "10.0.0.1"}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "endpoint-address", "address"),
    ({"address": "unix://tmp/a"}, "endpoint-address", "address"),
    ({**ENDPOINT, "weight": -1}, "endpoint-weight", "weight"),
    ({**ENDPOINT, "weight": 2**32}, "endpoint-weight", "weight"),
    ({**ENDPOINT, "ports": {"http": 0}}, "port-range", "ports.http"),
    ({"address": "unix:///a", "ports": {"http": 1}}, "unix-ports", "ports"),
    ({"address": "unix://"}, "endpoint-address", "address"),
    ({"address": "unix:///run/"}, "endpoint-address", "address"),
    ({**ENDPOINT, "ports": {"http": 65536}}, "port-range", "ports.http"),
    ({**ENDPOINT, "ports": {"http": 80, "tcp": -1}}, "port-range", "ports.tcp"),
]

ACCEPTED: list[dict[str, Any]] = [
    ENDPOINT,
    {"address": "a.example"},
    {"address": "unix:///run/a"},
    {"address": "unix://@a"},
    {"network": "network2"},
    {"network": "network2", "ports": {"http": 1}},
    {"address": "fd00::1", "ports": {"http": 1, "tcp": 65535}, "weight": 3},
    {**ENDPOINT, "weight": 2**32 - 1},
]


def judged(workload: dict[str, Any], path: str = "$") -> list[tuple[str, str]]:
    spec = msgspec.convert(workload, WorkloadEntrySpec)
    return [(problem.code, problem.path) for problem in refuse_workload(spec, path)]


@pytest.mark.parametrize(("workload", "code", "path"), REFUSED, ids=str)
def test_what_istio_refuses_of_a_workload_is_refused_where_it_stands(workload, code, path):
    for above in ("$.spec", "$.spec.endpoints[7]"):
        assert judged(workload, above) == [(code, f"{above}.{path}")]


@pytest.mark.parametrize("workload", ACCEPTED, ids=str)
def test_what_istio_accepts_of_a_workload_is_accepted(workload):
    assert judged(workload) == []


def test_all_problems_of_a_workload_are_told_at_once():
    workload = {"address": "unix://a", "weight": -1, "ports": {"a": 0, "b": 65536}}
    assert judged(workload) == [
        ("endpoint-address", "$.address"),
        ("unix-ports", "$.ports"),
        ("endpoint-weight", "$.weight"),
        ("port-range", "$.ports.a"),
        ("port-range", "$.ports.b"),
    ]


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("locality", "region/zone/subzone", []),
        ("locality", "eu-west-1", []),
        ("locality", "a/b/c/d", [("endpoint-locality", "$.locality", "warning")]),
        ("locality", "/zone", [("endpoint-locality", "$.locality", "warning")]),
        ("locality", "eu west", [("endpoint-locality", "$.locality", "warning")]),
        ("serviceAccount", "reviews-v1.x", []),
        ("serviceAccount", "ns/reviews", [("endpoint-account", "$.serviceAccount", "warning")]),
        ("serviceAccount", "Reviews", [("endpoint-account", "$.serviceAccount", "warning")]),
        ("serviceAccount", "a" * 254, [("endpoint-account", "$.serviceAccount", "warning")]),
    ],
)
def test_what_means_nothing_to_istio_is_a_warning(
    field: str, text: str, expected: list[tuple[str, str, str]]
) -> None:
    spec = msgspec.convert({**ENDPOINT, field: text}, WorkloadEntrySpec)
    assert [(p.code, p.path, p.severity) for p in warn_workload(spec, "$")] == expected
    assert list(refuse_workload(spec, "$")) == []
