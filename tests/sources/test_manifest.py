from __future__ import annotations

import os
from pathlib import Path

import pytest

from globaldns.model.finding import Severity
from globaldns.sources import manifest
from globaldns.sources.manifest import Manifest, Reading, Unchanged, Unread, read_manifest
from tests.sources.manifests import entries, entry, misshapen

YEAR_2026 = 1_767_225_600


def read(
    root: Path, text: str | bytes, *, now: int = YEAR_2026 + 100, known: bytes = b""
) -> Reading:
    file = root / "a.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (YEAR_2026, YEAR_2026))
    return read_manifest(root, "a.yaml", cluster="east", now=now, known=known)


def names(reading: Reading) -> list[str]:
    assert isinstance(reading, Manifest)
    return [identity.name for identity, _ in reading.objects]


def test_every_object_of_every_document_is_read(tmp_path: Path) -> None:
    node = "{apiVersion: v1, kind: Node, metadata: {name: n}}"
    listed = f"---\nkind: List\napiVersion: v1\nitems:\n- {node}\n"
    assert names(read(tmp_path, entries("a", "b") + listed)) == ["a", "b", "n"]


def test_kinds_that_are_not_read_are_passed_over(tmp_path: Path) -> None:
    other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    assert names(read(tmp_path, other + entry("a"))) == ["a"]


def test_content_that_is_known_is_not_decoded_again(tmp_path: Path) -> None:
    first = read(tmp_path, entry("a"))
    assert isinstance(first, Manifest)
    assert isinstance(read(tmp_path, entry("a"), known=first.digest), Unchanged)
    assert names(read(tmp_path, entry("b"), known=first.digest)) == ["b"]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (entry("a") + "---\nb: [\n", 15, ""),
        (b"a: 1\nb: \xff\n", 2, "is no UTF-8"),
        ("a: \0", 1, "NUL"),
        ("a:\n" + "- " * 50_000, 2, "nested"),
        (f"{entry('a')}---\nkind: List\napiVersion: v1\nitems:\n- 7\n", 18, "must be an object"),
    ],
)
def test_a_file_with_an_error_is_refused_whole(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    reading = read(tmp_path, content)
    assert isinstance(reading, Unread)
    assert (reading.finding.line, reading.finding.code) == (line, "unreadable-file")
    assert reason in reading.finding.reason


def test_a_file_that_is_gone_is_unread(tmp_path: Path) -> None:
    reading = read_manifest(tmp_path, "none.yaml", cluster="east", now=0)
    assert isinstance(reading, Unread)
    assert (reading.stamp, reading.finding.reason) == (None, "no such file or directory")


def test_a_file_that_is_too_large_is_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MAX_FILE_OCTETS", 10)
    reading = read(tmp_path, entry("a"))
    assert isinstance(reading, Unread)
    assert "split it" in reading.finding.reason


def test_an_object_of_a_wrong_shape_refuses_itself_only(tmp_path: Path) -> None:
    reading = read(tmp_path, entry("a") + misshapen("b"))
    assert isinstance(reading, Manifest)
    assert names(reading) == ["a"]
    assert [identity.name for identity in reading.refused] == ["b"]
    assert reading.is_complete
    (misfit,) = reading.misfits
    assert (misfit.index, misfit.finding.object) == (1, "ServiceEntry ns/b")


def test_an_object_without_a_name_leaves_the_file_incomplete(tmp_path: Path) -> None:
    reading = read(tmp_path, entry("a") + entry("b").replace("name: b,", ""))
    assert isinstance(reading, Manifest)
    assert not reading.is_complete


def test_of_two_objects_with_one_name_the_first_counts(tmp_path: Path) -> None:
    reading = read(tmp_path, entry("a", port=1) + entry("a", port=2))
    assert isinstance(reading, Manifest)
    assert [found.spec.ports[0].number for _, found in reading.objects] == [1]  # type: ignore[union-attr]
    (misfit,) = reading.misfits
    assert (misfit.finding.code, misfit.finding.severity) == ("duplicate-object", Severity.WARNING)


@pytest.mark.parametrize("age", [0, 1])
def test_the_stamp_of_a_young_file_proves_nothing(tmp_path: Path, age: int) -> None:
    assert read(tmp_path, entry("a"), now=YEAR_2026 + age).stamp is None


@pytest.mark.parametrize("age", [2, 1000, -60])
def test_the_stamp_of_any_other_file_counts(tmp_path: Path, age: int) -> None:
    assert read(tmp_path, entry("a"), now=YEAR_2026 + age).stamp is not None
