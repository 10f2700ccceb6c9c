"""Checking certificates: at paths, and what the configured clusters believe."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from globaldns.cli.roots import COLUMNS, summarise
from globaldns.model.finding import Finding, Severity
from globaldns.tasks import wall_clock
from globaldns.trust.pem import format_certificates
from tests.trust.authorities import make_root, write_cacerts, write_root

NOW = wall_clock()
"""Commands read the clock, so what they look at is of today."""
ROOT, OTHER = make_root(now=NOW), make_root(now=NOW)


@pytest.fixture
def clusters(tmp_path):
    """Directories of three clusters below one root."""
    return [write_cacerts(tmp_path / name, ROOT, now=NOW) for name in ("east", "flat", "west")]


def test_directories_below_one_root_pass(run, clusters):
    printed = run("certs", "check", *clusters)
    assert printed.exit_code == 0
    lines = printed.stdout.splitlines()
    assert tuple(lines[0].split()) == COLUMNS
    assert [line.split()[-1] for line in lines[1:4]] == ["shared"] * 3
    assert lines[-1] == "0 errors, 0 warnings in 3 paths"


def test_the_odd_one_out_is_named(run, clusters):
    shutil.rmtree(clusters[2])
    write_cacerts(clusters[2], OTHER, now=NOW)
    printed = run("certs", "check", *clusters)
    assert printed.exit_code == 3
    finding = next(line for line in printed.stdout.splitlines() if "[root-foreign]" in line)
    assert finding.startswith(f"{clusters[2]}: error: its root is ")
    assert f"as in {clusters[0]}, {clusters[1]}: they refuse each other (fix: " in finding
    assert printed.stdout.splitlines()[-1] == "1 error, 0 warnings in 3 paths"


def test_a_directory_that_is_named_twice_is_looked_at_once(run, clusters):
    printed = run("certs", "check", clusters[0], clusters[0])
    assert printed.stdout.splitlines()[-1] == "0 errors, 0 warnings in 1 path"


def test_what_cannot_be_read_is_an_error_once_and_shown_as_unknown(run, clusters):
    (clusters[0] / "root-cert.pem").write_text("hello")
    printed = run("certs", "check", *clusters)
    assert printed.exit_code == 3
    row = printed.stdout.splitlines()[1].split()
    assert row == [str(clusters[0]), "<none>", "<none>", "<none>", "unknown"]
    assert printed.stdout.splitlines()[-1] == "1 error, 0 warnings in 3 paths"


def test_what_expires_soon_counts_where_it_is_strict(run, tmp_path):
    east = write_cacerts(tmp_path / "east", ROOT, now=NOW, days=9)
    assert run("certs", "check", east).exit_code == 0
    strict = run("certs", "check", east, "--strict")
    assert strict.exit_code == 3
    assert "expires in 8 days" in strict.stdout or "expires in 9 days" in strict.stdout


def test_findings_at_paths_have_their_file(run, tmp_path):
    root = write_root(tmp_path / "root", ROOT)
    shutil.copy(write_root(tmp_path / "other", OTHER) / "root-key.pem", root / "root-key.pem")
    printed = run("certs", "check", root, "-o", "json")
    assert printed.exit_code == 3
    (finding,) = json.loads(printed.stdout)["findings"]
    assert finding["file"] == str(root / "root-key.pem")
    assert finding["code"] == "key-mismatch"


def config_map(*roots):
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio-ca-root-cert", "namespace": "istio-system"},
            "data": {"root-cert.pem": format_certificates(roots).decode()},
        }
    )


def believe(mesh, **roots):
    """Have the clusters of the example believe these roots."""
    for name, authorities in roots.items():
        certificates = [authority.certificate for authority in authorities]
        (mesh.folder / "example" / name / "root.yaml").write_text(config_map(*certificates))


def test_the_configured_clusters_are_compared(command, mesh):
    believe(mesh, east=[ROOT], flat=[ROOT], west=[OTHER])
    printed = command("certs", "check")
    assert printed.exit_code == 3
    lines = printed.stdout.splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:4]] == [
        ("east", "shared"),
        ("flat", "shared"),
        ("west", "foreign"),
    ]
    assert lines[5].startswith("west: error: its root is ")
    assert lines[-1] == "1 error, 0 warnings in 3 clusters"


def test_without_a_majority_all_are_listed(command, mesh):
    believe(mesh, east=[ROOT], west=[OTHER])
    printed = command("certs", "check")
    assert printed.exit_code == 3
    assert printed.stdout.count("no cluster the odd one out; here it is SHA-256 ") == 2
    assert printed.stdout.splitlines()[-1] == "2 errors, 1 warning in 3 clusters"


def test_a_rotation_is_a_warning_that_names_who_lacks_what(command, mesh):
    believe(mesh, east=[ROOT, OTHER], flat=[ROOT], west=[ROOT, OTHER])
    printed = command("certs", "check")
    assert printed.exit_code == 0
    assert "flat: warning: it lacks the root " in printed.stdout
    assert ", which east, west have: " in printed.stdout
    assert len(printed.stdout.partition("\n\n")[0].splitlines()) == 1 + 5, "a row for each root"
    assert command("certs", "check", "--strict").exit_code == 3


def test_what_is_not_known_is_a_warning(command, mesh):
    believe(mesh, east=[ROOT], flat=[ROOT])
    printed = command("certs", "check")
    assert printed.exit_code == 0
    assert "west: warning: its root is not known: " in printed.stdout
    assert command("certs", "check", "--strict").exit_code == 3


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_read_whole_fingerprints(command, mesh, output):
    believe(mesh, east=[ROOT], flat=[ROOT])
    read = yaml.safe_load(command("certs", "check", "-o", output).stdout)
    east, _, west = read["clusters"]
    assert (east["cluster"], east["state"], east["reason"]) == ("east", "shared", "")
    (root,) = east["roots"]
    assert len(root["fingerprint"]) == 64
    assert root["subject"] == "CN=Root CA,O=Acme"
    assert (west["state"], west["roots"]) == ("unknown", [])
    assert west["reason"]
    assert [one["cluster"] for one in read["findings"]] == ["west"]


def test_what_was_found_is_counted():
    error, warning = (Finding(severity, "x", "y") for severity in Severity)
    assert summarise([], 1, "cluster") == "0 errors, 0 warnings in 1 cluster"
    assert summarise([error, warning, warning], 2, "path") == "1 error, 2 warnings in 2 paths"
