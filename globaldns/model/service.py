"""The merged thing that a host names in the whole mesh."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from globaldns.model.address import Address
from globaldns.model.export import Export, Origin, Port
from globaldns.model.host import Host
from globaldns.model.lost import Standing


class ServiceState(StrEnum):
    """Whether and why a service is answered; all but the first four are SERVFAIL."""

    READY = "ready"
    PARTIAL = "partial"
    """Answered with what it has; it is to have a VIP of another family, which is not remembered."""
    CLAIMED = "claimed"
    """No exporter's source has spoken in this run; addresses are answered from claims alone."""
    NONE = "none"
    """A ``NONE`` entry: known, and without addresses (NODATA)."""
    UNNUMBERED = "unnumbered"
    """Its number is not yet decided or not yet remembered."""
    EXHAUSTED = "exhausted"
    """No pool has a free address."""
    PIN_LOST = "pin-lost"
    """Every pin of it is held by another host."""
    PIN_OUTSIDE = "pin-outside"
    """Every pin of it lies outside the pools and ``vips.pins``, or in a range that is in use."""
    HANDOVER = "handover"
    """Its VIP was answered for another host a short while ago."""
    UNHEARD = "unheard"
    """Only a pin is known of it, and not yet whether anybody exports it."""
    STALE = "stale"
    """Every unfenced contributor's view is older than half of ``vips.quarantine``."""
    LOST = "lost"
    """Every unfenced contributor is lost, and the policy for its names is that they go."""

    @property
    def tells_addresses(self) -> bool:
        """Whether clients are told the VIPs of a service that stands so."""
        return self in (ServiceState.READY, ServiceState.PARTIAL, ServiceState.CLAIMED)


class Conflict(msgspec.Struct, frozen=True, order=True, gc=False):
    """Two exports that cannot both be true; the loser is told."""

    host: Host
    rule: str
    """A stable code: ``duplicate-export``, ``port-protocol``, ``pins``, ``pin-collision``…"""
    winner_cluster: str
    winner: Origin
    loser_cluster: str
    loser: Origin
    detail: str


Standings = tuple[tuple[str, Standing], ...]
"""How the endpoints of lost clusters stand, by cluster, sorted; all others are counted."""


class Service(msgspec.Struct, frozen=True, gc=False):
    """What a host is in the whole mesh."""

    host: Host
    zones: tuple[str, ...]
    state: ServiceState
    vips: tuple[Address, ...]
    ports: tuple[Port, ...]
    contributions: tuple[Export, ...]
    """The exports that count, oldest first; the first decides what they disagree on."""
    changed_at: int
    """Unix seconds of the last change of what is answered."""
    rule: str
    """Which rule gave it its VIPs: ``pinned``, ``chosen``, ``given``, or why it has none."""
    conflicts: tuple[Conflict, ...] = ()
    standings: Standings = ()
    former: tuple[Address, ...] = ()
    """The VIPs that it had until a short while ago: not answered, and still routed."""

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that offer it, sorted."""
        return tuple(sorted({export.cluster for export in self.contributions}))

    def standing(self, cluster: str) -> Standing:
        """Return how the endpoints of one of its clusters count."""
        return dict(self.standings).get(cluster, Standing.COUNTED)
