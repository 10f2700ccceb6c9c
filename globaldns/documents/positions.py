"""Where things stand in a YAML text, by line: asked only when an error or a finding must say it.

PyYAML (about 1 MB/s) knows the line of every node; only the one document that is meant is composed.
Lines inside a document count from 0, lines of a text from 1.

Standards:
    YAML 1.2.2 section 9.1.2   a line that begins with ``---`` or ``...`` is a marker wherever it
                               stands, so a text can be cut there without parsing it
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.MULTILINE)
"""Where a document may begin or end."""

_EMPTY = re.compile(r"(?:---|\.\.\.|[nN]ull|NULL|~|[%#][^\n]*|\s)*")


def locate(text: str, index: int, path: str) -> int:
    """Return the line (from 1) of a JSON path in the ``index``-th document that is not empty.

    ``$.spec.ports[0].name``; keys may hold dots, or stand in ``["…"]``. Where the path does not
    exist, the nearest parent's line; 0 where there is no such document.
    """
    for position, (line, part) in enumerate(parts(text)):
        if position == index:
            root = _compose(part)
            return line if root is None else line + _descend(root, path.removeprefix("$"))
    return 0


def parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield first line (from 1) and text of each document that is not empty."""
    line, start = 1, 0
    for end in (*(marker.start() for marker in MARKER.finditer(text)), len(text)):
        part = text[start:end]
        if not _EMPTY.fullmatch(part):
            blank = _blank_lines(part)
            yield line + blank, part.split("\n", blank)[blank]
        line, start = line + part.count("\n"), end


def line_of_repeated_key(part: str) -> int:
    """Return the line (from 0) of the first key that its mapping has already, else 0."""
    remaining, seen = [_compose(part)], set[int]()
    lines: list[int] = []
    while remaining:
        node = remaining.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            remaining += node.value
        elif isinstance(node, yaml.MappingNode):
            remaining += (value for _, value in node.value)
            lines += _repeated(node)
    return min(lines, default=0)


def _repeated(node: yaml.MappingNode) -> Iterator[int]:
    names = set[str]()
    for name, _ in node.value:
        if isinstance(name, yaml.ScalarNode):
            if name.value in names:
                yield name.start_mark.line
            names.add(name.value)


def _blank_lines(part: str) -> int:
    """Return how many lines a document has before its first that says something."""
    lines = part.split("\n")
    return next(index for index, line in enumerate(lines) if not _EMPTY.fullmatch(line))


def _compose(part: str) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(part, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return None
    return root


def _descend(node: yaml.Node, path: str) -> int:
    """Return the line (from 0) of a path below a node, as far as it exists."""
    line = node.start_mark.line
    while path:
        found = _step(node, path)
        if found is None:
            break
        line, node, path = found
    return int(line)


def _step(node: yaml.Node, path: str) -> tuple[int, yaml.Node, str] | None:
    """Return line, node and remaining path one key or index further; None where it ends."""
    best: tuple[int, yaml.Node, str] | None = None
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            if path.startswith(f"[{index}]"):
                return item.start_mark.line, item, path[len(f"[{index}]") :]
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            rest = _rest_after(str(name.value), path)
            if rest is not None and (best is None or len(rest) < len(best[2])):
                best = name.start_mark.line, value, rest
    return best


def _rest_after(name: str, path: str) -> str | None:
    """Return what follows a key that a path begins with; None if it begins otherwise."""
    for written in (f".{name}", f'["{name}"]', f"['{name}']"):
        if path.startswith(written) and path[len(written) : len(written) + 1] in ("", ".", "["):
            return path[len(written) :]
    return None
