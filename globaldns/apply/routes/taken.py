"""Names of our documents that objects of others have, which are never overwritten. Pure."""

from __future__ import annotations

import msgspec

from globaldns.apply.routes.standing import Document, key_of, named
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.notices import Code, Notice
from globaldns.objects.metadata import ObjectKey


class Holder(msgspec.Struct, frozen=True):
    """An object that is not ours."""

    key: ObjectKey
    owner: str
    """The cluster whose mark it has; empty: it has none."""


class _Metadata(msgspec.Struct):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class _Head(msgspec.Struct):
    metadata: _Metadata


_decoder = msgspec.json.Decoder(_Head)


def read_holder(kind: str, data: bytes | msgspec.Raw, cluster: str) -> Holder | None:
    """Return an object of a kind as a server writes it; None: it is ours, or cannot be read."""
    try:
        metadata = _decoder.decode(data).metadata
    except msgspec.MsgspecError:
        return None
    owner = (metadata.labels or {}).get(OWNED_BY, "")
    key = ObjectKey(kind, metadata.namespace, metadata.name)
    return None if owner == cluster else Holder(key, owner)


def tell_taken(holder: Holder, document: Document) -> Notice:
    """Return what is told of a document that cannot be written."""
    key = key_of(document)
    whose = f"has the mark of cluster {holder.owner}" if holder.owner else "has no mark of ours"
    hint = "delete it, or give it another name"
    if holder.owner:
        hint = (
            f"delete it; where a globaldns of {holder.owner} writes into this cluster too, have "
            "only one of them do so"
        )
    return Notice(
        named(key, document.get("spec")),
        Code.TAKEN_NAME,
        f"{key} stands there already and {whose}: it is left alone, and no route is written",
        hint,
    )
