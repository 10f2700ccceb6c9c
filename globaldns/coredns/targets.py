"""The object in which a cluster's DNS is told, with our words in it and without.

One pair of functions for all shapes: who reads and writes objects needs no other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from globaldns.coredns import custom, editing, kubedns, openshift, rke2
from globaldns.coredns.editing import DEFAULTS, Options
from globaldns.coredns.rendering import UNKNOWN, Build
from globaldns.coredns.stub import Stub
from globaldns.errors import StubError
from globaldns.exports.marks import OWNED_BY

Object = Mapping[str, Any]
Path = tuple[str, ...]

_KINDS = {
    "configmaps": ("v1", "ConfigMap"),
    "helmchartconfigs.helm.cattle.io": ("helm.cattle.io/v1", "HelmChartConfig"),
}
"""Of objects that we make where they are not: those that a server reads if they are there."""
_IMMUTABLE = "immutable"
"""Of a ConfigMap whose data the API server lets nobody change any more."""
_ENVELOPE = frozenset({"apiVersion", "kind", "metadata", "status"})
"""What an object has besides what people put in."""


class Shape(StrEnum):
    """How a place is edited."""

    COREFILE = "corefile"
    CUSTOM = "custom"
    STUB_DOMAINS = "stub-domains"
    OPENSHIFT = "openshift"
    HELM_VALUES = "helm-values"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cluster's DNS is told."""

    shape: Shape
    resource: str
    """Plural, with the group behind a dot."""
    name: str
    namespace: str = ""
    """Empty: cluster-wide."""
    key: str
    """Of a ConfigMap's data, or a path in the object."""
    base: str = ""
    """``namespace/name`` of the ConfigMap whose Corefile says where CoreDNS listens."""

    def __str__(self) -> str:
        """Return it for people: ``configmaps kube-system/coredns Corefile``."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.resource} {place} {self.key}"

    @property
    def path(self) -> Path:
        """Where our words, or the list or mapping with them, are in the object."""
        if self.shape is Shape.CUSTOM:
            return ("data",)
        return ("data", self.key) if self.resource == "configmaps" else (*self.key.split("."),)


def install(
    target: Target,
    standing: Object | None,
    stub: Stub,
    *,
    cluster: str,
    base: str = "",
    options: Options = DEFAULTS,
) -> Object | None:
    """Return the object as it should be: ``standing`` if that is as it should be, also None.

    Args:
        target: Which object it is.
        standing: The object as the API server has it; None: there is none.
        stub: What is to be told.
        cluster: Our own id, for the label of an object that we make.
        base: The Corefile that CoreDNS runs with, for shapes that are no Corefile themselves.
        options: What is known besides.

    Raises:
        StubError: it is not edited; the code says why.
    """
    made = standing if standing is not None else _new(target, cluster)
    value = value_at(target, made)
    wanted = _installed(target.shape, value, stub, base, options)
    if wanted == value:
        return standing
    changed = _with(made, target.path, wanted)
    _check_mutable(made, changed)
    return changed


def remove(target: Target, standing: Object, known: Collection[str] = ()) -> dict[str, Any] | None:
    """Return the object without our words; None: we made it, and nothing is left in it.

    Ours is what stands between our marks, and what ``known`` tells: fingerprints that are
    remembered of this place.

    Raises:
        StubError: it is not edited; the code says why.
    """
    value = value_at(target, standing)
    if value is None:
        return dict(standing)
    left = _with(standing, target.path, _removed(target.shape, value, known))
    is_made = OWNED_BY in (_get(standing, ("metadata", "labels")) or ())
    if is_made and not any(left[key] for key in left.keys() - _ENVELOPE - {_IMMUTABLE}):
        return None
    _check_mutable(standing, left)
    return left


def fingerprints(
    target: Target, before: Object | None, after: Object | None, known: Collection[str] = ()
) -> frozenset[str]:
    """Return what to remember of a change, for ``known`` of the next time.

    Raises:
        StubError: an object cannot be read.
    """
    was, value = value_at(target, before or {}), value_at(target, after or {})
    match target.shape:
        case Shape.COREFILE:
            return editing.fingerprints(value or "")
        case Shape.STUB_DOMAINS:
            return kubedns.fingerprints(was, value, known)
        case Shape.OPENSHIFT:
            return openshift.fingerprints(was, value, known)
        case Shape.CUSTOM | Shape.HELM_VALUES:
            return frozenset()


def alike(
    target: Target,
    standing: Object,
    stub: Stub,
    build: Build = UNKNOWN,
    *,
    base: str = "",
    or_former: bool = False,
) -> frozenset[str]:
    """Return the fingerprints of what has no mark of ours, and says what we would.

    ``or_former``: what was made for istio-coredns-plugin too, and an entry of our name.

    Raises:
        StubError: the object cannot be read, or cannot be told what the stub says.
    """
    value = value_at(target, standing)
    match target.shape:
        case Shape.COREFILE:
            return editing.alike(value or "", stub, build, or_istio=or_former)
        case Shape.STUB_DOMAINS:
            return kubedns.alike(value, stub)
        case Shape.OPENSHIFT:
            return openshift.alike(value, stub, or_named=or_former)
        case Shape.CUSTOM:
            return custom.alike(value or {}, base, stub, build, or_istio=or_former)
        case Shape.HELM_VALUES:
            return frozenset()


def foreign(
    target: Target,
    standing: Object,
    stub: Stub,
    *,
    base: str = "",
    options: Options = DEFAULTS,
) -> tuple[str, ...]:
    """Return the domains of ours that somebody else's words tell, as ours would."""
    try:
        value = value_at(target, remove(target, standing, options.known) or {})
        if target.shape is Shape.STUB_DOMAINS:
            return kubedns.told(value, stub)
        bare = Options(options.build)
        is_told = _installed(target.shape, value, stub, base, bare) == value
    except StubError:
        return ()
    return stub.domains if is_told else ()


