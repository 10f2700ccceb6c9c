"""Plain values, as YAML and JSON give them, into objects.

Types are strict, as an API server's are: a label whose value YAML reads as a number or a truth
value is refused with the advice to quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args

import msgspec

from globaldns.errors import InvalidObject
from globaldns.model.export import Location, Resolution
from globaldns.objects.istio import ServiceEntry, WorkloadEntry
from globaldns.objects.kubernetes import (
    Endpoints,
    EndpointSlice,
    Namespace,
    Node,
    Pod,
    Protocol,
    Service,
    ServiceExport,
)
from globaldns.objects.metadata import ObjectKey
from globaldns.objects.own import (
    ClusterFence,
    GlobalService,
    LostEndpointsWord,
    LostNamesWord,
    VIPLedger,
)

Object = (
    ServiceEntry
    | WorkloadEntry
    | Service
    | ServiceExport
    | EndpointSlice
    | Endpoints
    | Pod
    | Node
    | Namespace
    | VIPLedger
    | GlobalService
    | ClusterFence
)
"""An object of a kind that is read."""

KINDS: Mapping[str, type[Object]] = {known.kind: known for known in get_args(Object)}
"""The type of each kind."""

_ISTIO = ("v1", "v1beta1", "v1alpha3")
_READ: dict[tuple[str, str], tuple[type[Object], tuple[str, ...]]] = {
    ("networking.istio.io", "ServiceEntry"): (ServiceEntry, _ISTIO),
    ("networking.istio.io", "WorkloadEntry"): (WorkloadEntry, _ISTIO),
    ("", "Service"): (Service, ("v1",)),
    ("multicluster.x-k8s.io", "ServiceExport"): (ServiceExport, ()),
    ("discovery.k8s.io", "EndpointSlice"): (EndpointSlice, ("v1", "v1beta1")),
    ("", "Endpoints"): (Endpoints, ("v1",)),
    ("", "Pod"): (Pod, ("v1",)),
    ("", "Node"): (Node, ("v1",)),
    ("", "Namespace"): (Namespace, ("v1",)),
    ("globaldns.io", "VIPLedger"): (VIPLedger, ("v1alpha1",)),
    ("globaldns.io", "GlobalService"): (GlobalService, ("v1alpha1",)),
    ("globaldns.io", "ClusterFence"): (ClusterFence, ("v1alpha1",)),
}
"""API group and kind to type and the versions that are read; no versions: every one."""

_PREPARED = tuple(map(msgspec.msgpack.Decoder, KINDS.values()))
"""Made for what making them does: msgspec prepares a type when it is first decoded, and two threads
that are the first at once end the process."""

_UNMISTAKABLE = frozenset(
    kind for group, kind in _READ if group in {"networking.istio.io", "globaldns.io"}
)
"""Kinds that nobody else has."""
_USUAL = {
    kind: f"{group}/{(versions or ('v1alpha1',))[0]}".removeprefix("/")
    for (group, kind), (_, versions) in _READ.items()
}
"""The usual apiVersion of every kind."""
_FOLDED = {kind.lower(): kind for kind in KINDS}

_LIST = "List"
_CODE = "invalid-object"
_PLACE = re.compile(r" - at (?:`key` in )?`(\$[^`]*)`$")
_FIELD = re.compile(r"field `([^`]*)`")
_MISSING = re.compile(r"missing required field '([^']*)'")
_CHOICES: Mapping[str, type[StrEnum]] = {
    "resolution": Resolution,
    "location": Location,
    "protocol": Protocol,
    "names": LostNamesWord,
    "endpoints": LostEndpointsWord,
}
"""What the fields take that take one of a few words."""
_TIMES = ("at", "created")
_TIME_HINT = "a time like 2026-01-02T03:04:05Z"
_HINTS = {
    "unknown field": "remove it, or mend its name",
    "datetime": f"write {_TIME_HINT}",
    "expected str, got object": "write text",
    "expected str, got array": "write text",
    "expected str": "write the value in quotes",
    "expected int": "write a whole number, without quotes",
    "expected bool": "write true or false, without quotes",
    "expected object": "write a mapping",
    "expected array": "write a list",
}
"""What to do about msgspec's words; the first that fit."""
_OTHER_HINT = "write what the Kubernetes or Istio documentation has for this field"
_NAME_HINT = "use lower-case letters, digits and inner hyphens"


