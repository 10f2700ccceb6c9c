"""What the API serves and the command line prints, as JSON: addresses as text, times RFC 3339.

One struct per resource. A command prints the same struct whether it came from a server or was built
from the files.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Report(Struct, frozen=True):
    """A JSON object of the API; fields are only ever added."""


class PortReport(Report, frozen=True, gc=False):
    """A port of a service."""

    number: int
    name: str
    protocol: str
    transport: str


class ContributionReport(Report, frozen=True):
    """What one cluster adds to a service."""

    cluster: str
    object: str
    """``Kind namespace/name``."""
    file: str
    created_at: str | None
    endpoints: int
    ready: int


class ConflictReport(Report, frozen=True, gc=False):
    """Two exports that cannot both be true."""

    host: str
    rule: str
    winner_cluster: str
    winner: str
    loser_cluster: str
    loser: str
    detail: str


class ServiceReport(Report, frozen=True):
    """What a host is in the whole mesh."""

    host: str
    """Without a zone: ``reviews.bookinfo``."""
    names: tuple[str, ...]
    """What is asked over DNS: the host in each of its zones."""
    state: str
    rule: str
    vips: tuple[str, ...]
    would_get: tuple[str, ...]
    """Addresses that it has once they are remembered; empty for a host that has its number."""
    clusters: tuple[str, ...]
    endpoints: int
    ready: int
    ports: tuple[PortReport, ...]
    allocated_at: str | None
    """Since when it has its VIP."""
    changed_at: str
    """When what is answered changed last."""
    contributions: tuple[ContributionReport, ...]
    conflicts: tuple[ConflictReport, ...]


class ConflictList(Report, frozen=True):
    """All conflicts, by host."""

    items: tuple[ConflictReport, ...]


class ServicePage(Report, frozen=True, omit_defaults=True):
    """Some services in the order of their hosts."""

    items: tuple[ServiceReport, ...]
    next: str | None = None
    """What to pass as ``continue=`` for the next page; absent on the last."""


class ClaimReport(Report, frozen=True, gc=False):
    """A cluster's word that a host has a VIP."""

    host: str
    vip: str
    cluster: str
    kind: str
    allocated_at: str
    retired_at: str | None
    reason: str


class VipReport(Report, frozen=True):
    """A VIP with all that is claimed about it."""

    vip: str
    state: str
    """``held``; ``lost`` where every claim on it is void or lost to another; ``resting`` or
    ``released`` where all are retired."""
    host: str
    """Its holder; of a VIP without one, the host that had it last."""
    holder: str
    """The cluster by whose claim the host has it; empty where none has."""
    kind: str
    since: str
    """When it was allocated, or retired where nobody holds it."""
    clusters: tuple[str, ...]
    """Those whose claim is not retired."""
    claims: tuple[ClaimReport, ...]
    """Oldest first."""


class PoolReport(Report, frozen=True, gc=False):
    """How full a pool is; ``size`` is the sum of what follows it."""

    pool: str
    size: int
    held: int
    resting: int
    reserved: int
    free: int


class VipPage(Report, frozen=True, omit_defaults=True):
    """Some VIPs in numerical order, IPv4 first, and every pool."""

    pools: tuple[PoolReport, ...]
    items: tuple[VipReport, ...]
    next: str | None = None
    """What to pass as ``continue=`` for the next page; absent on the last."""


class MoveReport(Report, frozen=True, gc=False):
    """A host whose VIPs change."""

    host: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    reason: str


class GatewayReport(Report, frozen=True, gc=False):
    """A network's way in from outside."""

    network: str
    address: str
    port: int


class ClusterReport(Report, frozen=True):
    """How a source stands and what it says."""

    cluster: str
    own: bool
    source: str
    state: str
    reason: str
    contact: str | None
    """The last proof that its view is current."""
    fenced: bool
    network: str
    exports: int
    gateways: tuple[GatewayReport, ...]


class ClusterList(Report, frozen=True):
    """Every configured cluster, by id."""

    items: tuple[ClusterReport, ...]


class DigestReport(Report, frozen=True, gc=False):
    """Hashes of what is served, equal on every instance that serves the same."""

    serial: int
    services: int
    zone: str
    vips: str


class ReloadReport(Report, frozen=True, gc=False):
    """How the last reading of the configuration file went."""

    at: str
    accepted: bool
    problems: tuple[str, ...] = ()
    restart_needed: tuple[str, ...] = ()
    """Keys whose new value waits for a restart."""


class ConfigReport(Report, frozen=True):
    """The configuration in force, secrets left out."""

    path: str
    cluster: str
    reload: ReloadReport
    config: dict[str, Any]
    """As the file would say it with every default written out."""
