"""What is being served: the whole mesh for the control side, compact entries for the data plane."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import msgspec
from immutables import Map

from globaldns.model.address import Address
from globaldns.model.export import Port
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState


class Answering(IntEnum):
    """How the data plane treats a host."""

    DATA = 0
    """Answer what it has; NODATA for other types."""
    PARTIAL = 1
    """The same, but SERVFAIL for addresses of a family of which it has none."""
    ADDRESSES = 2
    """Answer A, AAAA and PTR; SERVFAIL for other types (known from claims alone)."""
    FAILURE = 3
    """SERVFAIL for every type."""


ANSWERINGS = tuple(Answering)
"""By their numbers."""


class EntryPort(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A port as SRV records name it."""

    number: int
    name: str
    transport: str
    """``tcp``, ``udp`` or ``sctp``."""


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One host in the zones: what a data plane needs to answer for it, and no more."""

    host: Host
    zones: tuple[str, ...]
    """The zones it is in."""
    vips: tuple[Address, ...]
    """Also of a host that fails: nothing is known to be absent at their reverse names."""
    ports: tuple[EntryPort, ...]
    answering: Answering
    clusters: tuple[str, ...]
    changed_at: int
    """Unix seconds of the last change of what is answered."""
    rule: str


class Handover(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A VIP was answered for a host a short while ago: any other that gets it waits."""

    host: Host
    until: int
    """Unix seconds."""


class Waits(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What there is to know of answers that clients may keep, though they are given no more."""

    handovers: dict[Address, Handover] = {}
    """VIPs that were answered for a host that they stand for no longer."""
    length: int = 0
    """For how many seconds the answers of now may be kept."""
    larger_until: int = 0
    """Unix seconds when the last answer is gone that may be kept for longer than that."""


class ZoneDelta(msgspec.Struct, frozen=True, gc=False):
    """What changed in what is served, and no more."""

    serial: int
    """SOA serial of all zones (RFC 1982)."""
    complete: bool
    """Whether an absent name is known to be absent (NXDOMAIN), not merely unknown (SERVFAIL)."""
    puts: tuple[Entry, ...] = ()
    deletes: tuple[Host, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """The mesh as published under one serial; publishing shares all that did not change."""

    serial: int
    complete: bool
    services: Map[Host, Service]


_ANSWERING = {
    ServiceState.READY: Answering.DATA,
    ServiceState.NONE: Answering.DATA,
    ServiceState.PARTIAL: Answering.PARTIAL,
    ServiceState.CLAIMED: Answering.ADDRESSES,
}


_SHARED = 4096
"""Lists of ports and of clusters that are kept; most services have one of a few."""


@lru_cache(maxsize=_SHARED)
def _entry_ports(ports: tuple[Port, ...]) -> tuple[EntryPort, ...]:
    return tuple(EntryPort(port.number, port.name, port.transport.value) for port in ports)


@lru_cache(maxsize=_SHARED)
def _shared(clusters: tuple[str, ...]) -> tuple[str, ...]:
    return clusters


def is_same_answer(one: Entry, other: Entry) -> bool:
    """Whether two entries differ in the time of their last change at the most."""
    return msgspec.structs.replace(one, changed_at=other.changed_at) == other


def to_entry(service: Service) -> Entry:
    """Return what a data plane needs of a service."""
    answering = _ANSWERING.get(service.state, Answering.FAILURE)
    return Entry(
        host=service.host,
        zones=service.zones,
        vips=service.vips,
        ports=_entry_ports(service.ports),
        answering=answering,
        clusters=_shared(service.clusters),
        changed_at=service.changed_at,
        rule=service.rule,
    )
