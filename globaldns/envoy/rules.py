"""What documents obey beside the mesh itself."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.config.routing import Sni


class Role(StrEnum):
    """What an Envoy is for."""

    SIDECAR = "sidecar"
    """Beside clients: it carries what is sent to VIPs."""
    GATEWAY = "gateway"
    """At a network's edge: it lets in what other networks send."""
    WORKLOAD = "workload"
    """In front of an application."""


class Credentials(msgspec.Struct, frozen=True):
    """PEM files by which an Envoy shows who it is and tells who others are, as it sees them."""

    certificate: str
    """Its certificate and chain; what is renamed into its folder has both of them read again."""
    key: str
    authority: str
    """The mesh's root certificates."""


class EnvoyRules(msgspec.Struct, frozen=True):
    """How the Envoys of one cluster are configured."""

    cluster: str
    folder: str
    """Where an Envoy finds its documents, absolute."""
    credentials: Credentials
    trust_domain: str
    sni: Sni = Sni.CLIENT
    locality: str = ""
    """``region/zone/subzone`` of clients; empty: none is nearer than another."""
    gateway: tuple[str, int] = ("0.0.0.0", 15443)  # noqa: S104  # what a gateway is for
    """Address and port on which a gateway listens."""
