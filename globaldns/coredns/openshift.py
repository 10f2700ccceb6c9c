"""Our entry in the list of OpenShift's DNS operator.

``spec.servers`` of ``dnses.operator.openshift.io/default`` is one list, which the operator renders
into a Corefile that nobody else may edit. The entry of our name is ours; all others are left as
they are, and in their order.

Source: https://docs.openshift.com/container-platform/latest/networking/networking_operators/dns-operator.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from globaldns.coredns.stub import Stub, refuse_fallthrough
from globaldns.errors import StubError
from globaldns.model.host import fold

NAME = "globaldns"
_CODE = "user-owned"

Servers = Sequence[Mapping[str, Any]]


def server_entry(stub: Stub) -> dict[str, Any]:
    """Return our entry.

    Raises:
        StubError: the operator cannot be told what the stub says; code ``build``.
    """
    refuse_fallthrough(stub, "the operator's CoreDNS")
    forward = {
        "upstreams": list(stub.targets),
        "protocolStrategy": "TCP" if stub.force_tcp else "",
    }
    return {"name": NAME, "zones": list(stub.domains), "forwardPlugin": forward}


def install(servers: Servers, stub: Stub) -> list[Mapping[str, Any]]:
    """Return the list with our entry, which is last unless it stands elsewhere already.

    What the API server added to our entry stays.

    Raises:
        StubError: another entry has a zone of ours; code ``user-owned``.
    """
    ours = server_entry(stub)
    zones = set(stub.domains)
    for server in servers:
        taken = zones.intersection(map(fold, server.get("zones") or ()))
        if taken and not _is_ours(server):
            raise StubError(
                f"spec.servers: {server.get('name')!r} has zone {min(taken)}",
                code=_CODE,
                hint="remove the zone there",
            )
    changed = [_corrected(server, ours) for server in servers]
    return changed if any(map(_is_ours, servers)) else [*changed, ours]


def remove(servers: Servers) -> list[Mapping[str, Any]]:
    """Return the list without our entry."""
    return [server for server in servers if not _is_ours(server)]


def _corrected(server: Mapping[str, Any], ours: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return our entry as it should be, with what it has besides; any other as it is."""
    if not _is_ours(server):
        return server
    forward = {**(server.get("forwardPlugin") or {}), **ours["forwardPlugin"]}
    return {**server, **ours, "forwardPlugin": forward}


def _is_ours(server: Mapping[str, Any]) -> bool:
    return server.get("name") == NAME
