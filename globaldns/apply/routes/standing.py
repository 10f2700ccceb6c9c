"""Our documents as they stand in the API server. Pure.

An object is ours where it has our mark with our cluster's id; no other is ever looked at.
"""

from __future__ import annotations

from typing import Any
from zlib import compress, decompress

import msgspec

from globaldns.apply.known import KnownObjects
from globaldns.exports.marks import OWNED_BY
from globaldns.istio.former import routed_name
from globaldns.istio.replica import CLUSTER_DOMAIN
from globaldns.model.host import service_host
from globaldns.objects.kubernetes import Service
from globaldns.objects.metadata import ObjectKey

Document = dict[str, Any]
_LEVEL = 1
"""Of compression: a fifth of the size, in 20 microseconds."""


def key_of(document: Document) -> ObjectKey:
    """Return which object a document is."""
    metadata = document["metadata"]
    return ObjectKey(document["kind"], metadata.get("namespace", ""), metadata["name"])


def is_ours(document: Document) -> bool:
    """Whether a document has our mark."""
    return OWNED_BY in (document["metadata"].get("labels") or {})


class Standing(msgspec.Struct, frozen=True, gc=False):
    """One object as it was seen last; packed, for there may be hundreds of thousands."""

    key: ObjectKey
    name: str
    """The host, with its zone, that it is about; of a replicated Service its own name; empty: it is
    about no single one."""
    version: str
    """Its ``resourceVersion``."""
    is_leaving: bool
    """Whether it is being deleted."""
    packed: bytes
    """The object in JSON, without what servers note of its writers, compressed."""

    @property
    def document(self) -> Document:
        """The object."""
        found: Document = msgspec.json.decode(decompress(self.packed))
        return found


def read_standing(kind: str, data: bytes | msgspec.Raw, cluster: str) -> Standing | None:
    """Return an object of a kind as a server writes it; None: it is not ours, or cannot be read."""
    try:
        # A list of a core kind says neither of its items.
        head = {"apiVersion": "v1", "kind": kind}
        document = head | msgspec.json.decode(data, type=dict[str, Any])
        metadata = document["metadata"]
        key = ObjectKey(kind, metadata["namespace"], metadata["name"])
        if (metadata.get("labels") or {}).get(OWNED_BY) != cluster:
            return None
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return None
    metadata.pop("managedFields", None)
    return Standing(
        key,
        named(key, document.get("spec")),
        str(metadata.get("resourceVersion", "")),
        "deletionTimestamp" in metadata,
        compress(msgspec.json.encode(document), _LEVEL),
    )


def named(key: ObjectKey, spec: object) -> str:
    """Return the host, with its zone, that an object is about; empty: no single one."""
    if key.kind == Service.kind:
        return f"{service_host(key.name, key.namespace)}.{CLUSTER_DOMAIN}"
    if not isinstance(spec, dict):
        return ""
    hosts = spec.get("hosts")
    found = hosts[0] if isinstance(hosts, list) and hosts else spec.get("host", "")
    return routed_name(found) if isinstance(found, str) else ""


class StandingObjects(KnownObjects[ObjectKey, str, Standing]):
    """All of them, by key and by the host with its zone."""

    def __init__(self) -> None:
        super().__init__(lambda one: one.key, lambda one: one.name, lambda one: one.key.kind)

    def about(self, subject: str) -> tuple[Standing, ...]:
        """Return those about a host with its zone, by key."""
        return tuple(sorted(super().about(subject), key=lambda one: one.key))
