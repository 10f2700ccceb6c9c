"""What a reading of a directory decides: who has gone, who is silent, and who only moved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from globaldns.model.export import ExportKind
from globaldns.model.finding import Severity
from globaldns.model.view import (
    Doubt,
    Freshness,
    Put,
    SetFreshness,
    SourceState,
    View,
)
from globaldns.sources.manifest import Manifest, Reading, read_manifest
from globaldns.sources.scan import Scan, Stamp, scan
from globaldns.sources.turns import YOUNG_SECONDS, Turns
from tests.sources.manifests import (
    GRACE,
    RULES,
    at,
    edits,
    entries,
    entry,
    misshapen,
    put,
    refused,
    remembered,
    removed,
    started,
)
from tests.sources.turning import SMALL, cannot_be_read, says_nothing, scanned, synced, take, turns


def test_a_file_that_breaks_keeps_all_its_objects(root: Path) -> None:
    source = started(root, f=entries("a", "b"), g=entry("c"))
    (root / "f.yaml").write_text(entry("a") + "x: [")
    (change,) = source.read_once(at(1))
    assert isinstance(change, SetFreshness)
    assert change.freshness.state is SourceState.SYNCED
    assert change.freshness.reason == "f.yaml cannot be read: what was read last stands"
    assert edits(source.read_once(at(1000))) == []
    assert [finding.code for finding in source.findings()] == ["unreadable-file"]
    (root / "f.yaml").write_text(entry("a"))
    source.read_once(at(1001))
    assert removed(source.read_once(at(1031))) == ["b.ns"]
    assert source.findings() == []


@pytest.mark.parametrize("spoil", [refused, misshapen])
def test_an_object_that_is_refused_keeps_its_last_good_version(
    root: Path, spoil: Callable[[str], str]
) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a") + spoil("b"))
    assert source.read_once(at(1)) == []
    assert edits(source.read_once(at(1000))) == []
    assert [finding.object for finding in source.findings()] == ["ServiceEntry ns/b"]


def test_while_an_object_has_lost_its_name_nothing_of_its_file_is_lost(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a") + entry("b").replace("name: b,", ""))
    assert source.read_once(at(1)) == []
    assert edits(source.read_once(at(1000))) == []


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


@pytest.mark.parametrize(
    ("octets", "batches"), [(10, [["a", "b", "c"]]), (200 << 10, [["a", "b"], ["c"]])]
)
def test_files_are_read_together_that_are_small_together(
    octets: int, batches: list[list[str]]
) -> None:
    turn = turns().turn(scanned("a", "b", "c", octets=octets), at(0))
    asked = [next(turn)]
    with contextlib.suppress(StopIteration):
        while True:
            asked.append(turn.send([says_nothing(path) for path in asked[-1]]))
    assert asked == batches


def test_only_files_that_may_have_changed_are_read_again() -> None:
    one = turns()
    take(one, scanned("a", "b"), 0, says_nothing)
    asked: list[str] = []

    def read(path: str) -> Reading:
        asked.append(path)
        return says_nothing(path)

    found = Scan({"a": SMALL, "b": Stamp(2, 10, 1), "c": SMALL}, {})
    take(one, found, 1, read)
    assert asked == ["b", "c"]


def test_a_directory_that_is_not_read_yet_says_only_how_it_stands() -> None:
    one = turns()
    assert one.view() == View("east", freshness=Freshness("east", SourceState.WAITING))
    (change,) = take(one, Scan({}, {}, "its directory cannot be read: no"), 0, says_nothing)
    assert change == SetFreshness(
        Freshness("east", SourceState.WAITING, reason="its directory cannot be read: no")
    )
    assert not one.has_read


def believed() -> Turns:
    """Return a source whose first reading is old enough to be believed."""
    one = turns()
    for seconds in (0, GRACE):
        take(one, scanned("a"), seconds, says_nothing)
    return one


def test_a_silence_is_said_once_and_again_for_another_reason() -> None:
    one = believed()
    reasons = ["no", "no", "never"]
    said = [take(one, Scan({}, {}, reason), GRACE, says_nothing) for reason in reasons]
    assert [len(changes) for changes in said] == [1, 0, 1]
    assert (one.freshness.state, one.freshness.contact) == (SourceState.SILENT, at(GRACE).wall)
    assert (one.freshness.reason, one.freshness.zones) == ("never", RULES.zones)


def test_a_directory_that_speaks_again_is_synced_as_of_now() -> None:
    one = believed()
    take(one, Scan({}, {}, "no"), 50, says_nothing)
    (change,) = take(one, scanned("a"), 60, says_nothing)
    assert change == SetFreshness(synced(60))


def test_the_first_reading_is_believed_once_it_is_as_old_as_its_grace() -> None:
    one = turns()
    take(one, scanned("a"), 0, says_nothing)
    assert one.freshness.doubt is Doubt.YOUNG
    assert take(one, scanned("a"), GRACE - 1, says_nothing) == []
    (change,) = take(one, scanned("a"), GRACE, says_nothing)
    assert change == SetFreshness(synced(GRACE))


def test_a_silence_before_that_makes_its_age_begin_anew() -> None:
    one = turns()
    take(one, scanned("a"), 0, says_nothing)
    take(one, Scan({}, {}, "no"), 20, says_nothing)
    take(one, scanned("a"), 40, says_nothing)
    take(one, scanned("a"), 39 + GRACE, says_nothing)
    assert one.freshness.doubt is Doubt.YOUNG
    take(one, scanned("a"), 40 + GRACE, says_nothing)
    assert one.freshness.doubt is Doubt.NONE


def test_what_could_not_be_looked_at_is_an_error_with_its_place() -> None:
    one = turns()
    take(one, scanned("a", unreadable={"b": "permission denied"}), 0, says_nothing)
    take(one, Scan({}, {"b": "permission denied"}, "no"), 1, says_nothing)
    found = [(finding.file, finding.reason, finding.code) for finding in one.findings()]
    assert found == [("b", "permission denied", "unreadable"), ("", "no", "unreadable")]


def test_files_below_a_directory_that_cannot_be_read_are_not_dropped() -> None:
    one = turns()
    take(one, scanned("a", "apps/b"), 0, says_nothing)
    take(one, scanned("a", unreadable={"apps": "permission denied"}), 1, says_nothing)
    assert set(one.holdings.files) == {"a", "apps/b"}
    take(one, scanned("a"), 2, says_nothing)
    assert set(one.holdings.files) == {"a"}


def test_files_below_a_directory_that_holds_nothing_any_more_are_not_dropped() -> None:
    one = turns()
    take(one, scanned("a", "apps/x/b", empty=["new"]), 0, says_nothing)
    assert one.freshness.reason == ""
    take(one, scanned("a", empty=["apps", "new"]), 1, says_nothing)
    assert set(one.holdings.files) == {"a", "apps/x/b"}
    assert one.freshness.reason == "apps is empty: what was read last stands"
    assert [(finding.file, finding.severity) for finding in one.findings()] == [
        ("apps", Severity.ERROR)
    ]
    take(one, scanned("a"), 2, says_nothing)
    assert set(one.holdings.files) == {"a"}
    assert one.freshness.reason == ""


def test_what_cannot_be_looked_at_any_more_is_said_and_stands() -> None:
    one = believed()
    take(one, scanned("a", unreadable={"z": "no such file or directory"}), 2 * GRACE, says_nothing)
    assert one.freshness.reason == "z cannot be read: what was read last stands"
    assert (one.freshness.doubt, [one.file for one in one.unread()]) == (Doubt.NONE, ["z"])


def young(path: str) -> Reading:
    return Manifest(path, None, b"digest")


@pytest.mark.parametrize(
    ("read", "due"), [(says_nothing, GRACE), (young, YOUNG_SECONDS), (cannot_be_read, None)]
)
def test_what_is_young_is_read_again_when_it_is_old_enough(
    read: Callable[[str], Reading], due: float | None
) -> None:
    one = turns()
    take(one, scanned("a", "b"), 0, lambda path: says_nothing(path) if path == "b" else read(path))
    assert one.next_turn(at(0).steady) == due


def test_the_next_turn_is_when_the_first_grace_is_over(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    source.read_once(at(GRACE))
    (root / "f.yaml").write_text(entry("a"))
    os.utime(root / "f.yaml", (1, 1))
    source.read_once(at(40))
    assert source._turns.next_turn(at(50).steady) == GRACE - 10
    assert source._turns.next_turn(at(99).steady) == 0


def test_the_next_turn_is_when_what_is_carried_over_ends(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=entry("b"))
    source = started(root, view, f=entry("a"), g="x: [")
    source.read_once(at(GRACE))
    (root / "g.yaml").write_text("")
    for path in root.iterdir():
        os.utime(path, (1, 1))
    source.read_once(at(50))
    assert source._turns.next_turn(at(60).steady) == GRACE - 10


def test_gateways_that_are_learned_before_the_first_reading_are_not_said() -> None:
    one = turns()
    assert one.set_foreign_gateways(frozenset({"10.0.0.1"})) == []
