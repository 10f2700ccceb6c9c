from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from globaldns.objects import ObjectKey
from globaldns.sources.holdings import Holdings
from globaldns.sources.manifest import Manifest
from globaldns.sources.scan import Stamp
from tests.sources.manifests import (
    at,
    edits,
    entries,
    entry,
    hosts,
    misshapen,
    removed,
    started,
)


def key(name: str) -> ObjectKey:
    return ObjectKey("ServiceEntry", "ns", name)


def manifest(path: str, names: str) -> Manifest:
    """A file in which every letter is an object; all by reference, which is all that counts."""
    keys = frozenset(map(key, names))
    return Manifest(path, Stamp(1, 1, 1), path.encode() + names.encode(), refused=keys)


def expire(holdings: Holdings, now: float) -> str:
    return "".join(sorted(gone.name for gone in holdings.expire(now, 30.0)))


def test_an_object_in_no_file_is_gone_after_its_grace() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "ab"))
    holdings.take(manifest("f", "a"))
    assert expire(holdings, 0) == ""
    assert holdings.deadline == 30
    assert expire(holdings, 29) == ""
    assert expire(holdings, 30) == "b"
    assert holdings.deadline is None


def test_an_object_that_comes_back_has_its_whole_grace_again() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "a"))
    holdings.take(manifest("f", ""))
    assert expire(holdings, 0) == ""
    holdings.take(manifest("g", "a"))
    assert expire(holdings, 40) == ""
    holdings.drop("g")
    assert expire(holdings, 50) == ""
    assert expire(holdings, 80) == "a"


def test_silence_starts_every_grace_anew() -> None:
    holdings = Holdings()
    holdings.take(manifest("f", "a"))
    holdings.drop("f")
    assert expire(holdings, 0) == ""
    holdings.pause()
    assert expire(holdings, 100) == ""
    assert expire(holdings, 130) == "a"


def test_of_two_files_the_first_by_path_counts() -> None:
    holdings = Holdings()
    holdings.take(manifest("b", "x"))
    holdings.take(manifest("a", "x"))
    assert holdings.is_taken_from(key("x"), "a")
    (finding,) = holdings.findings("east")
    assert (finding.code, finding.file) == ("duplicate-object", "b")


def test_another_file_inherits_what_the_first_loses() -> None:
    holdings = Holdings()
    for path in "abc":
        holdings.take(manifest(path, "x"))
    holdings.take(manifest("a", ""))
    assert holdings.inherit() == {"b"}
    assert holdings.is_taken_from(key("x"), "b")
    assert expire(holdings, 100) == ""


TURNS = st.lists(
    st.tuples(st.sampled_from("fgh"), st.none() | st.text("abc", max_size=3)), max_size=12
)


@given(turns=TURNS)
def test_an_object_is_taken_from_the_first_file_that_holds_it_whatever_happened(
    turns: list[tuple[str, str | None]],
) -> None:
    holdings = Holdings()
    files: dict[str, str] = {}
    for path, names in turns:
        if names is not None:
            files[path] = names
            holdings.take(manifest(path, names))
        elif files.pop(path, None) is not None:
            holdings.drop(path)
        while holdings.inherit():
            pass
        holdings.expire(0, 30.0)
    owners = {
        name: min(path for path in files if name in files[path]) for name in "".join(files.values())
    }
    assert all(holdings.is_taken_from(key(name), path) for name, path in owners.items())
    contested = sum(sum(name in names for names in files.values()) - 1 for name in owners)
    assert len(list(holdings.findings("east"))) == contested


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


def test_an_object_that_is_taken_away_is_gone_after_its_grace(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a"))
    assert source.read_once(at(1)) == []
    assert edits(source.read_once(at(30))) == []
    assert removed(source.read_once(at(31))) == ["b.ns"]
    assert hosts(source) == {"a"}


def test_what_is_missing_is_said_until_it_is_gone(root: Path) -> None:
    source = started(root, f=entries("a", "b"))
    (root / "f.yaml").write_text(entry("a"))
    source.read_once(at(1))
    (told,) = source._turns.missing(at(11).steady)
    assert (told.code, told.object) == ("missing", "ServiceEntry ns/b")
    assert told.reason == "is in no file any more: it stands for another 20s"
    assert told in [structs.replace(one, reason=told.reason) for one in source.refused()]
    source.read_once(at(31))
    assert [*source.refused()] == []


def test_a_file_that_is_taken_away_is_gone_after_its_grace(root: Path) -> None:
    source = started(root, f=entry("a"), g=entry("b"))
    (root / "g.yaml").unlink()
    assert source.read_once(at(1)) == []
    assert removed(source.read_once(at(31))) == ["b.ns"]


def test_a_broken_file_that_is_put_back_is_as_before(root: Path) -> None:
    source = started(root, f=entry("a") + misshapen("b"))
    text = (root / "f.yaml").read_text()
    (root / "f.yaml").write_text("x: [")
    source.read_once(at(1))
    (root / "f.yaml").write_text(text)
    assert edits(source.read_once(at(2))) == []
    assert [finding.code for finding in source.findings()] == ["invalid-object"]