def value_at(target: Target, standing: Object) -> Any:
    """Return what stands where our words are in an object; None: nothing."""
    return _get(standing, target.path)


def _installed(shape: Shape, value: Any, stub: Stub, base: str, options: Options) -> object:
    """Return what is to stand there; ``value`` where nothing is to be written."""
    match shape:
        case Shape.COREFILE:
            if value is None:
                raise StubError(
                    "there is no Corefile", code="missing", hint="name the ConfigMap that has it"
                )
            return editing.install(value, stub, options)
        case Shape.CUSTOM:
            data = value or {}
            wanted = custom.install(data, base, stub, options.build, options.known)
            return value if wanted == data else wanted
        case Shape.STUB_DOMAINS:
            return kubedns.install(value, stub, options.known)
        case Shape.OPENSHIFT:
            return openshift.install(value, stub, options.known)
        case Shape.HELM_VALUES:
            return rke2.install(value, base, stub, options.build)


def _removed(shape: Shape, value: Any, known: Collection[str]) -> object:
    match shape:
        case Shape.COREFILE:
            return editing.remove(value, known)
        case Shape.CUSTOM:
            return custom.remove(value, known) or None
        case Shape.STUB_DOMAINS:
            return kubedns.remove(value, known)
        case Shape.OPENSHIFT:
            return openshift.remove(value, known)
        case Shape.HELM_VALUES:
            return rke2.remove(value)


def _check_mutable(standing: Object, changed: Object) -> None:
    if standing.get(_IMMUTABLE) is True and changed != standing:
        raise StubError(
            "it is immutable: the API server lets nobody change its data, nor take that back",
            code=_IMMUTABLE,
            hint="delete it and create it again with the same data and without immutable: true, "
            "as whoever manages it does, then try again",
        )


def _new(target: Target, cluster: str) -> Object:
    if target.resource not in _KINDS or target.shape is Shape.COREFILE:
        raise StubError(
            f"{target}: there is none", code="missing", hint="name the object that the server reads"
        )
    version, kind = _KINDS[target.resource]
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "labels": {OWNED_BY: cluster},
        },
    }


def _get(value: Any, path: Path) -> Any:
    for key in path:
        value = (value or {}).get(key)
    return value


def _with(value: Object, path: Path, leaf: object) -> dict[str, Any]:
    """Return a mapping with another value at a path; None, or an empty mapping: nothing there."""
    key, *rest = path
    below = _with(value.get(key) or {}, (*rest,), leaf) or None if rest else leaf
    changed = {**value, key: below}
    if below is None:
        del changed[key]
    return changed
