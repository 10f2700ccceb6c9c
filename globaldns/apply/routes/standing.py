"""Our documents as they stand in the API server. Pure.

An object is ours where it has our mark with our cluster's id; no other is ever looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import compress, decompress

import msgspec

from globaldns.exports.marks import OWNED_BY
from globaldns.istio.former import routed_name
from globaldns.istio.replica import CLUSTER_DOMAIN
from globaldns.model.host import service_host
from globaldns.objects.kubernetes import Service
from globaldns.objects.metadata import ObjectKey, is_older

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


class StandingObjects:
    """All of them, by key and by what they are about."""

    def __init__(self) -> None:
        self._at: dict[ObjectKey, Standing] = {}
        self._of: dict[str, dict[ObjectKey, None]] = {}
        self._listing: dict[str, set[ObjectKey]] = {}
        """What the list of a kind that is under way has shown."""

    def __iter__(self) -> Iterator[Standing]:
        return iter(tuple(self._at.values()))

    def __len__(self) -> int:
        return len(self._at)

    def of(self, name: str) -> tuple[Standing, ...]:
        """Return those about a host with its zone, by key."""
        return tuple(self._at[key] for key in sorted(self._of.get(name, ())))

    def begin(self, kind: str) -> None:
        """Take all of a kind that is put from now on for all that there is, until ``complete``."""
        self._listing[kind] = set()

    def complete(self, kind: str) -> list[Standing]:
        """Forget what the list did not show, and return it."""
        shown = self._listing.pop(kind, set())
        gone = [one for one in self if one.key.kind == kind and one.key not in shown]
        for one in gone:
            self.drop(one.key)
        return gone

    def put(self, one: Standing) -> bool:
        """Take an object as it is; return whether that is news.

        One that is older than what is known is none, unless a list shows it: after etcd was
        restored versions begin again.
        """
        known, listing = self._at.get(one.key), self._listing.get(one.key.kind)
        if listing is not None:
            listing.add(one.key)
        elif known is not None and is_older(one.version, known.version):
            return False
        if known == one:
            return False
        self.drop(one.key)
        self._at[one.key] = one
        self._of.setdefault(one.name, {})[one.key] = None
        return True

    def remove(self, one: Standing) -> bool:
        """Take note that an object is gone; return whether that is news."""
        known = self._at.get(one.key)
        if known is None or is_older(one.version, known.version):
            return False
        self.drop(one.key)
        return True

    def drop(self, key: ObjectKey) -> None:
        """Forget an object."""
        known = self._at.pop(key, None)
        if known is not None:
            keys = self._of[known.name]
            del keys[key]
            if not keys:
                del self._of[known.name]

    def clear(self, kind: str) -> None:
        """Forget all of a kind."""
        for one in self:
            if one.key.kind == kind:
                self.drop(one.key)
        self._listing.pop(kind, None)
