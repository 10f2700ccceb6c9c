"""The JSON Schema of the configuration file, for editors and for ``globaldns schema``.

Standards:
    JSON Schema 2020-12
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from msgspec import Meta

from globaldns.config.keys import (
    SHORT_FORMS,
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
from globaldns.config.kinds import Section
from globaldns.config.schema import Config
from globaldns.config.texts import TEXTS, Text

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_document() -> dict[str, Any]:
    """Return the schema of the whole file."""
    return {
        "$schema": _DIALECT,
        "title": "globaldns configuration",
        **_section(Config),
    }


def _section(section: type[Section]) -> dict[str, Any]:
    required = [key.name for key in keys(section) if key.is_required]
    document: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _key(key) for key in keys(section)},
    }
    if required:
        document["required"] = required
    if (short := SHORT_FORMS.get(section)) is not None:
        return {"anyOf": [document["properties"][short], document]}
    if words := WORDS.get(section):
        return {"anyOf": [{"type": "string", "enum": list(words)}, document]}
    return document


def _key(key: Key) -> dict[str, Any]:
    document = _type(key.type)
    if key.doc:
        document["description"] = key.doc
    if not key.is_required and not is_section(unwrap(key.type)[0]) and key.default is not None:
        document["default"] = show(key.type, key.default)
    return document


def _type(annotation: Any) -> dict[str, Any]:
    kind, limits = unwrap(annotation)
    if is_section(kind):
        return _section(kind)
    if (inner := element(kind)) is not None:
        return {"type": "array", "items": _type(inner)}
    if (pair := entry(kind)) is not None:
        return {
            "type": "object",
            "patternProperties": {TEXTS[pair[0]].pattern: _type(pair[1])},
            "additionalProperties": False,
        }
    if words := choices(kind):
        return {"type": "string", "enum": list(words)}
    return _scalar(kind, limits)


def _scalar(kind: Any, limits: Meta) -> dict[str, Any]:
    if kind is bool:
        return {"type": "boolean"}
    if kind is Path:
        return {"type": "string", "minLength": 1}
    if kind in TEXTS:
        return _text(TEXTS[kind])
    bounds = {"minimum": limits.ge, "maximum": limits.le}
    return {"type": "integer", **{name: to for name, to in bounds.items() if to is not None}}


def _text(text: Text) -> dict[str, Any]:
    """Return the schema of a text; its limits cannot be said about a text."""
    document: dict[str, Any] = {
        "type": "string",
        "examples": [text.example],
        "pattern": text.pattern,
    }
    if text.is_number and re.search(text.pattern, "1"):
        document["type"] = ["string", "integer"]
    return document
