"""The schema's keys, as its structs declare them: type, limits, default and docstring.

The one place that looks into annotations: reading, the JSON Schema and the reference walk these.
"""

from __future__ import annotations

import ast
import inspect
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from globaldns.config import routing, schema, stub
from globaldns.config.kinds import Section
from globaldns.config.texts import TEXTS

SHORT_FORMS: dict[object, str] = {schema.Zone: "name"}
"""Sections that a text alone may stand for, and the key that it then gives."""

WORDS: dict[object, dict[str, Section]] = {
    schema.LostNames: {
        "keep": schema.LostNames(),
        "drop": schema.LostNames(expire=schema.AS_SOON_AS_LOST),
    },
    schema.LostEndpoints: {
        "keep": schema.LostEndpoints(),
        "demote": schema.LostEndpoints(demote=schema.AS_SOON_AS_LOST),
        "drop": schema.LostEndpoints(expire=schema.AS_SOON_AS_LOST),
    },
}
"""Sections that one of some words may stand for, and what each of them says."""

ONE_OF: dict[object, tuple[str, ...]] = {
    schema.SourceSettings: ("directory", "kubernetes"),
    schema.LedgerSettings: ("sqlite", "kubernetes"),
}
"""Keys of sections of which no two go together."""
TOGETHER: dict[object, tuple[str, ...]] = {
    schema.TlsSettings: ("certificate", "key"),
    routing.ProbeSettings: ("certificate", "key", "authority"),
}
"""Keys of sections of which none goes without the others."""
NEEDS: dict[object, tuple[str, str]] = {schema.TlsSettings: ("listen", "certificate")}
"""Keys of sections of which the first does not go without the second."""
ELSEWHERE: dict[object, dict[str, str]] = {
    stub.StubSettings: {
        "foreign": "each zone has its own: zones: [{name: global, foreign: …}]",
        "namespaces": "each zone has its own: zones: [{name: global, namespaces: […]}]",
    },
}
"""Keys that are looked for in a section, and stand in another."""


class Key(Struct, frozen=True):
    """One key of a section."""

    name: str
    type: Any
    """The annotation."""
    doc: str
    default: Any
    """NODEFAULT where the key is required."""

    @property
    def is_required(self) -> bool:
        """Whether the file must have it."""
        return self.default is NODEFAULT


@cache
def keys(section: type[Section]) -> tuple[Key, ...]:
    """Return a section's keys in the order of the schema."""
    docs = _docs()[section.__name__]
    return tuple(
        Key(field.name, field.type, docs.get(field.name, ""), _default(field))
        for field in msgspec.structs.fields(section)
    )


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return field.default


@cache
def _docs() -> dict[str, dict[str, str]]:
    """Return the docstrings under the fields, by class and field."""
    trees = (ast.parse(inspect.getsource(module)) for module in (routing, schema, stub))
    nodes = (node for tree in trees for node in tree.body)
    return {node.name: _field_docs(node) for node in nodes if isinstance(node, ast.ClassDef)}


def _field_docs(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for statement, follower in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(follower, ast.Expr)
            and isinstance(follower.value, ast.Constant)
        ):
            text = str(follower.value.value).replace("``", "`")
            docs[statement.target.id] = " ".join(text.split())
    return docs


def unwrap(annotation: Any) -> tuple[Any, Meta]:
    """Return a type without its limits and without None, and the limits."""
    if get_origin(annotation) is Annotated:
        inner, meta = get_args(annotation)
        return inner, meta
    choices = [choice for choice in get_args(annotation) if choice is not NoneType]
    if NoneType in get_args(annotation):
        return unwrap(choices[0])
    return annotation, Meta()


def element(annotation: Any) -> Any | None:
    """Return the type of a list's elements; None if the type is no list."""
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


def entry(annotation: Any) -> tuple[Any, Any] | None:
    """Return the types of a mapping's free keys and values; None if the type is no such mapping."""
    if get_origin(annotation) is not dict:
        return None
    key, value = get_args(annotation)
    return key, value


def is_section(annotation: Any) -> bool:
    """Whether a type is a mapping with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def choices(annotation: Any) -> tuple[str, ...]:
    """Return the words of an enumeration; empty if the type is none."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(annotation)
    return ()


def show(annotation: Any, value: Any) -> Any:
    """Return a value as the file would write it."""
    kind, _ = unwrap(annotation)
    if value is None or isinstance(value, bool):
        return value
    if (inner := element(kind)) is not None:
        return [show(inner, item) for item in value]
    if (pair := entry(kind)) is not None:
        return {str(name): show(pair[1], item) for name, item in value.items()}
    if is_section(kind):
        return _show_section(kind, value)
    if kind in TEXTS:
        value = TEXTS[kind].show(value)
    return value if isinstance(value, int) else str(value)


def _show_section(section: type[Section], value: Section) -> Any:
    if (short := SHORT_FORMS.get(section)) is not None:
        said = getattr(value, short)
        if value == section(**{short: said}):
            return said
    for word, meaning in WORDS.get(section, {}).items():
        if value == meaning:
            return word
    return {key.name: show(key.type, getattr(value, key.name)) for key in keys(section)}
