"""The shape of files and names that reviewers would otherwise have to ask for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SAYS_NOTHING = {"manager", "handler", "helper", "util", "utils", "common", "base", "core", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
CATCHES_ALL = {
    "globaldns/tasks.py",
    "globaldns/cli/__init__.py",
    "globaldns/cli/program.py",
    "globaldns/app/hosting.py",
    "globaldns/dns/loop.py",
    "globaldns/supervisor/children.py",
}
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def words(name: str) -> set[str]:
    """``MultiWord_name`` as {multi, word, name}."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def nodes(files: list[Path], kind: type | tuple[type, ...]) -> Iterator[tuple[Path, ast.AST]]:
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, kind):
                yield file, node


def swallows_all(node: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does not raise it again after cleaning up."""
    everything = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
    last = node.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def test_no_file_has_two_subjects(python_files: list[Path]) -> None:
    lengths = {str(file): len(file.read_text().splitlines()) for file in python_files}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen(python_files: list[Path]) -> None:
    long = [
        f"{file}:{node.lineno} {node.name}"
        for file, node in nodes(python_files, (ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(node, FunctionNode)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_modules_and_types_are_named_for_what_they_are(modules: list[Path]) -> None:
    empty = [str(file) for file in modules if words(file.stem) & SAYS_NOTHING]
    empty += [
        f"{file}: {node.name}"
        for file, node in nodes(modules, ast.ClassDef)
        if isinstance(node, ast.ClassDef) and words(node.name) & SAYS_NOTHING
    ]
    assert empty == []


def test_no_function_says_in_its_name_that_it_is_asynchronous(modules: list[Path]) -> None:
    named = [
        f"{file}: {node.name}"
        for file, node in nodes(modules, (ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(node, FunctionNode) and node.name.startswith("async_")
    ]
    assert named == []


def test_nothing_is_left_unfinished(python_files: list[Path]) -> None:
    this = Path(__file__)
    found = [
        f"{file}:{number}: {line.strip()}"
        for file in python_files
        if file != this
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_everything_is_caught_at_the_edges_only(modules: list[Path], root: Path) -> None:
    catching = {
        str(file.relative_to(root))
        for file, node in nodes(modules, ast.ExceptHandler)
        if isinstance(node, ast.ExceptHandler) and swallows_all(node)
    }
    assert catching <= CATCHES_ALL


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ClusterExports", {"cluster", "exports"}),
        ("last_zone", {"last", "zone"}),
        ("HTTPHandler", {"http", "handler"}),
    ],
)
def test_a_name_is_split_into_its_words(name: str, expected: set[str]) -> None:
    assert words(name) == expected
