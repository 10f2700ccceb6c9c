"""What a cluster's DNS is to be told: which names are ours, and where we answer."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_address, ip_network

import msgspec

from globaldns.coredns.zones import reverse_zones
from globaldns.errors import InvalidAddress, StubError
from globaldns.model.address import parse_address

MAX_SERVERS = 15
"""Of CoreDNS's forward, and of OpenShift's operator."""
_DNS_PORT = 53
_MAX_PORT = 65535
_BROADCAST = ip_address("255.255.255.255")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_CODE = "stub"


class Foreign(StrEnum):
    """What becomes of names in a zone of ours that are not ours."""

    NXDOMAIN = "nxdomain"
    """They do not exist: the zone is ours alone."""
    FALLTHROUGH = "fallthrough"
    """Whoever is asked for all other names is asked next."""


class Server(msgspec.Struct, frozen=True):
    """Where we answer."""

    address: str
    """An IP address."""
    port: int = _DNS_PORT

    def __str__(self) -> str:
        """Return it as CoreDNS, kube-dns and OpenShift read it; port 53 goes without saying."""
        if self.port == _DNS_PORT:
            return self.address
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class StubZone(msgspec.Struct, frozen=True):
    """A zone of ours."""

    name: str
    """Lower case, without a dot at the end."""
    foreign: Foreign = Foreign.NXDOMAIN
    namespaces: tuple[str, ...] = ()
    """Only these of it: ``ns1`` is ``ns1.global``; none: all of it."""

    @property
    def names(self) -> tuple[str, ...]:
        """What of it is sent to us."""
        return tuple(f"{part}.{self.name}" for part in self.namespaces) or (self.name,)


class Stub(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told, in whatever shape."""

    zones: tuple[StubZone, ...]
    servers: tuple[Server, ...]
    """All addresses of our Service."""
    reverse: tuple[str, ...] = ()
    """CIDRs of VIPs whose names we have too."""
    cache_seconds: int = 30
    """How long answers are kept at most; 0: not at all."""
    force_tcp: bool = False

    def __post_init__(self) -> None:
        """Refuse what no shape can say.

        Raises:
            StubError: code ``stub``.
        """
        if not self.zones or not self.servers or len(self.servers) > MAX_SERVERS:
            raise StubError(
                f"{len(self.zones)} zones at {len(self.servers)} servers",
                code=_CODE,
                hint=f"name a zone, and 1 to {MAX_SERVERS} servers",
            )
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise StubError(
                    f"{name!r} is no zone",
                    code=_CODE,
                    hint="write it in lower case, without a dot at its end",
                )
        for server in self.servers:
            _check_server(server)
        for cidr in self.reverse:
            _check_cidr(cidr)

    @property
    def names(self) -> tuple[str, ...]:
        """The zones of hosts that are ours."""
        return tuple(name for zone in self.zones for name in zone.names)

    @property
    def falling(self) -> tuple[str, ...]:
        """The zones whose foreign names are asked for elsewhere."""
        return tuple(zone.name for zone in self.zones if zone.foreign is Foreign.FALLTHROUGH)

    @property
    def policies(self) -> dict[Foreign, tuple[str, ...]]:
        """Names by what becomes of foreign ones beside them, with CIDRs of VIPs behind the first.

        So addresses without a name of ours have none wherever any zone is ours alone.
        """
        names = {
            foreign: tuple(
                name for zone in self.zones if zone.foreign is foreign for name in zone.names
            )
            for foreign in Foreign
        }
        told = {foreign: ours for foreign, ours in names.items() if ours}
        first = next(iter(told))
        return {**told, first: (*told[first], *self.reverse)}

    @property
    def reverse_zones(self) -> tuple[str, ...]:
        """The zones of addresses that are ours."""
        return tuple(zone for cidr in self.reverse for zone in reverse_zones(cidr))

    @property
    def domains(self) -> tuple[str, ...]:
        """All that is ours."""
        return (*self.names, *self.reverse_zones)

    @property
    def targets(self) -> tuple[str, ...]:
        """The servers as text."""
        return tuple(map(str, self.servers))


def refuse_fallthrough(stub: Stub, who: str) -> None:
    """Refuse what only CoreDNS can do: to ask others for names that are not ours.

    Raises:
        StubError: the stub says so; code ``build``.
    """
    if stub.falling:
        raise StubError(
            f"{who} asks the servers of a zone for all of it: {', '.join(stub.falling)}",
            code="build",
            hint="choose namespaces in place of foreign: fallthrough",
        )


def _check_server(server: Server) -> None:
    try:
        parse_address(server.address)
    except InvalidAddress as error:
        raise StubError(
            str(error), code=_CODE, hint="write the address of a Service, not its name"
        ) from None
    address = ip_address(server.address)
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise StubError(
            f"nobody answers at {address}", code=_CODE, hint="write the address of a Service"
        )
    if not 0 < server.port <= _MAX_PORT:
        raise StubError(f"{server.port} is no port", code=_CODE, hint="write 1 to 65535")


def _check_cidr(cidr: str) -> None:
    try:
        ip_network(cidr)
    except ValueError:
        raise StubError(f"{cidr!r} is no CIDR", code=_CODE, hint="write it as a pool") from None
