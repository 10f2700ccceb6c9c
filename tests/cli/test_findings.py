"""Findings on paper."""

from pathlib import Path

import pytest

from globaldns.cli.findings import (
    config_findings,
    count,
    fold_findings,
    look_at_files,
    print_findings,
    show_path,
    sort_findings,
    summarise,
)
from globaldns.config.problem import Problem
from globaldns.config.schema import Config
from globaldns.model.finding import Finding, Severity


def finding(file, line, severity=Severity.WARNING):
    return Finding(severity, "code", "is odd", file=file, line=line)


FOUND = [
    finding("b.yaml", 1),
    finding("a.yaml", 9),
    finding("a.yaml", 9, Severity.ERROR),
    finding("a.yaml", 2),
]


def test_they_are_sorted_by_place_and_errors_come_first():
    assert [(f.file, f.line, f.severity) for f in sort_findings(FOUND)] == [
        ("a.yaml", 2, "warning"),
        ("a.yaml", 9, "error"),
        ("a.yaml", 9, "warning"),
        ("b.yaml", 1, "warning"),
    ]


@pytest.mark.parametrize("to_stderr", [False, True])
def test_each_is_one_line_where_it_is_wanted(capsys, to_stderr):
    print_findings(FOUND[:1], to_stderr=to_stderr)
    streams = capsys.readouterr()
    line = "b.yaml:1: warning: is odd [code]\n"
    assert (streams.out, streams.err) == (("", line) if to_stderr else (line, ""))


def test_the_total_counts_severities_and_files():
    assert summarise(FOUND, files=1) == "1 error, 3 warnings in 1 file"
    assert summarise([], files=2) == "0 errors, 0 warnings in 2 files"


def test_what_is_the_same_of_several_clusters_is_one_with_all_of_them():
    same = [Finding(Severity.ERROR, "x", "is away", cluster=name) for name in ("west", "east")]
    other = Finding(Severity.ERROR, "x", "is elsewhere", cluster="north")
    placed = [Finding(Severity.ERROR, "x", "no", file=f"{n}.yaml", cluster=n) for n in "ab"]
    folded = fold_findings([*same, other, *placed])
    assert [str(one) for one in folded] == [
        "east, west: error: is away [x]",
        "north: error: is elsewhere [x]",
        "a.yaml: error: no [x]",
        "b.yaml: error: no [x]",
    ]
    assert summarise(folded, files=1).startswith("4 errors")


def test_one_is_singular():
    assert [count(number, "claim") for number in (0, 1, 2)] == ["0 claims", "1 claim", "2 claims"]


def test_a_problem_of_the_configuration_is_an_error_at_its_line():
    problem = Problem("$.grace", "'soon' is no duration", "write it like 30s", 4)
    (found,) = config_findings(Path("/etc/globaldns.yaml"), [problem])
    assert str(found) == (
        "/etc/globaldns.yaml:4: error: $.grace: 'soon' is no duration"
        " (fix: write it like 30s) [config]"
    )


def test_what_is_doubtful_of_the_configuration_is_a_warning():
    problem = Problem("$.dns.tls.certificate", "it expired", code="old", is_fatal=False)
    (found,) = config_findings(Path("/a.yaml"), [problem])
    assert str(found) == "/a.yaml: warning: $.dns.tls.certificate: it expired [old]"


def test_without_tls_no_certificate_is_looked_at():
    config = Config(cluster="east", clusters={})
    assert list(look_at_files(config)) == []


def test_a_path_is_as_short_as_it_can_be_written_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert show_path(tmp_path / "a/b.yaml") == "a/b.yaml"
    assert show_path(Path("/elsewhere/b.yaml")) == "/elsewhere/b.yaml"
