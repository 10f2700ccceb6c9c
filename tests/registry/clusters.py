"""Clusters that run a globaldns each, for laws about the mesh of them."""

from __future__ import annotations

from globaldns.model.claim import Claim, ClaimKey, Marker
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import ClaimSet, View
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry
from tests.registry.mesh import export, settings

CLUSTERS = ("east", "north", "west")
POOL = "240.128.0.0/27"


class Cluster:
    """One globaldns: what its own cluster exports, its ledger, its clock, its registry."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.exports: dict[Host, tuple[str, ...]] = {}
        self.ledger: dict[ClaimKey, Claim] = {}
        self.marker = 0
        self.clock_error = 0
        self.is_full = False
        """Whether its disk has no room for its ledger."""
        self.heard: dict[str, View] = {}
        self.registry = Registry(settings(name, CLUSTERS, pools=[POOL]), at_once=2)

    def view(self) -> View:
        exports = tuple(
            export(host, self.name, pins=pins, created_at=None)
            for host, pins in sorted(self.exports.items())
        )
        own = tuple(claim for claim in self.ledger.values() if claim.cluster == self.name)
        claims = ClaimSet(Marker(str(self.marker), 0), own)
        return View(self.name, exports, (), claims)

    def published(self) -> dict[Host, tuple[bytes, ...]]:
        return {
            host: service.vips
            for host, service in self.registry.services.items()
            if service.state is ServiceState.READY
        }

    def write(self, delta: Delta, now: int) -> list[Delta]:
        deltas = [delta, self.remember(now)]
        while self.registry.is_behind or not (self.is_full or self.registry.is_written):
            deltas += [self.registry.tick(now), self.remember(now)]
        return deltas

    def remember(self, now: int) -> Delta:
        claims = self.registry.unwritten
        if self.is_full and claims:
            return self.registry.stop_writing("the disk is full", now)
        for claim in claims:
            known = self.ledger.get(claim.key, claim)
            self.ledger[claim.key] = known.merge(claim)
        return self.registry.acknowledge(claims, now)
