"""Our entry in the list of OpenShift's DNS operator.

``spec.servers`` of ``dnses.operator.openshift.io/default`` is one list, which the operator renders
into a Corefile that nobody else may edit. The entry of our name is ours if we are known to have
written it; all others are left as they are, and in their order.

Source: https://docs.openshift.com/container-platform/latest/networking/networking_operators/dns-operator.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from globaldns.coredns.stub import Stub, refuse_fallthrough
from globaldns.errors import StubError
from globaldns.model.host import fold

NAME = "globaldns"
ENTRY = "spec.servers: globaldns"
"""Fingerprint of our entry: its name tells it, whatever the operator or people change in it."""
LIST = "spec.servers"
"""Fingerprint of a list that was not there before us."""
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


def fingerprints(
    before: Servers | None, after: Servers, known: Collection[str] = ()
) -> frozenset[str]:
    """Return what tells our entry again once there is none of another's of its name."""
    if not any(map(_has_name, after)):
        return frozenset()
    came = {ENTRY} if not any(map(_has_name, before or ())) else set[str]()
    made = {LIST} if before is None else set[str]()
    return frozenset(came | made | {ENTRY, LIST}.intersection(known))


def alike(servers: Servers | None, stub: Stub, *, or_named: bool = False) -> frozenset[str]:
    """Return the fingerprint of an entry of our name that says what ours would.

    ``or_named``: or says whatever it does.

    Raises:
        StubError: the operator cannot be told what the stub says.
    """
    ours = server_entry(stub)
    named = [server for server in servers or () if _has_name(server)]
    return frozenset({ENTRY} if any(or_named or _says(one, ours) for one in named) else ())


def servers_of(servers: Servers, domain: str) -> list[str] | None:
    """Return where a domain is sent, whoever wrote it; None: nowhere."""
    for server in servers:
        if domain in map(fold, server.get("zones") or ()):
            return [*((server.get("forwardPlugin") or {}).get("upstreams") or ())]
    return None


def install(
    servers: Servers | None, stub: Stub, known: Collection[str] = ()
) -> list[Mapping[str, Any]]:
    """Return the list with our entry, which is last unless it stands elsewhere already.

    What the API server added to our entry stays. The list is the same where somebody else's entry
    says what ours would.

    Raises:
        StubError: another entry has a zone of ours; code ``user-owned``.
    """
    ours, standing = server_entry(stub), list(servers or ())
    is_there = ENTRY in known and any(map(_has_name, standing))
    others = [one for one in standing if not (is_there and _has_name(one))]
    if not is_there and any(_says(one, ours) for one in others):
        return standing
    _check_others(others, set(stub.domains))
    if not is_there:
        return [*standing, ours]
    return [_corrected(one, ours) if _has_name(one) else one for one in standing]


def remove(servers: Servers, known: Collection[str] = ()) -> list[Mapping[str, Any]] | None:
    """Return the list without our entry; None: the list was ours alone, and goes."""
    left = [server for server in servers if not (ENTRY in known and _has_name(server))]
    return left if left or LIST not in known else None


def _check_others(servers: Servers, zones: Collection[str]) -> None:
    for server in servers:
        taken = set(zones).intersection(map(fold, server.get("zones") or ()))
        if taken:
            raise StubError(
                f"spec.servers: {server.get('name')!r} has zone {min(taken)}",
                code=_CODE,
                hint="remove the zone there",
            )
        if _has_name(server):
            raise StubError(
                f"spec.servers: an entry {NAME} that is not ours",
                code=_CODE,
                hint="give it another name, or adopt it: globaldns stub install --adopt",
            )


def _corrected(server: Mapping[str, Any], ours: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry that says what ours does, with what it has besides."""
    forward = {**(server.get("forwardPlugin") or {}), **ours["forwardPlugin"]}
    return {**server, **ours, "forwardPlugin": forward}


def _says(server: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether an entry, of whatever name, says what ours does."""
    named = {**server, "name": NAME}
    return _corrected(named, ours) == named


def _has_name(server: Mapping[str, Any]) -> bool:
    return server.get("name") == NAME
