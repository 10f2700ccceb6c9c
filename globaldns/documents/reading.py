"""Multi-document YAML and JSON, read fast.

JSON is YAML. yaml-rs reads about 20 MB/s, in pieces cut between documents, so that neither a huge
file's tree nor its reading time is one lump.

Standards:
    YAML 1.2.2 section 10.3    the core schema; the merge key ``<<`` of YAML 1.1 is refused
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
import yaml_rs

from globaldns.documents.positions import MARKER, line_of_repeated_key, locate, parts
from globaldns.errors import DocumentError

MAX_CHARACTERS = 64 << 20
"""A manifest or configuration beyond this is a mistake, and its tree would not fit in memory."""
MAX_DOCUMENTS = 500_000
"""Documents in one text; a text of bare markers has millions."""
MAX_DEPTH = 200
"""Mappings and lists inside each other; yaml-rs follows any depth until the stack ends."""

_PIECE_CHARACTERS = 128 << 10
"""Pieces are cut at the next marker beyond this: 5 to 10 ms of reading."""
_ALIASES = yaml_rs.AliasLimits(max_total_replayed_events=100_000)
"""Nodes that aliases may repeat in one piece; nine lists of nine levels have 400 million."""
_FIRST = "null\n...\n"
"""Put before a piece, so that what comes back is always a list with one document more: without it
a text of one list and a text of several documents read the same."""
_FIRST_LINES = _FIRST.count("\n")

_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_AT_LINE = re.compile(r" at line (\d+), column \d+")
_LONG_LINE = 500
_NESTING = re.compile(r"(?:[-?:&!]\S*[ \t]+|[ \t]){250}")
"""Begins a line that opens, or is indented by, more levels than people write."""
_MERGE_HINT = "write the merged keys out; YAML 1.2 has no merge keys"


def read_documents(text: str) -> list[dict[str, Any]]:
    """Return the documents of a text as plain values; empty documents do not count.

    Raises:
        DocumentError: the text is no YAML, holds something else than mappings, a key twice or a
            merge key, or exceeds a limit.
    """
    return list(iterate_documents(text))


def iterate_documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield what ``read_documents`` returns, without keeping what was yielded.

    An error may come after documents that are fine; a text with an error is to be refused whole.

    Raises:
        DocumentError: as ``read_documents``.
    """
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(
            f"over {MAX_CHARACTERS >> 20} Mi characters", hint="split it into several files"
        )
    if "\0" in text:
        raise DocumentError("holds a NUL character", line=_line(text, text.index("\0")))
    count = 0
    for start, piece in _pieces(text):
        try:
            values = _read_piece(piece)
        except DocumentError as error:
            raise _moved(error, text, start) from None
        count += len(values)
        if count > MAX_DOCUMENTS:
            raise DocumentError(f"over {MAX_DOCUMENTS} documents", line=_line(text, start))
        yield from values


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of pieces that hold whole documents.

    A directive belongs to the marker after it: a text with directives is not cut.
    """
    start = 1 if text.startswith("\ufeff") else 0
    if len(text) <= _PIECE_CHARACTERS or _DIRECTIVE.search(text):
        yield start, text[start:]
        return
    while start < len(text):
        marker = MARKER.search(text, start + _PIECE_CHARACTERS)
        end = marker.start() if marker else len(text)
        yield start, text[start:end]
        start = end


def _read_piece(piece: str) -> list[dict[str, Any]]:
    """Return a piece's documents.

    Raises:
        DocumentError: with its line inside the piece.
    """
    _refuse_nesting(piece)
    try:
        read = yaml_rs.loads(_FIRST + piece, parse_datetime=False, alias_limits=_ALIASES)
    except yaml_rs.YAMLDecodeError as error:
        raise _explained(str(error), piece) from None
    values: list[Any] = list(filter(_is_filled, read[1:])) if isinstance(read, list) else []
    for index, value in enumerate(values):
        _refuse_shape(piece, index, value)
    if "<<" in piece:
        _refuse_merge_keys(piece, values)
    return values


def _refuse_shape(piece: str, index: int, value: object) -> None:
    """Refuse what is no mapping of text; mappings inside it are for typed decoding to judge."""
    if not isinstance(value, dict):
        raise DocumentError(
            "a document must be a mapping",
            line=locate(piece, index, "$"),
            hint="write key: value; a list of objects goes into kind: List",
        )
    for name in value:
        if not isinstance(name, str):
            line = locate(piece, index, f"$.{name}")
            raise DocumentError("keys must be text", line=line, hint="write the key in quotes")


def _refuse_nesting(piece: str) -> None:
    """Refuse what would end the parser's stack, which no exception would tell of."""
    start = 0
    while start + _LONG_LINE < len(piece):
        end = piece.rfind("\n", start, start + _LONG_LINE)
        if end < 0:
            if _NESTING.match(piece, start):
                _measure_depth(piece)
                return
            end = piece.find("\n", start)
            if end < 0:
                return
        start = end + 1


def _measure_depth(piece: str) -> None:
    depth = 0
    try:
        for event in yaml.parse(piece, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise DocumentError(f"nested deeper than {MAX_DEPTH} levels", line=line)
    except yaml.YAMLError as error:
        place = str(error).rpartition(" line ")[2].partition(",")[0]
        line = int(place) if place.isdecimal() else 0
        raise DocumentError("nested too deeply", line=line) from None


def _refuse_merge_keys(piece: str, values: list[dict[str, Any]]) -> None:
    for index, value in enumerate(values):
        path = _path_of_merge_key(value)
        if path is not None:
            raise DocumentError("merge key <<", line=locate(piece, index, path), hint=_MERGE_HINT)


def _path_of_merge_key(value: object) -> str | None:
    remaining: list[tuple[str, object]] = [("$", value)]
    while remaining:
        path, node = remaining.pop()
        if isinstance(node, dict):
            if "<<" in node:
                return f"{path}.<<"
            remaining += ((f"{path}.{name}", part) for name, part in node.items())
        elif isinstance(node, list):
            remaining += ((f"{path}[{index}]", part) for index, part in enumerate(node))
    return None


def _explained(message: str, piece: str) -> DocumentError:
    """Return yaml-rs's message as ours: its last line, and the line it means."""
    reason = message.rpartition("\n")[2][:200]
    if place := _AT_LINE.search(message):
        last = piece.count("\n") + 1
        return DocumentError(reason, line=min(max(int(place[1]) - _FIRST_LINES, 1), last))
    line, hint = 0, ""
    for first, part in parts(piece):
        if _fails(part):
            line = first + line_of_repeated_key(part)
            break
    if reason.startswith("duplicate"):
        hint = "keep one of the two"
    return DocumentError(reason, line=line, hint=hint)


def _fails(part: str) -> bool:
    try:
        yaml_rs.loads(part, parse_datetime=False, alias_limits=_ALIASES)
    except yaml_rs.YAMLDecodeError:
        return True
    return False


def _moved(error: DocumentError, text: str, start: int) -> DocumentError:
    """Return a piece's error with its line in the whole text."""
    if not error.line:
        return error
    before = text.count("\n", 0, start)
    return DocumentError(str(error), line=error.line + before, hint=error.hint)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _is_filled(value: object) -> bool:
    return value is not None
