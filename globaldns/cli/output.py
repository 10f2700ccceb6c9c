"""What results look like: aligned columns as kubectl's, JSON, YAML; and three coloured words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TextIO

import click
import msgspec

from globaldns.model.claim import parse_time


class OutputFormat(StrEnum):
    """The values of ``-o``."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Tone(StrEnum):
    """What a coloured word means, and its colour."""

    GOOD = "green"
    DOUBTFUL = "yellow"
    BAD = "red"


GAP = "   "
"""Between columns, as kubectl prints them."""
ABSENT = "<none>"

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
_STEPS = (
    # below (seconds), unit, the next smaller unit; kubectl's HumanDuration in seven rows
    (2 * _MINUTE, (1, "s"), None),
    (10 * _MINUTE, (_MINUTE, "m"), (1, "s")),
    (3 * _HOUR, (_MINUTE, "m"), None),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h"), None),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * _YEAR, (_DAY, "d"), None),
)


def paint(word: str, tone: Tone, *, stream: TextIO) -> str:
    """Return a word in its colour, where the stream is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return word
    return click.style(word, fg=tone.value)


def format_age(seconds: int) -> str:
    """Return how long ago something was: ``45s``, ``5m30s``, ``3h``, ``5d``, ``3y``."""
    seconds = max(seconds, 0)
    for below, (size, unit), rest in _STEPS:
        if seconds < below:
            text = f"{seconds // size}{unit}"
            if rest and (left := seconds % size // rest[0]):
                text += f"{left}{rest[1]}"
            return text
    return f"{seconds // _YEAR}y"


def format_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under their columns, left-aligned, without trailing blanks."""
    table = [columns, *rows]
    widths = measure(table)
    return "\n".join(format_row(row, widths) for row in table)


def measure(table: Iterable[Sequence[str]]) -> list[int]:
    """Return how wide each column of a table is."""
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def format_row(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return one row of a table, without trailing blanks."""
    return GAP.join(map(str.ljust, row, widths)).rstrip()


def wrap_list(items: Sequence[str], *, most: int = 3) -> str:
    """Return items separated by commas, the rest of a long list as ``+N``; ``<none>`` if empty."""
    shown = ",".join(items[:most]) or ABSENT
    return f"{shown},+{len(items) - most}" if len(items) > most else shown


def show_time(text: str, now: int) -> str:
    """Return how long ago an RFC 3339 time was; ``<none>`` for an empty one."""
    return format_age(now - parse_time(text)) if text else ABSENT


def print_structured(value: object, output: OutputFormat) -> None:
    """Print a value as JSON or YAML."""
    plain = msgspec.to_builtins(value)
    if output is OutputFormat.YAML:
        # Here, because only YAML output needs its writer.
        from globaldns.documents import format_yaml  # noqa: PLC0415

        click.echo(format_yaml(plain), nl=False)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(plain), indent=2))


def print_event(value: object, output: OutputFormat) -> None:
    """Print one value of a stream: a line of JSON, or a document of YAML."""
    if output is OutputFormat.YAML:
        click.echo("---")
        print_structured(value, output)
    else:
        click.echo(msgspec.json.encode(value))


def say(line: str) -> None:
    """Print a line for the person, beside the result: on stderr."""
    click.echo(line, file=sys.stderr)
