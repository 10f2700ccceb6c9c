"""What one cluster offers under a host."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.model.address import Address
from globaldns.model.host import Host


class Transport(StrEnum):
    """The transport of a port: the ``_proto`` label of its SRV records (RFC 2782)."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


HTTP = frozenset({"HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB"})
"""Protocols that are told apart by authority (Istio pkg/config/protocol IsHTTP)."""
TLS = frozenset({"HTTPS", "TLS"})
"""Protocols that are told apart by server name (IsTLS)."""


class Port(msgspec.Struct, frozen=True, order=True, gc=False):
    """A port of a service, as clients name it."""

    number: int
    name: str
    protocol: str = ""
    """Istio's protocol, upper case; empty where it is to be sniffed."""
    transport: Transport = Transport.TCP

    @property
    def is_routed_by_address(self) -> bool:
        """Whether a sidecar knows whom a connection is for by its address."""
        return self.transport is Transport.TCP and self.protocol not in HTTP | TLS


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """Where bytes can be sent."""

    address: str
    """An IP address, a DNS name, or ``unix://`` and a path."""
    ports: tuple[tuple[str, int], ...] = ()
    """Port name to the endpoint's own number; a port that is missing has the service's number."""
    network: str = ""
    locality: str = ""
    """``region/zone/subzone``."""
    weight: int = 0
    """0: unset, which counts as 1."""
    ready: bool = True
    labels: tuple[tuple[str, str], ...] = ()
    service_account: str = ""


class Gateway(msgspec.Struct, frozen=True, order=True, gc=False):
    """A network's way in from outside."""

    network: str
    address: str
    """An IP address or, where the load balancer has nothing else, a DNS name."""
    port: int
    cluster: str


class GatewayService(msgspec.Struct, frozen=True, order=True, gc=False):
    """A Service that is labelled as the way into a network."""

    namespace: str
    name: str
    network: str
    gateways: tuple[Gateway, ...] = ()
    """What it is, or was last where it has no address now; none: no address of it is known."""


class ExportKind(StrEnum):
    """What made an export; a ServiceEntry beats a Service."""

    SERVICE_ENTRY = "ServiceEntry"
    SERVICE = "Service"
    ROUTE = "Route"
    """A hand-written entry that leads to gateways: it pins its VIP and offers no endpoints."""


class Resolution(StrEnum):
    """ServiceEntry ``resolution`` (Istio networking API)."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


class Location(StrEnum):
    """ServiceEntry ``location`` (Istio networking API)."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """The object that something was read from."""

    kind: str
    namespace: str
    name: str
    file: str = ""
    """Path of the manifest, relative to the source's directory; empty from an API server."""

    def __str__(self) -> str:
        """Return ``Kind namespace/name``."""
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )


class Rival(msgspec.Struct, frozen=True, order=True, gc=False):
    """Another object of the same cluster that offers the same host, and has lost."""

    origin: Origin
    rule: str
    """Why it has lost, in words."""


class Export(msgspec.Struct, frozen=True, gc=False):
    """What one cluster offers under one host; a cluster has at most one per host."""

    cluster: str
    host: Host
    kind: ExportKind
    origin: Origin
    created_at: int | None = None
    """``creationTimestamp`` in Unix seconds; None counts as newest."""
    zones: tuple[str, ...] = ()
    """The zones it is in; empty: all that are served (a Service)."""
    ports: tuple[Port, ...] = ()
    pins: tuple[Address, ...] = ()
    """Addresses that a person wrote."""
    local_addresses: tuple[Address, ...] = ()
    """Istio's own allocation, only with ``exports.istio_addresses: local``."""
    endpoints: tuple[Endpoint, ...] = ()
    resolution: Resolution = Resolution.STATIC
    location: Location = Location.MESH_INTERNAL
    rivals: tuple[Rival, ...] = ()
    subject_alt_names: tuple[str, ...] = ()
    """Whom a person's entry has its clients accept; empty: any workload of the mesh."""

    @property
    def age_key(self) -> tuple[float, str, str, str]:
        """Sort key of "older": creation time (None last), cluster, namespace, name."""
        created = float("inf") if self.created_at is None else self.created_at
        return (created, self.cluster, self.origin.namespace, self.origin.name)
