"""Nothing is removed but what a box has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.demo.inside import FAILURE, main
from globaldns.demo.launching import bring_down, launched, remove_files, request
from globaldns.demo.layout import BOX_LOCK, Layout
from globaldns.demo.words import GetStatus
from globaldns.errors import RequestRefused, StateError
from globaldns.state import StateDirectory
from globaldns.state.lock import Lock

NOW = 1_800_000_000


def test_what_a_dead_box_left_is_removed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "demo")
    layout.box.mkdir(parents=True)
    (layout.box / ".globaldns-demo").touch()
    (layout.box / "file").touch()
    assert not bring_down(layout, NOW)
    assert not layout.box.exists()
    assert not bring_down(layout, NOW)


def test_what_is_no_box_is_left_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.box.mkdir()
    with pytest.raises(RequestRefused, match="left alone"):
        remove_files(layout)
    assert layout.box.exists()


def test_nor_is_anything_left_beside_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.box.mkdir()
    with pytest.raises(RequestRefused, match="left alone"):
        bring_down(layout, NOW)
    with pytest.raises(RequestRefused, match="left alone"), launched(layout, NOW):
        pass
    assert [*tmp_path.iterdir()] == [layout.box]


def test_a_directory_that_cannot_be_used_is_another_by_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError) as caught, launched(Layout(tmp_path / "file/demo"), NOW):
        pass
    assert caught.value.hint == "set another directory with --state"


def test_a_directory_without_a_box_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="no box runs"):
        request(Layout(tmp_path), GetStatus())


def test_who_holds_the_directory_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globaldns.demo.launching.END_SECONDS", 0.0)
    state = StateDirectory(tmp_path)
    state.lock(NOW)
    with pytest.raises(RequestRefused, match="does not end"):
        bring_down(Layout(tmp_path), NOW)
    state.unlock()


def test_a_box_that_outlives_who_started_it_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globaldns.demo.launching.END_SECONDS", 0.0)
    layout = Layout(tmp_path)
    layout.box.mkdir()
    lock = Lock(tmp_path / BOX_LOCK)
    lock.take(NOW)
    with pytest.raises(RequestRefused, match="does not end"):
        remove_files(layout)
    lock.release()
    assert layout.box.exists()


def test_a_box_that_does_not_start_leaves_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RequestRefused("no veth", hint="modprobe veth")

    monkeypatch.setattr("globaldns.demo.inside.run", fail)
    layout = Layout(tmp_path)
    layout.box.mkdir()
    assert main(layout, "envoy") == 1
    assert b"modprobe veth" in (layout.box / FAILURE).read_bytes()
