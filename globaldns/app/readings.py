"""What the admin endpoint reads of a running server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from globaldns.admin.events import Broadcast, Subscription
from globaldns.admin.reports import ConfigReport, ReloadReport, StubReport
from globaldns.app.gateways import Gateways
from globaldns.app.mesh import Mesh
from globaldns.app.news import News
from globaldns.app.offline import is_complete
from globaldns.app.readiness import Standing, reasons
from globaldns.app.routes import tell_around, tell_notices
from globaldns.app.routewriting import RouteNews, site_of
from globaldns.app.sources import Sources
from globaldns.app.writing import LedgerWriter, WritableLedger
from globaldns.config.keys import show
from globaldns.config.schema import Config
from globaldns.errors import LedgerError, StateError
from globaldns.istio.hiding import Surroundings
from globaldns.istio.notices import Notice, to_finding
from globaldns.istio.routes import Site
from globaldns.metrics import Metrics
from globaldns.model.explanation import RouteProgress
from globaldns.model.export import Export, Gateway
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.model.snapshot import Snapshot
from globaldns.model.view import Freshness
from globaldns.probes.findings import gateway_findings
from globaldns.registry.overlaps import members_of, network_overlaps
from globaldns.registry.registry import Registry
from globaldns.routing.findings import routing_findings
from globaldns.routing.mesh import served_clusters
from globaldns.sources.secrets import Refused
from globaldns.tasks import steady_clock

if TYPE_CHECKING:
    from globaldns.app.stubkeeping import StubKeeper

DEAD_SECONDS = 30.0
"""Turns are taken every second: after so long without one, what takes them is dead."""


class Situation(msgspec.Struct):
    """What changes of a server as a whole while it runs."""

    path: Path
    config: Config
    reload: ReloadReport
    turned_at: float
    """Steady time of the last turn."""
    is_numbered: bool = False
    """Whether the ledger has had the chance to take the first numbers."""
    is_draining: bool = False
    is_followed: bool = False
    """Whether another server waits for this one's end."""


