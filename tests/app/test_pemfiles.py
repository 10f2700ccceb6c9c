"""PEM files that come late: once a secret has all of its own, it is said in other words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from globaldns.app.pemfiles import PemFiles, find_missing, is_missing, missing_problems
from globaldns.config.routing import EnvoySettings
from globaldns.envoy.rules import Credentials
from globaldns.envoy.secrets import AUTHORITY, CERTIFICATE


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(*(str(tmp_path / "certs" / name) for name in ("cert", "key", "roots")))


def put(*paths: str) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(exist_ok=True)
        path.write_text("PEM")


def test_a_pair_has_come_with_its_second_file(credentials: Credentials) -> None:
    files = PemFiles()
    assert not files.look(credentials)
    before = files.turned
    assert before == {CERTIFICATE, AUTHORITY}
    put(credentials.certificate)
    assert not files.look(credentials)
    assert files.turned == before
    assert files.missing == {credentials.key, credentials.authority}
    put(credentials.key)
    assert files.look(credentials)
    assert files.turned == {AUTHORITY}
    assert not files.look(credentials)
    put(credentials.authority)
    assert files.look(credentials)
    assert (files.turned, files.missing) == (set(), set())


def test_files_that_go_change_nothing_until_they_are_back(credentials: Credentials) -> None:
    put(*find_missing(credentials))
    files = PemFiles()
    files.look(credentials)
    Path(credentials.key).unlink()
    assert not files.look(credentials)
    assert files.turned == set()
    put(credentials.key)
    assert files.look(credentials)
    assert files.turned == {CERTIFICATE}


def test_other_files_begin_anew(credentials: Credentials, tmp_path: Path) -> None:
    files = PemFiles()
    files.look(credentials)
    put(*(str(tmp_path / name) for name in "abc"))
    assert not files.look(Credentials(*(str(tmp_path / name) for name in "abc")))
    assert files.turned == set()


def test_a_file_is_missing_while_it_is_empty_and_not_where_nobody_may_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    assert is_missing(path)
    path.touch()
    assert is_missing(path)
    assert is_missing(path / "below")
    path.write_text("PEM")
    assert not is_missing(path)

    def refuse(*_: object, **__: object) -> os.stat_result:
        raise PermissionError

    monkeypatch.setattr(Path, "stat", refuse)
    assert not is_missing(tmp_path / "y")


def test_each_that_a_configuration_names_is_a_warning_of_its_key(tmp_path: Path) -> None:
    put(str(tmp_path / "key"))
    paths = {name: tmp_path / name for name in ("certificate", "key", "authority")}
    found = list(missing_problems(EnvoySettings(**paths)))
    assert [one.path for one in found] == ["$.envoy.certificate", "$.envoy.authority"]
    assert not any(one.is_fatal for one in found)
    assert str(paths["authority"]) in found[1].reason
