"""The keys of how clients get from a VIP to endpoints: by an istiod, or by Envoys without one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from globaldns.config.kinds import (
    OR_ZERO,
    Label,
    Locality,
    NetworkId,
    Seconds,
    Section,
    ServerAddress,
    ZoneName,
)

MAX_RESOLVERS = 3
"""As in resolv.conf(5)."""


class Sni(StrEnum):
    """How a far gateway is told whom a connection is for."""

    CLIENT = "client"
    GATEWAY = "gateway"


class ProbeSettings(Section, frozen=True):
    """How the gateways of other networks are watched."""

    interval: Annotated[Seconds, Meta(ge=1, le=3600, extra={OR_ZERO: "never"})] = Seconds(5.0)
    """How often each is probed: down after three failures in a row, up after two successes. 0s:
    never, and all count as up; names are looked up all the same."""
    timeout: Annotated[Seconds, Meta(ge=0.1, le=60)] = Seconds(2.0)
    """How long a probe waits for an answer."""
    resolvers: Annotated[tuple[ServerAddress, ...], Meta(max_length=MAX_RESOLVERS)] = ()
    """DNS servers that are asked for gateways' names; default: those of /etc/resolv.conf."""
    certificate: Path | None = None
    """PEM file, read again when it changes: a certificate of the mesh, to shake hands with what is
    behind the gateway; default: a connection is enough."""
    key: Path | None = None
    """PEM file: the certificate's private key, without a passphrase."""
    authority: Path | None = None
    """PEM file: the mesh's root certificates."""


class RoutingSettings(Section, frozen=True):
    """How clients get from a VIP to endpoints, and what is written into our own cluster."""

    sni: Sni = Sni.CLIENT
    """client: callers name the far cluster's own Service, which every east-west gateway knows;
    gateway: they name the host, which a Gateway of ours knows in each cluster that exports it. So
    they do in any case where a ServiceEntry exports what is behind a gateway."""
    namespace: Label | None = None
    """Where routes are written whose own namespace does not exist; default: `namespace`."""
    direct_networks: tuple[NetworkId, ...] = ()
    """Networks whose addresses are reached from every other, without a gateway."""
    apply: bool = True
    """Write the routes of our own cluster into its API server, if it is read from there."""
    writes_per_second: Annotated[int, Meta(ge=1, le=1000)] = 50
    """Requests that create, replace or delete routes; what leads nowhere goes first."""
    weight_step_percent: Annotated[int, Meta(ge=0, le=100)] = 10
    """By how much of itself a gateway's share must have changed to be written."""
    trust_domain: ZoneName = ZoneName("cluster.local")
    """The mesh's trust domain: what its SPIFFE ids begin with."""
    replicate_services: bool = False
    """Have a Service without selector, and its namespace, in our own cluster for each exported one
    that it lacks: so name.namespace.svc.cluster.local resolves there too."""
    istio_revisions: tuple[Label, ...] = ()
    """Revisions of istiod: of each the mesh configuration, ConfigMap istio-REVISION, is read beside
    ConfigMap istio, for what of it hides routes."""
    probes: ProbeSettings = ProbeSettings()
    """How the gateways of other networks are watched."""
    status_writes_per_second: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Requests that create, update or delete GlobalServices; those that changed last come first."""


class EnvoySettings(Section, frozen=True):
    """Envoys that no istiod configures: beside Kubernetes, or in a mesh of nothing else."""

    directory: Path | None = None
    """Where the documents of our own cluster's Envoys are kept, in sidecar/ and gateway/; default:
    nowhere."""
    locality: Locality = Locality("")
    """Where clients are, region/zone: endpoints there come first, then those of the region."""
    gateway: ServerAddress = ServerAddress("0.0.0.0:15443")
    """Where a gateway listens."""
    certificate: Path = Path("/etc/certs/cert-chain.pem")
    """PEM file of an Envoy's certificate and chain, in a folder with its key: what is renamed into
    it has both read again."""
    key: Path = Path("/etc/certs/key.pem")
    """PEM file of the certificate's private key."""
    authority: Path = Path("/etc/certs/root-cert.pem")
    """PEM file of the mesh's root certificates."""
