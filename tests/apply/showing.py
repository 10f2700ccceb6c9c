"""Builders for what GlobalServices are told, and for what stands in a cluster."""

from __future__ import annotations

from typing import Any

import msgspec

from globaldns.apply.conditions import Condition
from globaldns.apply.facts import Facts, Part, PartState, collect
from globaldns.apply.seen import Seen, read_seen
from globaldns.apply.status import Status, decode_status, write_status
from globaldns.model.host import Host
from globaldns.registry.registry import Registry

NOW = 1767323045
"""2026-01-02T03:04:05Z."""


def facts(registry: Registry, host: str = "a.ns", *, complete: bool = True, **known: Any) -> Facts:
    found = collect(registry, Host(host), is_complete=complete)
    return msgspec.structs.replace(found, **known)


def part(
    cluster: str = "west",
    state: PartState = PartState.SYNCED,
    *,
    contact: int | None = NOW,
    source: PartState | None = None,
) -> Part:
    fresh = PartState.SYNCED if state is PartState.FENCED else state
    return Part(cluster, state, 4, 3, contact, is_counted=True, source=source or fresh)


def write(
    told: Facts, former: Status | None = None, *, generation: int = 1, now: int = NOW
) -> Status:
    return write_status(told, former or Status(), generation=generation, now=now)


def stored(status: Status) -> Status:
    """Return a status as it is read again."""
    return decode_status(msgspec.json.encode(status))


def condition(status: Status, name: str) -> Condition:
    found = status.condition(name)
    assert found is not None
    return found


def manifest(name: str, namespace: str = "ns", *, mark: str = "", **more: Any) -> dict[str, Any]:
    """Return a GlobalService; ``mark`` is the cluster that wrote it."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if mark:
        metadata["labels"] = {"globaldns.io/owned-by": mark}
    if more.pop("blank", False):
        metadata["labels"] = metadata.get("labels", {}) | {"globaldns.io/blank": "true"}
    if host := more.pop("host", ""):
        metadata["annotations"] = {"globaldns.io/host": host}
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": "GlobalService",
        "metadata": metadata,
        **more,
    }


def seen(name: str, namespace: str = "ns", *, version: int = 1, **more: Any) -> Seen:
    """Return what is seen of such an object in the cluster east."""
    written = manifest(name, namespace, **more)
    written["metadata"]["resourceVersion"] = str(version)
    found = read_seen(msgspec.json.encode(written), "east")
    assert found is not None
    return found
