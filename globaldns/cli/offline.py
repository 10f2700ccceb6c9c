"""Reading the mesh from its files, as a server that starts now would."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter

import msgspec

from globaldns.admin.clusters import list_clusters
from globaldns.admin.reporting import collect_unwritten, parse_name, report_service
from globaldns.admin.reports import ClusterList, ServiceReport, VipPage, VipReport
from globaldns.admin.routes import explain_notices, report_routes
from globaldns.admin.selection import Selection, select
from globaldns.admin.vips import VipSelection, report_claim, report_vip_page
from globaldns.app.offline import OfflineMesh, look_offline, read_offline
from globaldns.app.routes import notices_of
from globaldns.cli.served import Served, to_served
from globaldns.config.schema import Config
from globaldns.errors import InvalidAddress
from globaldns.model.address import parse_address
from globaldns.model.explanation import ClaimLine, Explanation
from globaldns.model.view import SourceState
from globaldns.registry.explain import explain

UNWRITTEN = "unwritten"
"""What only a server would remember: claims that the ledger does not have."""

_identify = attrgetter("host", "vip", "cluster", "kind", "allocated_at")


class OfflineReader:
    """Reads what the files say; implements ``Reader``."""

    def __init__(self, config: Config, now: int) -> None:
        self._config = config
        self.now = now

    @cached_property
    def _mesh(self) -> OfflineMesh:
        return read_offline(self._config, self.now)

    @cached_property
    def _look(self) -> OfflineMesh:
        return look_offline(self._config, self.now)

    @cached_property
    def _unwritten(self) -> frozenset[tuple[object, ...]]:
        return frozenset(_identify(report_claim(c)) for c in self._mesh.registry.unwritten)

    def services(self, glob: str, *, cluster: str = "") -> Iterator[ServiceReport]:
        """Yield services in the order of their hosts."""
        mesh = self._mesh
        claims, unwritten = mesh.registry.claims, collect_unwritten(mesh.registry.unwritten)
        wanted = Selection(glob=glob, cluster=cluster, limit=len(mesh.services))
        for service in select(mesh.services, wanted)[0]:
            yield report_service(service, claims, unwritten)

    def vips(self, glob: str) -> VipPage:
        """Return all VIPs that a glob means."""
        registry = self._mesh.registry
        wanted = VipSelection(
            glob=glob, zones=registry.settings.zones, limit=len(registry.claims.vips)
        )
        page = report_vip_page(registry, wanted, now=self.now)
        return msgspec.structs.replace(page, items=tuple(map(self._mark_vip, page.items)))

    def explain(self, target: str) -> Explanation:
        """Return what the registry explains."""
        registry = self._mesh.registry
        try:
            parse_address(target)
        except InvalidAddress:
            parse_name(target, registry.settings.zones)
        explanation = explain(registry, target, self._mesh.refused(), now=self.now)
        history = tuple(map(self._mark_claim, explanation.history))
        service = self._mesh.services.get(explanation.host)
        explanation = msgspec.structs.replace(explanation, history=history)
        if service is None:
            return explanation
        notices = explain_notices(notices_of(self._mesh, service))
        routes = report_routes(self._mesh, service)
        return msgspec.structs.replace(explanation, routes=routes, notices=notices)

    def clusters(self) -> ClusterList:
        """Return every configured cluster, whatever cannot be read."""
        return list_clusters(self._look)

    def failures(self) -> tuple[str, ...]:
        """Return what cannot be read to list the clusters, and why."""
        standing = self._look.freshness().values()
        silent = (one for one in standing if one.state is not SourceState.SYNCED)
        return (
            *(f"{one.reason} (fix: {one.hint})" for one in self._look.unread),
            *(f"{one.cluster}: {one.reason}" for one in silent),
        )

    def unheard(self) -> tuple[str, ...]:
        """Return the clusters that cannot be read as a whole."""
        freshness = self._mesh.freshness().values()
        return tuple(one.cluster for one in freshness if one.reason or not one.is_known)

    def served(self) -> Served:
        """Return what the configuration says."""
        config = self._mesh.config
        return to_served(tuple(zone.name for zone in config.zones), config.dns.listen or ())

    def _mark_vip(self, item: VipReport) -> VipReport:
        """Return a VIP of which the ledger knows nothing as one that is not written."""
        if any(_identify(claim) not in self._unwritten for claim in item.claims):
            return item
        return msgspec.structs.replace(item, state=UNWRITTEN)

    def _mark_claim(self, claim: ClaimLine) -> ClaimLine:
        if _identify(claim) not in self._unwritten:
            return claim
        return msgspec.structs.replace(claim, reason=UNWRITTEN, is_holding=False)
