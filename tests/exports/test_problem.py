"""Problems, before and after it is known where the object stands."""

from __future__ import annotations

import pytest

from globaldns.errors import InvalidObject
from globaldns.exports.problem import Problem, as_problem, not_routed, report, warning
from globaldns.model.export import Transport
from globaldns.model.finding import Finding, Severity
from globaldns.objects import ObjectKey


def test_a_problem_refuses_unless_it_is_a_warning():
    assert Problem("a-code", "$.spec", "is wrong").severity is Severity.ERROR
    warned = warning("a-code", "$.spec", "is odd", "mend it")
    assert warned == Problem("a-code", "$.spec", "is odd", "mend it", Severity.WARNING)


def test_a_refusal_is_told_as_its_error_says():
    error = InvalidObject("is no address", path="$.spec.pins", code="pin-address", hint="mend it")
    assert as_problem(error) == Problem("pin-address", "$.spec.pins", "is no address", "mend it")


@pytest.mark.parametrize(
    ("transport", "port"), [(Transport.UDP, "53/udp"), (Transport.SCTP, "53/sctp")]
)
def test_a_port_that_a_mesh_does_not_route_is_named_with_its_transport(transport, port):
    found = not_routed("$.spec.ports[1].protocol", 53, transport)
    assert (found.code, found.path, found.severity) == (
        "not-routed",
        "$.spec.ports[1].protocol",
        Severity.WARNING,
    )
    assert found.reason.startswith(f"port {port} ")


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        (ObjectKey("Service", "bookinfo", "reviews"), "Service bookinfo/reviews"),
        (ObjectKey("ClusterFence", "", "west"), "ClusterFence west"),
    ],
)
def test_a_finding_has_all_that_the_problem_says_and_where_its_object_stands(key, subject):
    problem = warning("a-code", "$.spec", "is odd", "mend it")
    assert report(problem, key=key, file="a.yaml", cluster="east") == Finding(
        severity=Severity.WARNING,
        code="a-code",
        reason="is odd",
        file="a.yaml",
        object=subject,
        path="$.spec",
        hint="mend it",
        cluster="east",
    )
