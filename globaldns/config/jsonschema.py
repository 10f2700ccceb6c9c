"""The JSON Schema of the configuration file, for editors and for ``globaldns schema``.

Standards:
    JSON Schema 2020-12
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Meta

from globaldns.config.bounds import ZERO, at_least, at_most
from globaldns.config.keys import (
    NEEDS,
    ONE_OF,
    SHORT_FORMS,
    TOGETHER,
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
from globaldns.config.patterns import PATH
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
    if relations := list(_relations(section)):
        document["allOf"] = relations
    if (short := SHORT_FORMS.get(section)) is not None:
        return {"anyOf": [document["properties"][short], document]}
    if words := WORDS.get(section):
        return {"anyOf": [{"type": "string", "enum": list(words)}, document]}
    return document


def _relations(section: type[Section]) -> Iterator[dict[str, Any]]:
    """Yield what keys of a section must be to each other."""
    if section in ONE_OF:
        yield {"not": {"required": list(ONE_OF[section])}}
    if section in TOGETHER:
        names = TOGETHER[section]
        none = {"not": {"anyOf": [{"required": [name]} for name in names]}}
        yield {"anyOf": [{"required": list(names)}, none]}
    if section in NEEDS:
        name, other = NEEDS[section]
        yield {"anyOf": [{"required": [other]}, {"not": {"required": [name]}}]}


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
        sizes = {"minItems": limits.min_length, "maxItems": limits.max_length}
        return {"type": "array", "items": _type(inner), **_said(sizes)}
    if (pair := entry(kind)) is not None:
        return {
            "type": "object",
            "patternProperties": {TEXTS[pair[0]].patterns[0]: _type(pair[1])},
            "additionalProperties": False,
            **_said({"minProperties": limits.min_length, "maxProperties": limits.max_length}),
        }
    if words := choices(kind):
        return {"type": "string", "enum": list(words)}
    return _scalar(kind, limits)


def _scalar(kind: Any, limits: Meta) -> dict[str, Any]:
    if kind is bool:
        return {"type": "boolean"}
    if kind is Path:
        return {"type": "string", "pattern": PATH[0]}
    if kind in TEXTS:
        return _text(TEXTS[kind], limits)
    return {"type": "integer", **_said({"minimum": limits.ge, "maximum": limits.le})}


def _text(text: Text, limits: Meta) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": "string",
        "examples": [text.example],
        "pattern": text.patterns[0],
        **_said({"maxLength": text.max_length}),
    }
    if more := [*text.patterns[1:], *_bounds(text, limits)]:
        document["allOf"] = [{"pattern": pattern} for pattern in more]
    if text.integers is not None:
        least, most = text.integers
        document["type"] = ["string", "integer"]
        document["minimum"] = least if limits.ge is None else max(least, limits.ge)
        document["maximum"] = most if limits.le is None else min(most, limits.le)
    return document


def _bounds(text: Text, limits: Meta) -> Iterator[str]:
    """Yield the syntax of a number with a unit that is in its limits."""
    if text.units is None:
        return
    if limits.ge:
        may_be_zero = OR_ZERO in (limits.extra or {})
        for pattern in at_least(_measure(limits.ge, text), text.units):
            yield ZERO + pattern if may_be_zero else pattern
    if limits.le is not None:
        yield from at_most(_measure(limits.le, text), text.units)


def _measure(limit: float, text: Text) -> Fraction:
    return Fraction(str(limit)) * text.scale


def _said(words: Mapping[str, float | None]) -> dict[str, Any]:
    return {word: said for word, said in words.items() if said is not None}