class ServerReadings:
    """Implements ``admin.readings.Readings``."""

    def __init__(
        self,
        situation: Situation,
        mesh: Mesh,
        sources: Sources,
        *,
        ledger: WritableLedger,
        writer: LedgerWriter,
        gateways: Gateways,
        routes: RouteNews | None,
        metrics: Metrics,
        news: News,
        broadcast: Broadcast,
        refused_secrets: Callable[[], tuple[Refused, ...]],
        stub: StubKeeper | None,
    ) -> None:
        self._situation = situation
        self._mesh = mesh
        self._sources = sources
        self._ledger = ledger
        self._writer = writer
        self._gateways = gateways
        self._routes = routes
        self._metrics = metrics
        self._news = news
        self._broadcast = broadcast
        self._refused_secrets = refused_secrets
        self._stub = stub

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._situation.config

    @property
    def registry(self) -> Registry:
        """Claims, conflicts, pools."""
        return self._mesh.registry

    @property
    def snapshot(self) -> Snapshot:
        """What is served now, with its serial."""
        return self._mesh.publication.snapshot

    @property
    def services(self) -> Mapping[Host, Service]:
        """What is served."""
        return self.snapshot.services

    def ambient_namespaces(self) -> Mapping[str, frozenset[str]]:
        """Return the namespaces of each cluster for whose pods their nodes speak HBONE."""
        return {name: one.ambient_namespaces() for name, one in self._sources.sources.items()}

    def freshness(self) -> Mapping[str, Freshness]:
        """Return how each configured cluster's source stands."""
        return {cluster: one.freshness for cluster, one in self._sources.sources.items()}

    @property
    def reach(self) -> Mapping[Gateway, Reach]:
        """How the gateways that are watched are reached."""
        return self._gateways.reach

    @property
    def refused_secrets(self) -> tuple[Refused, ...]:
        """Which remote secrets are not used, or cannot be read."""
        return self._refused_secrets()

    def refused(self) -> Iterator[Finding]:
        """Yield why objects are refused now."""
        return chain.from_iterable(one.refused() for one in self._sources.sources.values())

    def notices_of(self, service: Service) -> tuple[Notice, ...]:
        """Return what the clients of our own cluster do not get of a service."""
        config = self.config
        if config.cluster not in served_clusters(config, config.cluster):
            return ()
        told = tell_notices(service, self._own_exports, self._site(), self._around)
        hindrances = self._routes.routes.hindrances(service.host) if self._routes else ()
        return (*told, *hindrances)

    def route_progress(self, host: Host) -> RouteProgress | None:
        """Return whether the routes of a host stand in our own cluster; None: none are written."""
        return self._routes.progress(host, self.now) if self._routes else None

    def notices(self) -> Callable[[], list[Finding]]:
        """Return what tells all that clients do not get, and what is wrong with networks.

        And with objects in the place of our ledger.
        """
        config, registry = self.config, self.registry
        complete = is_complete(config, self._sources.sources)
        found = [
            *self._ledger.findings(),
            *routing_findings(config, registry.views, is_complete=complete),
            *gateway_findings(self.reach),
        ]
        members, tell_routes = members_of(registry), self._route_notices()

        def tell() -> list[Finding]:
            routes = (to_finding(notice, config.cluster) for notice in tell_routes())
            return [*found, *network_overlaps(members), *routes]

        return tell

    def _route_notices(self) -> Callable[[], Iterable[Notice]]:
        """Return what tells all that the clients of our own cluster do not get."""
        if self._routes is None:
            return tuple
        known = [*chain.from_iterable(self._routes.notices.values())]
        services, own, site, around = self.services, self._own_exports, self._site(), self._around
        return lambda: [*known, *tell_around(services.values(), own, site, around)]

    @property
    def _own_exports(self) -> Mapping[Host, Export]:
        return self.registry.views.cluster(self.config.cluster).exports

    @property
    def _around(self) -> Surroundings:
        return self._routes.lookout.around if self._routes else Surroundings()

    def _site(self) -> Site:
        return site_of(self.config, self.registry, self._sources, self.reach)

    @property
    def now(self) -> int:
        """Unix seconds, as far as the wall clock can be believed."""
        return self._mesh.clock.now()

    @property
    def ledger_failure(self) -> str:
        """Why the ledger is not written here now; empty: it is."""
        return self._writer.failure or self._ledger.rest_reason

    @property
    def ledger_trouble(self) -> LedgerError | StateError | None:
        """Why nobody writes the ledger, with the remedy; None: somebody does, or will."""
        return self._writer.trouble or self._ledger.trouble

    def live(self) -> tuple[str, ...]:
        """Return why the process should be restarted; nothing: it should not."""
        silent = steady_clock() - self._situation.turned_at
        if silent <= DEAD_SECONDS:
            return ()
        return (f"turns: none was taken for {silent:.0f} s",)

    def readiness(self) -> tuple[str, ...]:
        """Return why it should get no queries; nothing: it is ready."""
        standing = Standing(
            is_draining=self._situation.is_draining,
            are_heard=self.registry.is_settled or self._sources.are_heard,
            is_listed=self._ledger.is_listed,
            is_numbered=self._situation.is_numbered,
            sources=tuple(self.freshness().values()),
        )
        return tuple(reasons(standing))

    def metrics_text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return self._metrics.text()

    def config_report(self) -> ConfigReport:
        """Return what is in force, and how the last reload went."""
        situation = self._situation
        config = situation.config  # others do not know which directory we were started in
        config = msgspec.structs.replace(config, state=config.state.absolute())
        return ConfigReport(
            path=str(situation.path.absolute()),
            cluster=config.cluster,
            reload=situation.reload,
            config=show(Config, config),
        )

    def stub_report(self) -> StubReport:
        """Return how the cluster's own DNS is kept."""
        if self._stub is None:
            return StubReport(reason="our own cluster has no API server")
        return self._stub.report()

    def subscribe(self) -> Subscription:
        """Return a listener for all that changes from now on.

        Raises:
            RequestProblem: there are too many.
        """
        self._news.note_clusters()
        return self._broadcast.subscribe()
