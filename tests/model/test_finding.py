from __future__ import annotations

import pytest

from globaldns.model.finding import Finding, Severity

WHOLE = Finding(
    Severity.ERROR,
    "odd",
    "is odd",
    file="a.yaml",
    line=12,
    object="ServiceEntry bookinfo/reviews",
    path="$.spec.hosts",
    hint="it",
    cluster="east",
)


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (
            WHOLE,
            "a.yaml:12: error: ServiceEntry bookinfo/reviews: $.spec.hosts: is odd (fix: it) [odd]",
        ),
        (
            Finding(Severity.WARNING, "odd", "is odd", file="a.yaml", cluster="east"),
            "a.yaml: warning: is odd [odd]",
        ),
        (
            Finding(Severity.WARNING, "odd", "is odd", cluster="east", object="Node n"),
            "east: warning: Node n: is odd [odd]",
        ),
        (
            Finding(Severity.ERROR, "config", "is missing", file="a.yaml", line=1, path="$.dns"),
            "a.yaml:1: error: $.dns: is missing [config]",
        ),
        (
            Finding(Severity.ERROR, "odd", "is odd", file="a.yaml", hint="mend it"),
            "a.yaml: error: is odd (fix: mend it) [odd]",
        ),
    ],
)
def test_a_finding_is_one_line_of_what_is_known_with_place_remedy_and_code(finding, line):
    assert str(finding) == line
