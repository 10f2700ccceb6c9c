"""Whether a schema takes a value, as JSON Schema has it; of the keywords those that ours has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_ANNOTATIONS = {"$schema", "title", "description", "examples", "default"}
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def takes(schema: Any, value: Any) -> bool:
    """Whether a schema takes a value.

    Raises:
        KeyError: the schema has a keyword that is none here.
    """
    if isinstance(schema, bool):
        return schema
    return all(
        _KEYWORDS[word](said, value, schema)
        for word, said in schema.items()
        if word not in _ANNOTATIONS
    )


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches as ECMA 262 and RE2 have it: the end is not before a line break."""
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def _has_type(said: Any, value: Any, _: Any) -> bool:
    return any(_TYPES[name](value) for name in ([said] if isinstance(said, str) else said))


def _have_types(said: Any, value: Any, schema: Any) -> bool:
    """Whether each value of a mapping is what the schema of its key, or of its pattern, takes."""
    if not isinstance(value, dict):
        return True
    by_pattern = schema.get("patternProperties", {})
    return all(
        takes(below, value[name])
        for name in value
        for key, below in said.items()
        if (matches(key, name) if said is by_pattern else key == name)
    )


def _is_closed(said: Any, value: Any, schema: Any) -> bool:
    if said is not False or not isinstance(value, dict):
        return True
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return all(name in known or any(matches(one, name) for one in patterns) for name in value)


def _is(kind: str, check: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any], bool]:
    """Return a keyword that is about values of one type, and that all others pass."""
    return lambda said, value, _: not _TYPES[kind](value) or check(said, value)


_KEYWORDS: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "type": _has_type,
    "enum": lambda said, value, _: value in said,
    "anyOf": lambda said, value, _: any(takes(one, value) for one in said),
    "allOf": lambda said, value, _: all(takes(one, value) for one in said),
    "not": lambda said, value, _: not takes(said, value),
    "pattern": _is("string", matches),
    "maxLength": _is("string", lambda said, value: len(value) <= said),
    "minimum": _is("integer", lambda said, value: value >= said),
    "maximum": _is("integer", lambda said, value: value <= said),
    "items": _is("array", lambda said, value: all(takes(said, one) for one in value)),
    "minItems": _is("array", lambda said, value: len(value) >= said),
    "maxItems": _is("array", lambda said, value: len(value) <= said),
    "required": _is("object", lambda said, value: value.keys() >= {*said}),
    "minProperties": _is("object", lambda said, value: len(value) >= said),
    "properties": _have_types,
    "patternProperties": _have_types,
    "additionalProperties": _is_closed,
}
