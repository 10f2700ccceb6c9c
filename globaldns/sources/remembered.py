"""Views as they are kept in the state directory, for the time after a restart.

The payload is the view in msgpack, its exports in batches so that they are never in memory twice;
``state`` adds magic, version and checksum. Its age is the last contact: the time of writing says
nothing about how old what it says is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable
from itertools import chain, islice
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgspec

from globaldns.errors import StateError
from globaldns.model.export import Endpoint, Export, Origin
from globaldns.model.host import Host
from globaldns.model.view import Doubt, Freshness, SourceState, View

_Value = TypeVar("_Value", bound=Hashable)

FORMAT = 1
"""Version of the payload; goes up when a field of a view changes its meaning."""

_BATCH = 1000
"""Exports that are read at once: about half a megabyte."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    rest: View
    """The view without its exports."""
    exports: list[msgspec.Raw]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Kept)
_BATCH_DECODER = msgspec.msgpack.Decoder(list[Export])


def file_name(cluster: str) -> str:
    """Return the name of a cluster's view below the state directory."""
    return f"views/{quote(cluster, safe='')}.bin"


def encode_view(view: View, exports: Iterable[Export]) -> bytes:
    """Return a view as it is kept, with these exports instead of its own."""
    remaining = iter(exports)
    batches = iter(lambda: list(islice(remaining, _BATCH)), [])
    return _ENCODER.encode(
        _Kept(
            msgspec.structs.replace(view, exports=()),
            [msgspec.Raw(_ENCODER.encode(batch)) for batch in batches],
        )
    )


def decode_view(payload: bytes, cluster: str) -> View:
    """Return a view that was kept, as the remembered view of its cluster.

    Raises:
        StateError: it is no view, or another cluster's.
    """
    try:
        view = _join(_DECODER.decode(payload))
    except msgspec.MsgspecError as error:
        raise StateError(
            f"the remembered view of {cluster} is damaged: {error}",
            hint=f"remove {file_name(cluster)} from the state directory",
        ) from None
    if view.cluster != cluster:
        raise StateError(
            f"{file_name(cluster)} is the view of {view.cluster}",
            hint="remove it from the state directory",
        )
    return as_remembered(view)


def as_remembered(view: View, reason: str = "") -> View:
    """Return a view as it stands until its source is read again."""
    former = view.freshness or Freshness(view.cluster, SourceState.REMEMBERED)
    doubt = former.doubt if former.doubt is Doubt.PARTIAL else Doubt.NONE
    freshness = Freshness(
        *(view.cluster, SourceState.REMEMBERED, former.contact, reason, doubt, former.zones),
        restored_at=former.restored_at,
    )
    return msgspec.structs.replace(view, freshness=freshness)


def kinds_of(view: View | None) -> frozenset[str]:
    """Return of which kinds a view has seen objects for certain."""
    if view is None:
        return frozenset()
    origins = chain(
        (export.origin for export in view.exports),
        (policy.origin for policy in view.policies),
        (fence.origin for fence in view.fences),
    )
    return frozenset(origin.kind for origin in origins).union(view.kinds)


def exporting_namespaces(view: View) -> frozenset[str]:
    """Return the namespaces of what a cluster exports: those that it has for certain."""
    return frozenset(export.origin.namespace for export in view.exports)


def _share_parts(endpoint: Endpoint, share: Callable[[Any], Any]) -> Endpoint:
    return Endpoint(
        endpoint.address,
        share(endpoint.ports),
        share(endpoint.network),
        share(endpoint.locality),
        endpoint.weight,
        endpoint.ready,
        share(endpoint.labels),
        share(endpoint.service_account),
    )


def _join(kept: _Kept) -> View:
    """Return the view; equal parts of 100,000 exports are one value each."""
    shared: dict[Any, Any] = {}

    def share(value: _Value) -> _Value:
        return cast(_Value, shared.setdefault(value, value))

    exports: list[Export] = []
    for batch in kept.exports:
        for export in _BATCH_DECODER.decode(batch):
            origin = export.origin
            exports.append(
                msgspec.structs.replace(
                    export,
                    host=Host(sys.intern(export.host)),
                    cluster=share(export.cluster),
                    zones=share(export.zones),
                    ports=share(export.ports),
                    endpoints=tuple(_share_parts(one, share) for one in export.endpoints),
                    origin=Origin(
                        share(origin.kind),
                        share(origin.namespace),
                        sys.intern(origin.name),
                        share(origin.file),
                    ),
                )
            )
    return msgspec.structs.replace(kept.rest, exports=tuple(exports))
