"""Making a root and its intermediates, as people do."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from globaldns.cli.certs import format_command

CACERTS = ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]


@pytest.fixture
def root(run, tmp_path):
    """A root's directory."""
    assert run("certs", "init", "--to", tmp_path / "root").exit_code == 0
    return tmp_path / "root"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fingerprints(run, *paths):
    printed = run("certs", "check", *paths, "-o", "json")
    found = json.loads(printed.stdout)["clusters"]
    return {Path(one["cluster"]).name: [root["subject"] for root in one["roots"]] for one in found}


def test_a_root_and_an_intermediate_are_made_and_pass(run, root, tmp_path):
    east = tmp_path / "east"
    made = run("certs", "intermediate", "--root", root, "--cluster", "east", "--to", east)
    assert made.exit_code == 0
    assert names(root) == ["root-cert.pem", "root-key.pem"]
    assert names(east) == CACERTS
    assert stat.S_IMODE((root / "root-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((east / "ca-key.pem").stat().st_mode) == 0o600
    checked = run("certs", "check", root, east)
    assert checked.exit_code == 0
    assert checked.stdout.splitlines()[-1] == "0 errors, 0 warnings in 2 paths"


def test_the_next_command_is_printed_and_no_key(run, root, tmp_path):
    east = tmp_path / "ea st"
    made = run("certs", "intermediate", "--root", root, "--cluster", "east", "--to", east)
    command = made.stdout.splitlines()[-1].strip()
    assert command == format_command(
        east, ("ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem")
    )
    assert command.startswith(
        "kubectl create secret generic cacerts -n istio-system --from-file='/"
    )
    again = run("certs", "init", "--to", tmp_path / "again")
    assert again.stdout.splitlines()[-1].strip() == (
        f"globaldns certs intermediate --root {tmp_path / 'again'} --cluster ID --to DIR"
    )
    for printed in (made, again):
        assert "PRIVATE KEY" not in printed.output
        assert "MII" not in printed.output


def test_the_names_and_lives_are_those_that_are_wished(run, tmp_path):
    root = tmp_path / "root"
    made = run("certs", "init", "--to", root, "--organization", "Acme & Co", "--days", "100")
    assert fingerprints(run, root) == {"root": ["CN=Root CA,O=Acme & Co"]}
    until = re.search(r"valid until (\S+);", made.stdout)[1]
    below = run("certs", "intermediate", "--root", root, "--cluster", "e", "--to", tmp_path / "e")
    assert f"valid until {until}, as the root; next" in below.stdout
    brief = ("--cluster", "w", "--to", tmp_path / "w", "--days", "9")
    assert "as the root" not in run("certs", "intermediate", "--root", root, *brief).stdout


@pytest.mark.parametrize("command", ["init", "intermediate"])
def test_nothing_is_overwritten(run, root, tmp_path, command):
    to = tmp_path / "there"
    more = ("--root", root, "--cluster", "east") if command == "intermediate" else ()
    assert run("certs", command, *more, "--to", to).exit_code == 0
    before = {path: path.read_bytes() for path in to.iterdir()}
    again = run("certs", command, *more, "--to", to)
    assert again.exit_code == 1
    assert re.search(r"error: \S+\.pem is there already, and is never overwritten\n", again.stderr)
    assert "hint: name a directory that does not exist yet" in again.stderr
    assert {path: path.read_bytes() for path in to.iterdir()} == before


def test_an_intermediate_does_not_go_into_its_roots_directory(run, root):
    printed = run("certs", "intermediate", "--root", root, "--cluster", "east", "--to", root)
    assert printed.exit_code == 1
    assert "root-cert.pem is there already" in printed.stderr
    assert names(root) == ["root-cert.pem", "root-key.pem"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--cluster", "a b"), 1, "--cluster: 'a b' is no cluster id"),
        (("--cluster", "a", "--days", "0"), 2, "0 is not in the range 1<=x<=36500"),
        (("--cluster", "a", "--root", "absent"), 1, "absent/root-cert.pem cannot be read: no such"),
        ((), 2, "missing option '--cluster'"),
    ],
)
def test_what_is_wished_wrongly_is_refused(run, root, arguments, code, error):
    to = root / "to"
    printed = run("certs", "intermediate", "--root", root, "--to", to, *arguments)
    assert printed.exit_code == code
    assert error in printed.stderr
    assert "hint: " in printed.stderr
    assert not to.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--organization", ""), 1, "'' cannot be an organization's name"),
        (("--key-type", "dsa"), 2, "'dsa' is not one of 'ec', 'rsa'"),
        (("--days", "99999"), 2, "99999 is not in the range"),
    ],
)
def test_a_root_that_cannot_be_is_refused(run, tmp_path, arguments, code, error):
    printed = run("certs", "init", "--to", tmp_path / "to", *arguments)
    assert printed.exit_code == code
    assert error in printed.stderr
    assert not (tmp_path / "to").exists()


def test_where_nothing_can_be_written_that_is_said(run, tmp_path):
    (tmp_path / "file").write_text("")
    printed = run("certs", "init", "--to", tmp_path / "file/root")
    assert printed.exit_code == 1
    assert "not a directory" in printed.stderr
