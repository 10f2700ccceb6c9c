from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.model.view import Reset, SetFreshness, SourceState
from globaldns.sources.directory import DirectorySource
from tests.app.meshes import until
from tests.sources.manifests import (
    GRACE,
    RULES,
    at,
    edits,
    empty,
    entries,
    entry,
    hosts,
    put,
    remembered,
    removed,
    started,
    state,
)
from tests.sources.served import service


def test_the_first_reading_is_the_whole_view(root: Path) -> None:
    (root / "a.yaml").write_text(entries("a", "b"))
    source = DirectorySource(root, RULES, grace=GRACE)
    assert source.begin() == [SetFreshness(source.freshness)]
    (change,) = source.read_once(at(0))
    assert isinstance(change, Reset)
    assert change.view == source.view()
    assert (hosts(change.view), state(source)) == ({"a", "b"}, "synced")


def test_a_changed_file_is_what_changed_in_it(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a") + entry("b", port=81))
    assert put(source.read_once(at(1))) == ["b.ns"]


def test_a_reading_without_a_change_changes_only_the_contact(root: Path) -> None:
    source = started(root, f=entry("a"))
    assert source.read_once(at(20)) == []
    assert source.freshness.contact == at(20).wall


def test_two_writes_in_one_tick_of_the_clock_are_both_seen(root: Path) -> None:
    source = started(root, f=entry("a", port=80))
    status = (root / "f.yaml").stat()
    wall = at(0).wall
    os.utime(root / "f.yaml", (wall, wall))
    source.read_once(at(0))
    with (root / "f.yaml").open("r+") as file:
        file.write(entry("a", port=81))
    os.utime(root / "f.yaml", (wall, wall))
    assert (root / "f.yaml").stat().st_size == status.st_size
    assert put(source.read_once(at(0))) == ["a.ns"]


def test_a_checkout_that_is_whole_again_within_the_grace_loses_nothing(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"), h=entry("c"))
    texts = {path: path.read_text() for path in root.iterdir()}
    for path in texts:
        path.unlink()
    (root / "f.yaml").write_text("")
    assert source.read_once(at(1)) == []
    (root / "g.yaml").write_text(entry("b")[:60])
    assert edits(source.read_once(at(20))) == []
    for path, text in texts.items():
        path.write_text(text)
    assert edits(source.read_once(at(29))) == []
    assert edits(source.read_once(at(100))) == []
    assert hosts(source) == {"a", "b", "c"}


def replace_by_a_file(root: Path) -> None:
    shutil.rmtree(root)
    root.touch()


@pytest.mark.parametrize("silence", [shutil.rmtree, empty, replace_by_a_file])
def test_a_directory_that_falls_silent_loses_nothing_however_long(
    root: Path, silence: Callable[[Path], None]
) -> None:
    source = started(root, f=entry("a"))
    silence(root)
    (change,) = source.read_once(at(1))
    assert isinstance(change, SetFreshness)
    assert (change.freshness.state, change.freshness.contact) == (SourceState.SILENT, at(0).wall)
    assert change.freshness.reason.startswith("its directory")
    assert source.read_once(at(1000)) == []
    assert hosts(source) == {"a"}


def test_a_link_that_leads_nowhere_for_now_keeps_what_it_led_to(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"), h=entry("c"))
    (root / "g.yaml").unlink()
    (root / "h.yaml").unlink()
    (root / "h.yaml").symlink_to("nowhere")
    source.read_once(at(1))
    assert removed(source.read_once(at(100))) == ["b.ns"]
    assert hosts(source) == {"a", "c"}
    assert [finding.code for finding in source.findings()] == ["unreadable"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_is_read_as_soon_as_it_may_be_read(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"))
    (root / "g.yaml").chmod(0)
    (root / "f.yaml").write_text(entry("c"))
    source.read_once(at(1))
    (root / "g.yaml").chmod(0o600)
    source.read_once(at(2))
    assert source.findings() == []


def test_a_directory_that_is_not_there_yet_is_waited_for(root: Path) -> None:
    root.rmdir()
    source = DirectorySource(root, RULES, grace=GRACE)
    (change,) = source.read_once(at(0))
    assert isinstance(change, SetFreshness)
    assert state(source) == "waiting"
    root.mkdir()
    (change,) = source.read_once(at(1))
    assert isinstance(change, SetFreshness)
    assert "no manifest" in change.freshness.reason
    (root / "f.yaml").write_text(entry("a"))
    (first,) = source.read_once(at(2))
    assert isinstance(first, Reset)


def test_a_config_map_mount_is_swapped_as_a_whole(root: Path) -> None:
    def publish(version: str, **files: str) -> None:
        (root / f"..{version}").mkdir()
        for name, text in files.items():
            (root / f"..{version}" / f"{name}.yaml").write_text(text)
            if not (root / f"{name}.yaml").is_symlink():
                (root / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")
        (root / "..data_tmp").symlink_to(f"..{version}")
        (root / "..data_tmp").rename(root / "..data")

    publish("1", f=entries("a", "b"), g=entry("c"))
    source = started(root)
    assert hosts(source) == {"a", "b", "c"}
    publish("2", f=entries("a", "b"), g=entry("c", port=81))
    assert put(source.read_once(at(1))) == ["c.ns"]


def test_an_object_that_leaves_its_file_is_the_next_files_not_that_of_one_that_comes(
    root: Path,
) -> None:
    (root / "f.yaml").write_text(entry("b"))
    (root / "g.yaml").write_text(entries("a", "b"))
    source = started(root)
    (root / "f.yaml").write_text("")
    (root / "h.yaml").write_text(entry("b"))
    source.read_once(at(1))
    files = {export.host: export.origin.file for export in source.view().exports}
    assert files == {"a.ns": "g.yaml", "b.ns": "g.yaml"}


NAMES = st.sets(st.sampled_from("abcd"), max_size=3).map(lambda names: entries(*sorted(names)))
TEXTS = NAMES | st.just("x: [") | NAMES.map(lambda text: text[: len(text) // 2])
EDITS = st.lists(
    st.lists(st.tuples(st.sampled_from("fgh"), st.none() | TEXTS), min_size=1, max_size=3),
    max_size=6,
)
FINAL = st.fixed_dictionaries({}, optional={"f": NAMES, "g": NAMES, "h": NAMES}).filter(bool)


@settings(max_examples=60)
@given(edits=EDITS, final=FINAL)
def test_whatever_happened_the_view_becomes_that_of_a_fresh_reader(
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[list[tuple[str, str | None]]],
    final: dict[str, str],
) -> None:
    root = tmp_path_factory.mktemp("tree")
    source = DirectorySource(root, RULES, grace=GRACE)
    for turn, files in enumerate(edits):
        for name, text in files:
            edit(root / f"{name}.yaml", text)
        source.read_once(at(turn))
    for name in "fgh":
        edit(root / f"{name}.yaml", final.get(name))
    for seconds in (100, 131):
        source.read_once(at(seconds))
    fresh = DirectorySource(root, RULES, grace=GRACE)
    fresh.read_once(at(131))
    assert sorted(source.view().exports, key=str) == sorted(fresh.view().exports, key=str)
    assert source.findings() == fresh.findings()


def edit(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(text)


def test_a_directory_of_which_no_file_can_be_read_is_waited_for(root: Path) -> None:
    source = started(root, f="x: [")
    assert state(source) == "waiting"
    (root / "f.yaml").write_text(entry("a"))
    source.read_once(at(1))
    assert (state(source), hosts(source)) == ("synced", {"a"})


def test_before_the_first_reading_the_remembered_view_stands(root: Path) -> None:
    view = remembered(root, f=entry("a"))
    source = DirectorySource(root, RULES, grace=GRACE, remembered=view)
    (change,) = source.begin()
    assert isinstance(change, Reset)
    assert (hosts(change.view), state(source)) == ({"a"}, "remembered")
    source.read_once(at(500))
    assert (hosts(source), state(source)) == ({"a"}, "remembered")
    assert source.freshness.contact == at(0).wall


def test_after_a_failure_the_whole_view_is_said_again(root: Path) -> None:
    source = started(root, f=entry("a"))
    (change,) = source.begin()
    assert isinstance(change, Reset)
    assert change.view == source.view()


async def run_until(source: DirectorySource, message: str, log: pytest.LogCaptureFixture) -> None:
    """Run a source until the log has a message."""
    task = asyncio.create_task(source.run(lambda _changes, _at: None))
    await until(lambda: message in log.messages)
    task.cancel()


def told(log: pytest.LogCaptureFixture, message: str) -> dict[str, object]:
    """Return the fields of the one line with a message."""
    (record,) = (one for one in log.records if one.message == message)
    return record.__dict__


async def test_a_refused_object_is_logged_with_its_place_and_remedy(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "f.yaml").write_text(entry("a") + entry("b", port=0))
    source = DirectorySource(root, RULES, grace=GRACE)
    await run_until(source, "object is refused", caplog)
    line = told(caplog, "object is refused")
    assert line["object"] == "ServiceEntry ns/b"
    assert (line["file"], line["reason"]) == (str(root / "f.yaml"), "port 0 is not in 1..65535")
    assert "number: 0" in (root / "f.yaml").read_text().splitlines()[int(str(line["line"])) - 1]
    assert source.rejected() == {"ServiceEntry": 1}


async def test_a_file_that_could_never_be_read_is_logged_and_so_is_what_it_makes_of_the_source(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "f.yaml").write_text(entry("a"))
    (root / "g.yaml").write_text("a: [")
    source = DirectorySource(root, RULES, grace=GRACE)
    await run_until(source, "source is read in part", caplog)
    assert told(caplog, "file is not read")["file"] == "g.yaml"
    assert "g.yaml could never be read" in str(told(caplog, "source is read in part")["reason"])


async def test_a_silent_source_is_logged_with_the_reason(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = DirectorySource(root / "missing", RULES, grace=GRACE)
    await run_until(source, "source is silent", caplog)
    assert str(told(caplog, "source is silent")["reason"]).startswith("its directory")


def test_its_namespaces_are_remembered_until_it_is_read(root: Path) -> None:
    view = remembered(root, f=entry("a"))
    source = DirectorySource(root, RULES, grace=GRACE, remembered=view)
    assert source.namespaces() == {"ns"}
    (root / "f.yaml").write_text(entry("a", namespace="shop"))
    source.read_once(at(500))
    assert source.namespaces() == {"shop"}


def test_its_services_are_known_once_it_is_read_but_not_ours(root: Path) -> None:
    source = DirectorySource(root, RULES, grace=GRACE)
    assert source.services() is None
    ours = service("b")
    ours["metadata"]["labels"] = {"globaldns.io/owned-by": "east"}
    (root / "f.yaml").write_text(yaml.safe_dump_all([service("a", exported=False), ours]))
    source.read_once(at(500))
    assert source.services() == {"a.ns"}


def test_its_ambient_namespaces_are_known(root: Path) -> None:
    source = DirectorySource(root, RULES, grace=GRACE)
    assert source.ambient_namespaces() == frozenset()
    labels = {"istio.io/dataplane-mode": "ambient"}
    meshed = {"kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
    (root / "f.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", **meshed}))
    source.read_once(at(500))
    assert source.ambient_namespaces() == {"shop"}


def test_its_namespaces_that_are_being_deleted_are_known(root: Path) -> None:
    source = DirectorySource(root, RULES, grace=GRACE)
    going = {"name": "shop", "deletionTimestamp": "2026-01-02T03:04:05Z"}
    leaving = {"apiVersion": "v1", "kind": "Namespace", "metadata": going}
    (root / "f.yaml").write_text(yaml.safe_dump(leaving))
    source.read_once(at(500))
    assert (source.namespaces(), source.leaving_namespaces()) == (frozenset(), {"shop"})
