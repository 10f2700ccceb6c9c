"""What a place that tells a cluster's DNS says of our zones, and why it is not read.

CoreDNS goes on with what it read before where it cannot read a change, and does not start with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from globaldns.coredns import kubedns, openshift, rke2
from globaldns.coredns.corefile import Block, Corefile, parse_corefile, refusal
from globaldns.coredns.rendering import Surroundings
from globaldns.coredns.stub import Stub
from globaldns.coredns.surroundings import find_twice, keys_of, surroundings_of
from globaldns.coredns.targets import Object, Shape, Target, value_at
from globaldns.coredns.zones import DEFAULT_PORT, Key
from globaldns.errors import StubError

DUPLICATE = "duplicate"
PORT = "port"
SYNTAX = "syntax"
_TRANSPORT = "dns://"
_USUAL_PORT = ":53"
_TWICE = {"code": DUPLICATE, "hint": "remove one of the two: CoreDNS does not start with both"}


class Said(msgspec.Struct, frozen=True):
    """What a place says."""

    servers: tuple[str, ...] | None = None
    """Where our zones are sent, port 53 left out; None: it says nothing of one of them."""
    fault: StubError | None = None
    """Why the server cannot read it, or does not as it is meant."""


def inspect(target: Target, standing: Object | None, stub: Stub, base: str = "") -> Said:
    """Return what an object says; ``base`` is the Corefile that says where CoreDNS listens."""
    value = None if standing is None else value_at(target, standing)
    try:
        match target.shape:
            case Shape.COREFILE:
                return _inspect_texts({"": value or ""}, "", stub)
            case Shape.CUSTOM:
                texts = {"Corefile": base, **_imported(target, value)}
                return _inspect_texts(texts, "Corefile", stub)
            case Shape.STUB_DOMAINS:
                return Said(_united(kubedns.servers_of(value, name) for name in stub.names))
            case Shape.OPENSHIFT:
                return Said(_united(openshift.servers_of(value or (), name) for name in stub.names))
            case Shape.HELM_VALUES:
                return _inspect_values(value or "", stub)
    except StubError as error:
        return Said(fault=error)


def _inspect_texts(texts: Mapping[str, str], base: str, stub: Stub) -> Said:
    """Return what texts say; that of the name ``base`` has the root zone.

    Where it is at no port that we would choose, a person chose one for ours, and any is right.
    """
    corefiles = {name: _parse(name, text) for name, text in texts.items()}
    if twice := find_twice(corefiles):
        name, block, key = twice
        reason = f"zone {key.zone} a second time"
        return Said(fault=_named(name, refusal(texts[name], block.start, reason, **_TWICE)))
    at = None
    with suppress(StubError):  # what could be parsed may still not say where our blocks go
        at = surroundings_of(corefiles[base])
    keys = keys_of(stub, at or Surroundings())[: len(stub.names)]
    blocks = [block for corefile in corefiles.values() for block in corefile.blocks]
    said = [_say_of(own, blocks) for own in keys]
    fault = next((one.fault for one in said if one.fault), None) if at else None
    return Said(_united(one.servers for one in said), fault)


def _inspect_values(values: str, stub: Stub) -> Said:
    if twice := rke2.find_twice(values):
        zone, line = twice
        return Said(fault=StubError(f"zone {zone} a second time", line=line, column=1, **_TWICE))
    return Said(_united(rke2.servers_of(values, name) for name in stub.names))


def _say_of(own: Key, blocks: Collection[Block]) -> Said:
    """Return what blocks say of one zone."""
    for block in blocks:
        if any(key.may_equal(own) for key in block.zones):
            return Said(tuple(_forwarded(block)))
    for block in blocks:
        for key in block.zones:
            if key.zone == own.zone:
                at = key.port or DEFAULT_PORT
                reason = f"zone {key.zone} is at port {at}, and the root zone is not"
                hint = "write the port of the root zone's block"
                fault = StubError(reason, code=PORT, line=block.line, column=1, hint=hint)
                return Said(tuple(_forwarded(block)), fault)
    return Said()


def _parse(name: str, text: str) -> Corefile:
    try:
        return parse_corefile(text)
    except StubError as error:
        raise _named(name, error) from None


def _named(name: str, error: StubError) -> StubError:
    return StubError(f"{name}: {error}", code=error.code, hint=error.hint) if name else error


def _imported(target: Target, data: Any) -> dict[str, str]:
    ending = target.key[target.key.index(".") :]
    return {name: text for name, text in (data or {}).items() if name.endswith(ending)}


def _united(found: Iterable[Iterable[str] | None]) -> tuple[str, ...] | None:
    """Return where all of some zones are sent; None: one of them nowhere."""
    servers: dict[str, None] = {}
    for some in found:
        if some is None:
            return None
        servers |= dict.fromkeys(map(_bare, some))
    return tuple(servers)


def _forwarded(block: Block) -> Iterator[str]:
    for directive in block.directives:
        if directive.name in {"forward", "proxy"}:
            _name, _zone, *servers = directive.lines[0]
            yield from (server for server in servers if server != "{")
            return


def _bare(server: str) -> str:
    address = server.removeprefix(_TRANSPORT)
    if address.count(":") == 1 or address.startswith("["):
        address = address.removesuffix(_USUAL_PORT)
    return address.strip("[]") if address.endswith("]") else address
