"""One number for all that is served, equal on every instance that serves the same.

Hashed are lines of owner, type and record data, sorted: addresses and ports of hosts, and the names
of VIPs. What differs by design is left out: serials, name servers, explanations, and hosts that are
answered with Istio's own allocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec

from globaldns.model.address import Address, Family, Prefix, format_address
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState
from globaldns.registry.publishing import RULE_LOCAL, answered_vips
from globaldns.registry.vip import is_within

_OCTETS = 16
"""128 bits: nobody constructs two zones with one digest, they only have to be told apart."""


class Digest(msgspec.Struct, frozen=True, gc=False):
    """What two instances compare."""

    services: int
    """How many hosts there are."""
    zone: str
    """All records: hexadecimal."""
    vips: str
    """A, AAAA and PTR only: hexadecimal."""


def digest(
    services: Mapping[Host, Service], *, zones: Sequence[str], pools: Iterable[Prefix]
) -> Digest:
    """Return the digest of what is published; at 100,000 hosts this takes a second."""
    pools = tuple(pools)
    vips: list[str] = []
    others: list[str] = []
    for service in services.values():
        vips += _address_lines(service, zones, pools)
        others += _port_lines(service)
    return Digest(len(services), zone=_hash(vips + others), vips=_hash(vips))


def reverse_name(address: Address) -> str:
    """Return the owner of an address's PTR record (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    if len(address) == Family.IPV4:
        return ".".join(map(str, reversed(address))) + ".in-addr.arpa"
    return ".".join(reversed(address.hex())) + ".ip6.arpa"


def _hash(lines: list[str]) -> str:
    hashed = blake2b(digest_size=_OCTETS)
    for line in sorted(lines):
        hashed.update(line.encode())
        hashed.update(b"\n")
    return hashed.hexdigest()


def _address_lines(
    service: Service, zones: Sequence[str], pools: tuple[Prefix, ...]
) -> Iterator[str]:
    if service.rule == RULE_LOCAL:
        return
    for vip in answered_vips(service):
        kind = "A" if len(vip) == Family.IPV4 else "AAAA"
        for zone in service.zones:
            yield f"{service.host}.{zone} {kind} {format_address(vip)}"
        if service.zones and is_within(vip, pools):
            first = next(zone for zone in zones if zone in service.zones)
            yield f"{reverse_name(vip)} PTR {service.host}.{first}"


def _port_lines(service: Service) -> Iterator[str]:
    is_answered = service.state in (ServiceState.READY, ServiceState.PARTIAL)
    if not is_answered or service.rule == RULE_LOCAL:
        return
    for zone in service.zones:
        name = f"{service.host}.{zone}"
        for port in service.ports:
            yield f"_{port.name}._{port.transport.value}.{name} SRV {port.number} {name}"