def decode(value: Mapping[str, Any]) -> Object | None:
    """Return the object that a plain value describes; None for a kind that is not read.

    Raises:
        InvalidObject: a field has a type that an API server would refuse.
    """
    kind = _type_of(value)
    if kind is None:
        return None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        pass  # a null is as good as an absent field, which only this slow path knows
    try:
        return msgspec.convert(_without_nulls(value), kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def expand(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the ``items`` of a list of objects, in order, or the value itself if it is none.

    ``kind: List`` names every item's kind, ``kind: ServiceList`` need not.

    Raises:
        InvalidObject: an item is no object.
    """
    kind, items = value.get("kind"), value.get("items")
    if not (isinstance(kind, str) and kind.endswith(_LIST) and isinstance(items, list)):
        yield value
        return
    known = {} if kind == _LIST else {"kind": kind.removesuffix(_LIST)}
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise _refusal(
                "an item of a list must be an object", path=f"$.items[{index}]", hint="remove it"
            )
        yield {"apiVersion": value.get("apiVersion"), **known, **item} if known else item


def identify(value: Mapping[str, Any]) -> ObjectKey | None:
    """Return the key of an object that ``decode`` may refuse; None where it names none."""
    kind, metadata = value.get("kind"), value.get("metadata")
    if not isinstance(kind, str) or not isinstance(metadata, Mapping):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
    known = KINDS.get(kind)
    if known is None or not isinstance(name, str) or not isinstance(namespace, str):
        return None
    return ObjectKey(kind, namespace if known.is_namespaced else "", name)


def _type_of(value: Mapping[str, Any]) -> type[Object] | None:
    """Return the type of a value's kind.

    Raises:
        InvalidObject: kind or version is missing, or a version of a kind that is read is not.
    """
    kind, version = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str):
        if version is None and not isinstance(value.get("metadata"), Mapping):
            return None
        raise _refusal("kind is missing", path="$.kind", hint="add kind and apiVersion")
    if kind == _LIST:
        raise _refusal(
            "a list may hold objects only, in items", path="$.items", hint="write a list of objects"
        )
    if not isinstance(version, str):
        if kind in KINDS:
            raise _refusal(
                f"apiVersion of a {kind} is missing",
                path="$.apiVersion",
                hint=f"add apiVersion: {_USUAL[kind]}",
            )
        return None
    group, _, version = version.rpartition("/")
    known, versions = _READ.get((group, kind), (None, ()))
    if known is None and (meant := _meant(kind)):
        raise _refusal(f"{kind} of {group or version} is not read", path="$.kind", hint=meant)
    if known is not None and versions and version not in versions:
        raise _refusal(
            f"version {version!r} of {kind} is not read",
            path="$.apiVersion",
            hint=f"use {group}/{versions[0]}" if group else f"use {versions[0]}",
        )
    return known


def _meant(kind: str) -> str:
    """Return what to write instead of a kind that nobody else has, or that is misspelt; or nothing.

    Other groups have Services, Nodes and ServiceExports of their own.
    """
    if kind in _UNMISTAKABLE:
        return f"write apiVersion: {_USUAL[kind]}"
    known = _FOLDED.get(kind.lower(), kind)
    return f"write kind: {known}" if known != kind else ""


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value if part is not None]
    return value


def _invalid(message: str) -> InvalidObject:
    """Return msgspec's words as ours: ``Expected `str`, got `int` - at `$.metadata.name```."""
    place = _PLACE.search(message)
    path = place[1].partition("[...]")[0] if place else "$"
    reason = _FIELD.sub(r"field '\1'", _PLACE.sub("", message)).replace("`", "")
    reason = reason[0].lower() + reason[1:]
    if "matching regex" in reason or "of length" in reason:
        return _refusal("is no DNS-1123 name", path=path, hint=_NAME_HINT)
    return _refusal(reason, path=path, hint=_remedy(reason, path))


def _remedy(reason: str, path: str) -> str:
    if missing := _MISSING.search(reason):
        place = f"{path}.{missing[1]}".removeprefix("$.")
        return f"add {place}, {_TIME_HINT}" if missing[1] in _TIMES else f"add {place}"
    if reason.startswith("invalid enum value"):
        choices = _CHOICES.get(path.rpartition(".")[2])
        return f"write one of {', '.join(choices)}" if choices else _OTHER_HINT
    return next((hint for words, hint in _HINTS.items() if words in reason), _OTHER_HINT)


def _refusal(reason: str, *, path: str, hint: str) -> InvalidObject:
    return InvalidObject(reason, path=path, code=_CODE, hint=hint)
