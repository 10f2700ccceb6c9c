"""The example that ships is what the papers say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from globaldns.cli.init import CONFIG, STATE


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """The example as ``globaldns init`` writes it."""
    run(root, "init", str(tmp_path / "mesh"))
    return tmp_path / "mesh"


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "globaldns", *arguments],
        cwd=root,
        env={**os.environ, "STATE_DIRECTORY": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_init_writes_what_is_shipped(root: Path, example: Path) -> None:
    shipped = root / "globaldns/example"
    names = {str(file.relative_to(shipped)) for file in shipped.rglob("*.yaml")}
    assert names == {str(file.relative_to(example)) for file in example.rglob("*.yaml")}
    for name in names - {CONFIG}:
        assert (shipped / name).read_text() == (example / name).read_text()
    assert (shipped / CONFIG).read_text() == (example / CONFIG).read_text().replace(STATE, "")


def test_check_finds_three_warnings(root: Path, example: Path) -> None:
    printed = run(root, "check", "--config", str(example / "globaldns.yaml"))
    findings = [line for line in printed.splitlines() if ": warning:" in line or ": error:" in line]
    codes = [line.rpartition(" ")[2] for line in findings]
    assert codes == ["[plaintext]", "[plaintext]", "[port-number]"]
    assert printed.splitlines()[-1].startswith("0 errors, 3 warnings")


def test_it_has_every_kind_of_service(root: Path, example: Path) -> None:
    printed = run(root, "list", "-o", "json", "--config", str(example / "globaldns.yaml"))
    hosts = {name for service in json.loads(printed)["services"] for name in service["names"]}
    assert {
        "reviews.bookinfo.global",
        "httpbin.httpbin.global",
        "rates.partners.global",
        "mysqldb.bookinfo.global",
        "*.tenants.global",
    } <= hosts


def test_every_manifest_says_what_it_shows(root: Path) -> None:
    silent = [
        str(file)
        for file in (root / "globaldns/example").rglob("*.yaml")
        if not file.read_text().startswith("# ")
    ]
    assert silent == []
