"""Every problem at once, and the exit code that says how bad it is."""

import json

import pytest

from globaldns.cli.check import verdict
from globaldns.model.finding import Finding, Severity
from tests.certificates import make_pair

ERROR = Finding(Severity.ERROR, "x", "is wrong")
WARNING = Finding(Severity.WARNING, "y", "is odd")


@pytest.mark.parametrize(
    ("findings", "strict", "code"),
    [
        ([], False, 0),
        ([], True, 0),
        ([WARNING], False, 0),
        ([WARNING], True, 3),
        ([ERROR], False, 3),
        ([WARNING, ERROR], False, 3),
    ],
)
def test_errors_count_and_warnings_only_where_they_are_asked_to(findings, strict, code):
    assert verdict(findings, strict=strict) == code


def test_the_example_has_one_warning_with_its_place_and_remedy(command):
    printed = command("check")
    assert printed.exit_code == 0
    line, total = printed.stdout.splitlines()
    assert "httpbin.yaml:13: warning: Service httpbin/httpbin" in line
    assert "(fix: " in line
    assert total == "0 errors, 1 warning in 12 files"


def test_a_warning_is_enough_when_it_is_strict(command):
    assert command("check", "--strict").exit_code == 3


def test_findings_are_values_for_programs(command):
    (finding,) = json.loads(command("check", "-o", "json").stdout)
    assert finding["severity"] == "warning"
    assert finding["line"] == 13


def test_a_manifest_that_does_not_parse_is_an_error_with_its_line(command, mesh):
    (mesh.folder / "example/west/broken.yaml").write_text("kind: Service\nmetadata: [\n")
    printed = command("check")
    assert printed.exit_code == 3
    assert "broken.yaml:" in printed.stdout


def test_a_bad_configuration_is_told_completely_and_alone(command, mesh):
    mesh.configure(grace="soon", zonez=[])
    printed = command("check")
    assert printed.exit_code == 3
    assert "$.grace" in printed.stdout
    assert "$.zonez" in printed.stdout
    assert printed.stdout.splitlines()[-1] == "2 errors, 0 warnings in 1 file"


def test_a_certificate_is_looked_at(command, mesh):
    pair = make_pair(mesh.folder)
    mesh.configure(dns={"tls": {"certificate": "tls.crt", "key": "tls.key"}})
    assert "tls" not in command("check").stdout
    pair.end_on("200101000000Z")
    printed = command("check")
    assert printed.exit_code == 0
    assert "globaldns.yaml:" in printed.stdout
    assert "warning: $.dns.tls.certificate: it expired at 2020-01-01T00:00:00Z" in printed.stdout
    assert printed.stdout.splitlines()[-1].startswith("0 errors, 2 warnings")
    pair.key.write_text("")
    printed = command("check")
    assert printed.exit_code == 3
    assert "error: $.dns.tls.key: " in printed.stdout


def test_all_problems_are_told_at_once_those_of_the_certificate_too(command, mesh):
    mesh.configure(grace="soon", dns={"tls": {"certificate": "tls.crt", "key": "tls.key"}})
    printed = command("check").stdout
    assert "$.grace" in printed
    assert "$.dns.tls.certificate" in printed
    assert printed.splitlines()[-1] == "3 errors, 0 warnings in 1 file"
