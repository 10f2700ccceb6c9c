"""To which endpoints each port of a service leads, the nearest first.

Standards:
    envoy.config.endpoint.v3.LocalityLbEndpoints   priorities count from 0, without a gap
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from globaldns.model.export import Export, Port, Transport
from globaldns.model.host import is_wildcard
from globaldns.model.service import Service
from globaldns.routing.horizon import Target, split
from globaldns.routing.topology import Topology, Viewer
from globaldns.routing.weights import reduced

_UNIX = "unix://"


class Member(msgspec.Struct, frozen=True, order=True):
    """One endpoint of a cluster."""

    address: str
    """An IP address or a domain name, or ``unix://`` and a path."""
    port: int
    """0 of a path."""
    weight: int
    locality: str = ""
    is_mutual: bool = False

    @property
    def path(self) -> str:
        """The path of a unix socket; empty if it is none."""
        return self.address.removeprefix(_UNIX) if self.address.startswith(_UNIX) else ""


Tier = tuple[Member, ...]
"""Endpoints that are equally near, with the smallest weights of their proportions."""


class Destination(msgspec.Struct, frozen=True):
    """What one port number of a service leads to."""

    port: Port
    """The oldest export's of this number."""
    tiers: tuple[Tier, ...]
    """The nearest first; none: nowhere."""


def find_destinations(
    service: Service, viewer: Viewer, topology: Topology, locality: str
) -> Iterator[Destination]:
    """Yield what each TCP port leads to, a port number once.

    Only exports with a port of that number count for it. A wildcard host has no name by which a
    gateway could know it, so that its endpoints are those in reach alone.
    """
    horizons: dict[tuple[str, ...], tuple[Target, ...]] = {}
    for number, ports in _by_number(service.ports).items():
        exports = tuple(one for one in service.contributions if _has(one, number))
        clusters = tuple(one.cluster for one in exports)
        if (targets := horizons.get(clusters)) is None:
            narrowed = msgspec.structs.replace(service, contributions=exports)
            targets = horizons[clusters] = split(narrowed, viewer, topology).targets
        if is_wildcard(service.host):
            targets = tuple(target for target in targets if not target.is_gateway)
        yield Destination(ports[0], _tiers(targets, ports, locality))


def _by_number(ports: Iterable[Port]) -> dict[int, list[Port]]:
    found: dict[int, list[Port]] = {}
    for port in ports:
        if port.transport is Transport.TCP:
            found.setdefault(port.number, []).append(port)
    return found


def _has(export: Export, number: int) -> bool:
    return any(port.number == number and port.transport is Transport.TCP for port in export.ports)


def _tiers(targets: Sequence[Target], ports: Sequence[Port], locality: str) -> tuple[Tier, ...]:
    tiers: dict[tuple[int, int], list[Target]] = defaultdict(list)
    for target in targets:
        tiers[target.rank, farness(target.locality, locality)].append(target)
    return tuple(
        tuple(to_member(target, ports) for target in reduced(tiers[key])) for key in sorted(tiers)
    )


def farness(locality: str, own: str) -> int:
    """Return 0 for the same zone, 1 for the same region, 2 for another; 0 where ours is unknown."""
    if not own:
        return 0
    region, zone = _region_and_zone(locality)
    own_region, own_zone = _region_and_zone(own)
    if region != own_region:
        return 2
    return 0 if zone == own_zone else 1


def _region_and_zone(locality: str) -> tuple[str, str]:
    region, zone, *_ = (*locality.split("/"), "", "")
    return region, zone


def to_member(target: Target, ports: Sequence[Port]) -> Member:
    """Return a target as the endpoint of a port, which exports may name differently."""
    number = ports[0].number
    if target.is_gateway:
        number = target.gateway_port
    elif target.ports:
        own = dict(target.ports)
        number = next((own[port.name] for port in ports if port.name in own), number)
    return Member(
        target.address,
        0 if target.address.startswith(_UNIX) else number,
        target.weight,
        target.locality,
        target.is_mutual,
    )
