from __future__ import annotations

from pathlib import Path

from globaldns.sources.directory import DirectorySource
from tests.sources.manifests import GRACE, RULES, at, entry, misshapen, refused


def lines(source: DirectorySource) -> list[tuple[str, int, str]]:
    return sorted((Path(one.file).name, one.line, one.code) for one in source.findings())


def source_of(root: Path, **files: str) -> DirectorySource:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text)
    source = DirectorySource(root, RULES, grace=GRACE)
    source.read_once(at(0))
    return source


def test_a_refused_object_is_found_by_the_line_of_its_field(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=entry("x") + refused("y"))
    (finding,) = source.findings()
    text = (tmp_path / "a.yaml").read_text().splitlines()
    assert "number: 70000" in text[finding.line - 1]


def test_a_misshapen_object_is_found_by_its_line(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=entry("x") + misshapen("y"))
    assert [line for _, line, _ in lines(source)] == [17]


def test_an_item_of_a_list_is_found_by_its_line(tmp_path: Path) -> None:
    node = "{apiVersion: v1, kind: Node, metadata: {name: n, labels: {a: 1}}}"
    source = source_of(tmp_path, a=f"apiVersion: v1\nkind: List\nitems:\n- {node}\n")
    assert [line for _, line, _ in lines(source)] == [4]


def test_of_two_objects_with_one_name_the_second_is_named(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=entry("x") + entry("x"), b=entry("x"))
    assert lines(source) == [("a.yaml", 15, "duplicate-object"), ("b.yaml", 2, "duplicate-object")]


def test_a_broken_file_has_the_line_of_the_error(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=entry("x"), b="a: 1\na: 2\n")
    assert lines(source) == [("b.yaml", 2, "unreadable-file")]


def test_a_file_that_is_gone_meanwhile_is_named_without_a_line(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=refused("x"))
    (tmp_path / "a.yaml").unlink()
    assert [line for _, line, _ in lines(source)] == [0]


def test_lines_follow_the_file(tmp_path: Path) -> None:
    source = source_of(tmp_path, a=refused("x"))
    (before,) = source.findings()
    (tmp_path / "a.yaml").write_text("# one more line\n" + refused("x"))
    source.read_once(at(1))
    (after,) = source.findings()
    assert after.line == before.line + 1


def test_a_missing_directory_is_a_finding_of_its_path(tmp_path: Path) -> None:
    source = DirectorySource(tmp_path / "none", RULES, grace=GRACE)
    source.read_once(at(0))
    (finding,) = source.findings()
    assert (finding.file, finding.code) == (str(tmp_path / "none"), "unreadable")
