r"""The log: one line per event on stderr, for people or for programs.

A call logs a constant sentence, and its values in ``extra``; they follow the sentence as
``key=value``. Values may come from whoever can write a manifest or send a packet, so nothing in
them ends a line or reaches a terminal: whatever is not printable ASCII is escaped.

    2026-01-02T03:04:05.678Z warning sources.directory: file is not read file=a.yaml reason="line 3"
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol, TextIO

_ROOT = "globaldns"
_HANDLER = "globaldns"
_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
"""What needs no quotes: printable ASCII but space, quote, = and backslash."""

_EMPTY: tuple[object, ...] = ("", None, (), [], {})
"""What is not known, or there is nothing of."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has; all else came in ``extra``."""


class Settings(Protocol):
    """What ``configure`` needs to know; config.schema.LogSettings is one."""

    @property
    def level(self) -> str:
        """``debug``, ``info``, ``warning`` or ``error``."""

    @property
    def format(self) -> str:
        """``console`` or ``json``."""


class ConsoleFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        name = record.name.removeprefix(f"{_ROOT}.")
        head = f"{_time(record)} {_level(record)} {_escape(name)}: {_escape(record.getMessage())}"
        fields = " ".join(f"{key}={_quote(value)}" for key, value in _fields(record, self).items())
        return f"{head} {fields}" if fields else head


class JsonFormatter(logging.Formatter):
    """A line for programs: one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        event = {
            "time": _time(record),
            "level": _level(record),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = {key: value for key, value in _fields(record, self).items() if key not in event}
        return _dump(event | fields)


_FORMATTERS: Mapping[str, type[logging.Formatter]] = {
    "console": ConsoleFormatter,
    "json": JsonFormatter,
}


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Log as the settings say from now on; called again, it replaces what it did before.

    Other libraries are heard from ``warning`` on, at every level but ``debug``.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(_FORMATTERS[settings.format]())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.getLogger(_ROOT).setLevel(level)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    return record.levelname.lower()


def _fields(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, object]:
    """Return what came in ``extra`` and says anything, and the traceback if there is one."""
    fields = {
        key: value
        for key, value in vars(record).items()
        if key not in _STANDARD and value not in _EMPTY
    }
    if record.exc_info:
        fields["traceback"] = formatter.formatException(record.exc_info)
    return fields


def _quote(value: object) -> str:
    text = value if isinstance(value, str) else _text(value)
    return text if _PLAIN.fullmatch(text) else _dump(text)


def _text(value: object) -> str:
    """Return a value as text: of a list its items, of a mapping JSON."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return _dump(value) if isinstance(value, list | tuple | dict) else str(value)


def _dump(value: object) -> str:
    """Return ASCII JSON on one line; DEL is the one control character that JSON leaves as it is."""
    return json.dumps(value, default=str).replace("\x7f", "\\u007f")


def _escape(text: str) -> str:
    """Return a text without quotes and with everything escaped that could leave its line."""
    return text if text.isascii() and text.isprintable() else _dump(text)[1:-1]
