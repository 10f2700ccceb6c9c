from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.model.export import ExportKind
from globaldns.model.view import Put, Reset, SetFreshness, SourceState, View
from globaldns.sources.directory import DirectorySource
from globaldns.sources.manifest import read_manifest
from globaldns.sources.scan import scan
from tests.sources.manifests import (
    GRACE,
    RULES,
    at,
    entries,
    entry,
    hosts,
    misshapen,
    put,
    refused,
    removed,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "east"
    root.mkdir()
    return root


def started(root: Path, remembered: View | None = None, **files: str) -> DirectorySource:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text)
    source = DirectorySource(root, RULES, grace=GRACE, remembered=remembered)
    source.read_once(at(0))
    return source


def state(source: DirectorySource) -> str:
    return source.freshness.state.value


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


def test_an_object_that_is_taken_away_is_gone_after_its_grace(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a"))
    assert source.read_once(at(1)) == []
    assert source.read_once(at(30)) == []
    assert removed(source.read_once(at(31))) == ["b.ns"]
    assert hosts(source) == {"a"}


def test_a_file_that_is_taken_away_is_gone_after_its_grace(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"))
    (root / "g.yaml").unlink()
    assert source.read_once(at(1)) == []
    assert removed(source.read_once(at(31))) == ["b.ns"]


@pytest.mark.parametrize("order", [("f", "g"), ("g", "f")])
def test_an_object_that_moves_to_another_file_is_never_lost(
    root: Path, order: tuple[str, str]
) -> None:
    source = started(root, **{order[0]: entries("a", "b"), order[1]: entry("c")})
    (root / f"{order[0]}.yaml").write_text(entry("a"))
    (root / f"{order[1]}.yaml").write_text(entries("c", "b"))
    assert removed(source.read_once(at(1))) == []
    assert removed(source.read_once(at(100))) == []
    assert hosts(source) == {"a", "b", "c"}


def test_a_renamed_file_loses_nothing(root: Path) -> None:
    source = started(root, f=entries("a", "b"), z=entry("c"))
    (root / "f.yaml").rename(root / "g.yaml")
    source.read_once(at(1))
    assert removed(source.read_once(at(100))) == []
    assert {export.origin.file for export in source.view().exports} == {"g.yaml", "z.yaml"}


def test_a_checkout_that_is_whole_again_within_the_grace_loses_nothing(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"), h=entry("c"))
    texts = {path: path.read_text() for path in root.iterdir()}
    for path in texts:
        path.unlink()
    (root / "f.yaml").write_text("")
    assert source.read_once(at(1)) == []
    (root / "g.yaml").write_text(entry("b")[:60])
    assert source.read_once(at(20)) == []
    for path, text in texts.items():
        path.write_text(text)
    assert source.read_once(at(29)) == []
    assert source.read_once(at(100)) == []
    assert hosts(source) == {"a", "b", "c"}


def test_a_file_that_breaks_keeps_all_its_objects(root: Path) -> None:
    source = started(root, f=entries("a", "b"), g=entry("c"))
    (root / "f.yaml").write_text(entry("a") + "x: [")
    assert source.read_once(at(1)) == []
    assert source.read_once(at(1000)) == []
    assert [finding.code for finding in source.findings()] == ["unreadable-file"]
    (root / "f.yaml").write_text(entry("a"))
    source.read_once(at(1001))
    assert removed(source.read_once(at(1031))) == ["b.ns"]
    assert source.findings() == []


def test_a_broken_file_that_is_put_back_is_as_before(root: Path) -> None:
    source = started(root, f=entry("a") + misshapen("b"))
    text = (root / "f.yaml").read_text()
    (root / "f.yaml").write_text("x: [")
    source.read_once(at(1))
    (root / "f.yaml").write_text(text)
    assert source.read_once(at(2)) == []
    assert [finding.code for finding in source.findings()] == ["invalid-object"]


@pytest.mark.parametrize("spoil", [refused, misshapen])
def test_an_object_that_is_refused_keeps_its_last_good_version(
    root: Path, spoil: Callable[[str], str]
) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a") + spoil("b"))
    assert source.read_once(at(1)) == []
    assert source.read_once(at(1000)) == []
    assert [finding.object for finding in source.findings()] == ["ServiceEntry ns/b"]


def test_while_an_object_has_lost_its_name_nothing_of_its_file_is_lost(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a") + entry("b").replace("name: b,", ""))
    assert source.read_once(at(1)) == []
    assert source.read_once(at(1000)) == []


def test_an_object_in_two_files_is_taken_from_the_first_and_inherited_by_the_second(
    root: Path,
) -> None:
    source = started(root, f=entry("a", port=1), g=entry("a", port=2))
    assert source.view().exports[0].ports[0].number == 1
    assert [finding.code for finding in source.findings()] == ["duplicate-object"]
    (root / "f.yaml").write_text(entry("b"))
    assert removed(source.read_once(at(1))) == []
    assert {export.host: export.ports[0].number for export in source.view().exports} == {
        "a.ns": 2,
        "b.ns": 80,
    }
    assert source.findings() == []


def empty(root: Path) -> None:
    for path in root.iterdir():
        path.unlink()


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


def test_after_silence_what_is_missing_has_its_whole_grace(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"))
    (root / "g.yaml").unlink()
    source.read_once(at(1))
    root.rename(root.with_name("away"))
    source.read_once(at(100))
    root.with_name("away").rename(root)
    (change,) = source.read_once(at(200))
    assert isinstance(change, SetFreshness)
    assert removed(source.read_once(at(229))) == []
    assert removed(source.read_once(at(230))) == ["b.ns"]


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


def test_a_directory_of_which_no_file_can_be_read_is_waited_for(root: Path) -> None:
    source = started(root, f="x: [")
    assert state(source) == "waiting"
    (root / "f.yaml").write_text(entry("a"))
    source.read_once(at(1))
    assert (state(source), hosts(source)) == ("synced", {"a"})


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


def remembered(root: Path, **files: str) -> View:
    view = started(root, **files).view()
    empty(root)
    return view


def test_before_the_first_reading_the_remembered_view_stands(root: Path) -> None:
    view = remembered(root, f=entry("a"))
    source = DirectorySource(root, RULES, grace=GRACE, remembered=view)
    (change,) = source.begin()
    assert isinstance(change, Reset)
    assert (hosts(change.view), state(source)) == ({"a"}, "remembered")
    source.read_once(at(500))
    assert (hosts(source), state(source)) == ({"a"}, "remembered")
    assert source.freshness.contact == at(0).wall


def test_what_the_first_reading_lacks_stands_for_its_grace(root: Path) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a"))
    assert hosts(source) == {"a", "b"}
    assert removed(source.read_once(at(29))) == []
    assert removed(source.read_once(at(30))) == ["b.ns"]
    assert hosts(source) == {"a"}


def test_what_the_first_reading_lacks_may_come_back(root: Path) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a"))
    (root / "g.yaml").write_text(entry("b"))
    assert put(source.read_once(at(29))) == ["b.ns"]
    assert removed(source.read_once(at(60))) == []


@pytest.mark.parametrize("spoil", [refused, misshapen])
def test_a_remembered_export_stands_while_its_object_is_refused(
    root: Path, spoil: Callable[[str], str]
) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a") + spoil("b"))
    assert removed(source.read_once(at(1000))) == []
    (root / "f.yaml").write_text(entry("a"))
    assert removed(source.read_once(at(1001))) == []
    assert removed(source.read_once(at(1031))) == ["b.ns"]


def test_a_remembered_export_stands_while_its_file_is_broken(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=entry("b"), h=entry("c"))
    source = started(root, view, f=entry("a"), g="x: [")
    assert removed(source.read_once(at(1000))) == ["c.ns"]
    assert hosts(source) == {"a", "b"}


LEDGER = """\
---
apiVersion: globaldns.io/v1alpha1
kind: VIPLedger
metadata: {name: shard}
spec:
  cluster: east
  marker: {id: m, created: "2026-01-02T03:04:05Z"}
  data: |
    a.ns 240.130.0.1 2026-01-02T03:04:05Z east given - -
"""


def test_a_remembered_ledger_stands_while_any_file_is_broken(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=LEDGER)
    assert view.ledger.marker is not None
    source = started(root, view, f=entry("a"), g="x: [")
    source.read_once(at(1000))
    assert source.view().ledger == view.ledger
    (root / "g.yaml").write_text("")
    source.read_once(at(1001))
    assert source.view().ledger == view.ledger
    source.read_once(at(1031))
    assert source.view().ledger.marker is None


def test_after_a_failure_the_whole_view_is_said_again(root: Path) -> None:
    source = started(root, f=entry("a"))
    (change,) = source.begin()
    assert isinstance(change, Reset)
    assert change.view == source.view()


def test_gateways_that_are_learned_in_the_middle_of_a_turn_are_said_at_its_end(root: Path) -> None:
    source = started(root, f=entry("a"))
    turns = source._turns
    (root / "f.yaml").write_text(entry("a", port=81))
    turn = turns.turn(scan(root), at(1))
    paths = next(turn)
    assert source.set_foreign_gateways(frozenset({"10.0.0.1"})) == []
    with pytest.raises(StopIteration) as end:
        turn.send([read_manifest(root, path, cluster="east", now=0) for path in paths])
    kinds = [change.export.kind for change in end.value.value if isinstance(change, Put)]
    assert kinds[-1] is ExportKind.ROUTE
    assert put(source.set_foreign_gateways(frozenset())) == ["a.ns"]


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
