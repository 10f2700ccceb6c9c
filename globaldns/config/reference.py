"""The table of all keys in Markdown, for ``config/README.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Meta

from globaldns.config.keys import (
    WORDS,
    Key,
    choices,
    element,
    entry,
    is_section,
    keys,
    show,
    unwrap,
)
from globaldns.config.kinds import OR_ZERO, Section
from globaldns.config.schema import Config
from globaldns.config.texts import TEXTS

_NOUNS: dict[object, str] = {bool: "boolean", int: "number", Path: "path"}
BAR = r"\|"
"""A bar inside a cell of a Markdown table."""


def reference_table() -> str:
    """Return every key with its type, default and meaning, a line each."""
    head = ("| key | type | default | meaning |", "|---|---|---|---|")
    return "\n".join((*head, *_rows(Config, ""))) + "\n"


def _rows(section: type[Section], prefix: str) -> Iterator[str]:
    for key in keys(section):
        path = f"{prefix}{key.name}"
        kind, _ = unwrap(key.type)
        if kind in WORDS or not is_section(kind) or key.default is None:
            yield _row((f"`{path}`", _type_name(key.type), _default(key), key.doc))
        if (below := _below(key.type, path)) is not None:
            yield from _rows(*below)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _below(annotation: Any, path: str) -> tuple[type[Section], str] | None:
    """Return the section that a key opens, and the path in front of its keys."""
    kind, _ = unwrap(annotation)
    if is_section(kind):
        return kind, f"{path}."
    if (inner := element(kind)) is not None and is_section(inner):
        return inner, f"{path}[]."
    if (pair := entry(kind)) is not None and is_section(pair[1]):
        return pair[1], f"{path}.<{TEXTS[pair[0]].noun}>."
    return None


def _type_name(annotation: Any) -> str:
    kind, limits = unwrap(annotation)
    if (inner := element(kind)) is not None:
        return f"list of {_type_name(inner)}"
    if words := choices(kind) or WORDS.get(kind, ()):
        more = ["mapping"] if is_section(kind) else []
        return " or ".join((*(f"`{word}`" for word in words), *more))
    if entry(kind) is not None or is_section(kind):
        return "mapping"
    noun = TEXTS[kind].noun if kind in TEXTS else _NOUNS[kind]
    return f"{noun}{_range(kind, limits)}"


def _range(kind: Any, limits: Meta) -> str:
    """Return the limits of a number, for people."""
    if limits.ge is None or limits.le is None:
        return ""
    show = TEXTS[kind].show if kind in TEXTS else str
    zero = f"{show(0)} or " if OR_ZERO in (limits.extra or {}) else ""
    return f", {zero}{show(limits.ge)} to {show(limits.le)}"


def _default(key: Key) -> str:
    if key.is_required:
        return "required"
    if key.default is None:
        return ""
    return f"`{json.dumps(show(key.type, key.default))}`"
