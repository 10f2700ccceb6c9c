"""Files of an Envoy: only those that are different, in an order that loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.app import envoydesk
from globaldns.app.envoydesk import Desk, write_once
from globaldns.envoy.book import Documents, Scene
from globaldns.envoy.rules import Role
from globaldns.model.service import Service
from tests.envoy.meshes import FAR, NEAR, scene, web

FILES = {"cds.json", "lds.json", "sds-certificate.json", "sds-authority.json"}


@pytest.fixture
def place(tmp_path: Path) -> Scene:
    return scene(folder=str(tmp_path / "deep" / "sidecar"))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are replaced, in their order."""
    names: list[str] = []
    replace_file = envoydesk.replace_file

    def note(path: Path, *parts: bytes, mode: int) -> None:
        replace_file(path, *parts, mode=mode)
        names.append(path.name)

    monkeypatch.setattr(envoydesk, "replace_file", note)
    return names


def services(*every: Service) -> dict[str, Service]:
    return {one.host: one for one in every}


def test_a_new_desk_takes_in_everything_and_writes_it(place: Scene) -> None:
    desk = Desk(Role.SIDECAR, place)
    assert desk.write() == 0
    assert desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
    assert desk.write() == len(FILES)
    assert {one.name for one in desk.folder.iterdir()} == FILES
    assert (desk.folder / "cds.json").stat().st_mode & 0o444 == 0o444


def test_only_what_is_different_is_written(place: Scene, written: list[str]) -> None:
    desk = Desk(Role.SIDECAR, place)
    desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
    desk.write()
    written.clear()
    assert desk.write() == 0
    assert not desk.take_in(place, ["web.shop"], services(web(NEAR, FAR)))  # type: ignore[arg-type, list-item]
    desk.write()
    assert written == ["cds.json"]


def test_what_stands_there_from_another_run_is_not_written_again(
    place: Scene, written: list[str]
) -> None:
    for _ in range(2):
        desk = Desk(Role.SIDECAR, place)
        desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
        desk.write()
    assert sorted(written) == sorted(FILES)


def test_a_service_that_goes_loses_its_listeners_first(
    place: Scene, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envoydesk, "SETTLE_SECONDS", 0.0)
    other = web(NEAR, host="b.shop", vips=(b"\xf0\x80\0\2",))
    desk = Desk(Role.SIDECAR, place)
    desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
    desk.write()
    written.clear()
    assert desk.take_in(place, ["web.shop", "b.shop"], services(other))  # type: ignore[arg-type, list-item]
    desk.write()
    assert written == ["cds.json", "lds.json", "cds.json"]


def test_a_file_that_somebody_removed_is_written_again(place: Scene) -> None:
    desk = Desk(Role.SIDECAR, place)
    desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
    desk.write()
    (desk.folder / "sds-authority.json").unlink()
    assert desk.write() == 1


def test_what_could_not_be_written_is_written_the_next_time(place: Scene) -> None:
    desk = Desk(Role.SIDECAR, place)
    desk.take_in(place, (), services(web(NEAR)))  # type: ignore[arg-type]
    desk.folder.parent.mkdir()
    desk.folder.write_text("no folder")
    with pytest.raises(OSError, match="exists"):
        desk.write()
    desk.folder.unlink()
    assert desk.write() == len(FILES)


def test_other_rules_are_other_documents_of_everything(place: Scene, tmp_path: Path) -> None:
    desk = Desk(Role.SIDECAR, place)
    known = services(web(NEAR, FAR))
    desk.take_in(place, (), known)  # type: ignore[arg-type]
    desk.write()
    before = (desk.folder / "cds.json").read_bytes()
    elsewhere = scene(folder=place.rules.folder, trust_domain="mesh.example")
    assert desk.take_in(elsewhere, (), known)  # type: ignore[arg-type]
    desk.write()
    assert (desk.folder / "cds.json").read_bytes() == before.replace(
        b"spiffe://cluster.local", b"spiffe://mesh.example"
    ).replace(*(_version(one) for one in (before, (desk.folder / "cds.json").read_bytes())))
    write_once(tmp_path / "once", {"a.json": b"{}"}, Documents())
    assert {one.name for one in (tmp_path / "once").iterdir()} == {
        "a.json",
        "cds.json",
        "lds.json",
    }


def _version(document: bytes) -> bytes:
    return document[:40]
