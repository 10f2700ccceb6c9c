"""The lines between which a text is ours; in Corefiles and YAML a comment is written the same way.

::

    # BEGIN globaldns
    …
    # END globaldns

What stood before comes back byte for byte: our lines end as the text's do, and where its last line
had no end, ours has none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from globaldns.coredns.corefile import refusal
from globaldns.errors import StubError

BEGIN = "# BEGIN globaldns"
END = "# END globaldns"
_LINE = re.compile(r"[^\n]+\n?|\n")
_WORDS = re.compile(r"\b(?:BEGIN|END) globaldns\b(?![-./]?\w)")
"""Of a mark; ``BEGIN globaldns-gateway`` is somebody else's."""
CODE = "marks"


class Marked(msgspec.Struct, frozen=True):
    """Where our lines are: text[start:stop], with the marks and the end of the last line."""

    start: int
    stop: int
    inside: str
    """What is between the marks, with the ends of its lines."""
    newline: str
    indent: str
    is_ended: bool
    """Whether the last line has its end."""


def find_marked(text: str) -> Marked | None:
    """Return where our lines are.

    Raises:
        StubError: marks that are no pair, more than one, or words of a mark in another line.
    """
    begin: re.Match[str] | None = None
    found: Marked | None = None
    for line in _LINE.finditer(text):
        if not _WORDS.search(line[0]):
            continue
        content = line[0].rstrip("\r\n").lstrip(" ")
        if content == BEGIN and begin is None and found is None:
            begin = line
        elif content == END and begin is not None:
            found, begin = _between(text, begin, line), None
        else:
            raise _stray(text, line.start(), content)
    if begin is not None:
        raise refusal(
            text, begin.start(), f"{BEGIN!r} without its end", code=CODE, hint=f"write {END!r}"
        )
    return found


def _stray(text: str, offset: int, content: str) -> StubError:
    if content in {BEGIN, END}:
        reason, hint = f"{content!r} is not one of a pair", "leave one pair, and nothing of another"
    else:
        reason, hint = "the words of our mark, in a line that is none", "change or remove the line"
    return refusal(text, offset, reason, code=CODE, hint=hint)


def _between(text: str, begin: re.Match[str], end: re.Match[str]) -> Marked:
    indent = begin[0][: begin[0].index("#")]
    return Marked(
        start=begin.start(),
        stop=end.end(),
        inside=text[begin.end() : end.start()],
        newline=newline_of(begin[0]),
        indent=indent,
        is_ended=end[0].endswith("\n"),
    )


def newline_of(text: str) -> str:
    r"""Return how a text's first line ends; ``\n`` if it has none."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def append(text: str, lines: Iterable[str]) -> str:
    """Return a text with our lines behind it."""
    newline = newline_of(text)
    ours = newline.join(_marked(lines, ""))
    if not text:
        return ours + newline
    return f"{text}{ours}{newline}" if text.endswith("\n") else f"{text}{newline}{ours}"


def insert(text: str, at: int, lines: Iterable[str], *, indent: str) -> str:
    """Return a text with our lines before the line that starts at an offset."""
    newline = newline_of(text)
    ours = "".join(f"{line}{newline}" for line in _marked(lines, indent))
    return text[:at] + ours + text[at:]


def replace(text: str, marked: Marked, lines: Iterable[str]) -> str:
    """Return a text with other lines between our marks."""
    ours = marked.newline.join(_marked(lines, marked.indent))
    return text[: marked.start] + ours + marked.newline * marked.is_ended + text[marked.stop :]


def cut(text: str, marked: Marked) -> str:
    """Return a text without our lines."""
    before, after = text[: marked.start], text[marked.stop :]
    return (before if marked.is_ended else before.removesuffix(marked.newline)) + after


def in_whole(error: StubError, text: str, marked: Marked | None) -> StubError:
    """Return an error in a text without our lines, with its line in the text that has them."""
    if marked is None or error.line <= text.count("\n", 0, marked.start):
        return error
    return StubError(
        error.reason,
        code=error.code,
        line=error.line + text.count("\n", marked.start, marked.stop),
        column=error.column,
        hint=error.hint,
    )


def _marked(lines: Iterable[str], indent: str) -> Iterator[str]:
    for line in (BEGIN, *lines, END):
        yield f"{indent}{line}" if line else line
