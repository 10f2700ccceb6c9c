"""Label and field selectors, in the grammar of query parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kube.apiserver.resources import Resource
from tests.kube.apiserver.statuses import ApiError

Object = Mapping[str, Any]
Selection = Callable[[Object], bool]

_SET = re.compile(r"(?P<key>[\w./-]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"(?P<key>[\w./-]+)\s*(?P<operator>==|=|!=)\s*(?P<values>[\w.-]*)$")
_EXISTS = re.compile(r"(?P<operator>!?)\s*(?P<key>[\w./-]+)$")


def parse_selection(resource: Resource, labels: str, fields: str) -> Selection:
    """Return what decides whether an object is selected.

    Raises:
        ApiError: 400, no such grammar, or a field that cannot be selected by.
    """
    rules = [_label_rule(part) for part in _split(labels)]
    rules += [_field_rule(resource, part) for part in _split(fields)]
    return lambda item: all(rule(item) for rule in rules)


def _split(text: str) -> list[str]:
    """The parts between commas that are not in parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_rule(part: str) -> Selection:
    match = _SET.match(part) or _EQUAL.match(part) or _EXISTS.match(part)
    if match is None:
        raise ApiError(400, f"unable to parse requirement: {part!r}")
    key, operator = match["key"], match["operator"]
    if operator in {"", "!"}:
        return lambda item: (key in _labels(item)) is (operator == "")
    values = {value.strip() for value in match["values"].split(",")}
    if operator in {"notin", "!="}:
        return lambda item: _labels(item).get(key) not in values
    return lambda item: _labels(item).get(key) in values


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _field_rule(resource: Resource, part: str) -> Selection:
    match = _EQUAL.match(part)
    if match is None:
        raise ApiError(400, f"invalid selector: {part!r}")
    path, value = match["key"], match["values"]
    if path not in {"metadata.name", "metadata.namespace", *resource.selectable}:
        raise ApiError(400, f"field label not supported: {path}")
    wanted = match["operator"] != "!="
    return lambda item: (_value(item, path) == value) is wanted


def _value(item: Object, path: str) -> str:
    value: Any = item
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return str(value)
