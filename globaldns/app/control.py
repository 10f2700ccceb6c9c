"""Everything above the data plane, put together: who tells whom of what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from globaldns import logs
from globaldns.admin.clusters import report_clusters
from globaldns.admin.events import Broadcast
from globaldns.admin.reports import ClusterReport
from globaldns.app.clock import BelievedClock
from globaldns.app.copying import CopySeams, LedgerCopier
from globaldns.app.dropping import Releaser
from globaldns.app.envoywriting import EnvoySeams, EnvoyWriter
from globaldns.app.fencing import FenceFile
from globaldns.app.figures import dns_readings, mesh_figures
from globaldns.app.gateways import Gateways
from globaldns.app.globalservices import GlobalServicesNews, Wiring, make_global_services
from globaldns.app.keepsakes import gateways_keepsake, view_keepsake, zone_keepsake
from globaldns.app.membership import Membership
from globaldns.app.memory import Keepsake
from globaldns.app.mesh import Mesh, MeshSeams
from globaldns.app.news import News
from globaldns.app.noticing import NoticeTally
from globaldns.app.orders import Orders
from globaldns.app.publication import Publication
from globaldns.app.readings import ServerReadings, Situation
from globaldns.app.recognizing import Recognition, accepted, mistaken
from globaldns.app.reloading import log_outcome, reread
from globaldns.app.routewriting import RouteNews, RouteWiring, make_route_news
from globaldns.app.rules import registry_settings
from globaldns.app.settings import worker_settings
from globaldns.app.sources import Sources, SourceSeams
from globaldns.app.stubwiring import make_stub_keeper
from globaldns.app.writing import LedgerNews, LedgerWriter, Seams, WritableLedger
from globaldns.dns.plane import Plane
from globaldns.dns.scribe import Scribe
from globaldns.dns.worker import encode_settings
from globaldns.metrics import MeshFigures, Metrics
from globaldns.model.claim import Claim
from globaldns.model.head import Head
from globaldns.model.view import Change, ClaimSet, SourceState
from globaldns.registry.delta import Delta
from globaldns.registry.doubles import find_doubles
from globaldns.registry.registry import Registry
from globaldns.sources.bulk import BulkReader
from globaldns.tasks import steady_clock


class Control:
    """The control side of one server."""

    def __init__(
        self,
        situation: Situation,
        *,
        registry: Registry,
        publication: Publication,
        ledger: WritableLedger,
        membership: Membership,
        plane: Plane,
        scribe: Scribe,
        clock: BelievedClock,
        reader: BulkReader,
        zone_marker: str,
        copies: Mapping[str, ClaimSet],
        fences: FenceFile,
        gateway_names: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.situation = situation
        self.ledger = ledger
        self.membership = membership
        self.fences = fences
        self.plane = plane
        self.scribe = scribe
        self.clock = clock
        self.zone_marker = zone_marker
        self.registry = registry
        self.metrics = self._make_metrics()
        self.broadcast = Broadcast()
        self.news = News(registry, self.metrics, self.broadcast, self._report_clusters)
        self.copier = self._make_copier(copies)
        self.writer = self._make_writer()
        self.gateways = self._make_gateways(gateway_names)
        self.mesh = self._make_mesh(publication)
        self.envoys = self._make_envoys()
        self.recognition = Recognition(registry, ledger, grace=situation.config.grace)
        self.sources = self._make_sources(reader)
        self.releaser = Releaser(self.mesh, ledger, self.writer, self.copier)
        self.orders = self._make_orders()
        self.global_services = self._make_global_services()
        self.routes = self._make_routes()
        self.stub = make_stub_keeper(lambda: self.situation.config, lambda: ledger.rest_reason)
        self.readings = self._make_readings()
        self.tally = NoticeTally(self.readings.notices)
        ledger.attach(self._make_ledger_news())
        self.changes = self.orders.changes

    def _make_metrics(self) -> Metrics:
        return Metrics(dns_readings(self.plane), self._figures)

    def _make_copier(self, copies: Mapping[str, ClaimSet]) -> LedgerCopier:
        others = self.registry.others
        seams = CopySeams(
            said=others.said,
            begin=others.begin_copies,
            acknowledge=lambda: self.mesh.acknowledge_copies(),  # noqa: PLW0108  # made later
        )
        return LedgerCopier(self.ledger, seams, copies)

    def _make_writer(self) -> LedgerWriter:
        seams = Seams(
            pending=lambda: self.registry.unwritten,
            acknowledge=lambda claims: self.mesh.acknowledge(claims),  # noqa: PLW0108  # made later
            begin_copies=self.copier.begin,
            stop=lambda reason: self.mesh.stop_writing(reason),  # noqa: PLW0108  # made later
            resume=lambda: self.mesh.resume_writing(),  # noqa: PLW0108  # made later
            observe=self.metrics.ledger_write.observe,
            count_failure=self.metrics.ledger_failures.inc,
        )
        return LedgerWriter(self.ledger, seams)

    def _make_mesh(self, publication: Publication) -> Mesh:
        seams = MeshSeams(
            may_settle=self._may_settle,
            write=self.writer.wake,
            tell=self._tell,
            confirm=self._confirm,
            measure=self._measure,
        )
        return Mesh(self.registry, publication, self.clock, seams)

    def _make_envoys(self) -> EnvoyWriter:
        seams = EnvoySeams(
            config=lambda: self.situation.config,
            views=self.registry.views,
            services=lambda: self.registry.services,
            reach=lambda: self.gateways.reach,
            until_numbered=self.mesh.numbered.wait,
            count_failure=self.metrics.envoy_failures.inc,
        )
        return EnvoyWriter(seams)

    def _make_sources(self, reader: BulkReader) -> Sources:
        seams = SourceSeams(
            offer=self._offer,
            count=lambda *labels: self.metrics.source_events.labels(*labels).inc(),
            on_restart=self.count_restart,
            wall=self.clock.now,
            reach=self.membership.reach,
            are_members_known=lambda: self.membership.are_known,
            recall=self.recognition.recall,
        )
        return Sources(seams, reader)

    def _make_gateways(self, names: Mapping[str, tuple[str, ...]]) -> Gateways:
        return Gateways(
            self.registry,
            lambda: self.situation.config,
            wall=self.clock.now,
            changed=self._note_reach,
            remembered=names,
        )

    def _make_orders(self) -> Orders:
        return Orders(
            self.situation,
            mesh=self.mesh,
            ledger=self.ledger,
            writer=self.writer,
            releaser=self.releaser,
            sources=self.sources,
            membership=self.membership,
            fences=self.fences,
            recognition=self.recognition,
        )

    def _make_global_services(self) -> GlobalServicesNews | None:
        return make_global_services(
            Wiring(
                mesh=self.mesh,
                ledger=self.ledger,
                config=lambda: self.situation.config,
                renumber=self.orders.renumber,
                count=lambda result: self.metrics.status_writes.labels(result).inc(),
            )
        )

    def _make_routes(self) -> RouteNews | None:
        return make_route_news(
            RouteWiring(
                mesh=self.mesh,
                ledger=self.ledger,
                config=lambda: self.situation.config,
                sources=self.sources,
                reach=lambda: self.gateways.reach,
                count=lambda result: self.metrics.route_writes.labels(result).inc(),
            )
        )

    def _make_ledger_news(self) -> LedgerNews:
        return LedgerNews(
            load=self._load_ledger,
            adopt=self.mesh.adopt,
            are_heard=lambda: self.sources.are_heard,
            kept=self.sources.kept,
            changed=self.writer.wake,
            wall=self.clock.now,
            head=self._make_head,
            on_restart=self.count_restart,
        )

    def _make_readings(self) -> ServerReadings:
        return ServerReadings(
            self.situation,
            self.mesh,
            self.sources,
            ledger=self.ledger,
            writer=self.writer,
            gateways=self.gateways,
            routes=self.routes,
            metrics=self.metrics,
            news=self.news,
            broadcast=self.broadcast,
            refused_secrets=lambda: self.membership.refused,
            stub=self.stub,
        )

    def _load_ledger(self, claims: Sequence[Claim], copies: Mapping[str, ClaimSet]) -> None:
        self.recognition.begin()
        self.copier.know(copies)
        self.mesh.load(claims, copies)

    def _tell(self, delta: Delta) -> None:
        self.news.tell(delta)
        self.gateways.follow()
        self.envoys.tell(delta)
        if self.global_services is not None:
            self.global_services.tell(delta)
        if self.routes is not None:
            self.routes.tell(delta)

    def _note_reach(self) -> None:
        self.news.tell_clusters()
        self.envoys.wake()

    def _report_clusters(self) -> tuple[ClusterReport, ...]:
        return report_clusters(self.readings)

    def count_restart(self, task: str) -> None:
        """Count the restart of a task that failed."""
        self.metrics.task_restarts.labels(task).inc()

    def keepsakes(self) -> Iterator[Keepsake]:
        """Yield what is to be remembered for the next start; until all is numbered the old is."""
        mesh = self.mesh
        if not mesh.numbered.is_set():
            return
        yield zone_keepsake(mesh, cluster=self.ledger.cluster, marker=self.zone_marker)
        if names := self.gateways.names:
            yield gateways_keepsake(names)
        for cluster, source in self.sources.sources.items():
            if keepsake := view_keepsake(mesh, source, self.sources.revisions[cluster]):
                yield keepsake

    def was_heard(self, cluster: str) -> bool:
        """Whether anything is known of a cluster, so that it could be missed."""
        source, registry = self.sources.sources.get(cluster), self.registry
        is_known = source is None or source.freshness.state is not SourceState.WAITING
        is_known = is_known or registry.views.has_ledger(cluster)
        return is_known or any(claim.cluster == cluster for claim in registry.claims)

    def is_same(self) -> bool:
        """Whether our own cluster is the one that it was, as far as is known."""
        own = self.sources.sources.get(self.situation.config.cluster)
        return own is None or not own.another

    def reload(self, env: Mapping[str, str]) -> None:
        """Read the configuration again, and obey it if it is sound."""
        situation = self.situation
        outcome = reread(situation.path, env, self.membership.listed, self.clock.now())
        situation.reload = outcome.report
        log_outcome(situation.path, outcome.report)
        result = "accepted" if outcome.config else "refused"
        self.metrics.config_reloads.labels(result).inc()
        if outcome.config is not None:
            self.membership.obey(outcome.config)
            self.obey()

    def obey(self) -> None:
        """Have every component obey the configuration in force, with all clusters there are."""
        config = self.situation.config = self.membership.config
        logs.configure(config.log)
        self.scribe.settings = encode_settings(worker_settings(config, self.plane.addresses))
        settings = registry_settings(config)
        if settings != self.registry.settings:
            self.mesh.reconfigure(settings)
        self.sources.reconfigure(config)
        self.gateways.obey()
        self.envoys.wake()

    def _offer(self, changes: Sequence[Change], received: float) -> None:
        self._count_once()  # before anything of a double does
        self.mesh.offer(changes, received)

    def _count_once(self) -> None:
        uids = {cluster: source.uid for cluster, source in self.sources.sources.items()}
        registry = self.registry
        doubles = find_doubles(uids, registry.views, lost=registry.silence.lost)
        if doubles != registry.views.doubles:
            self.mesh.publish(registry.count_once(doubles, self.clock.now()))

    def _make_head(self) -> Head:
        sources = self.sources
        return self.recognition.head(sources.sources, are_synced=sources.are_synced)

    def _may_settle(self) -> bool:
        """Whether all that can be heard is, and is of the clusters that it is to be of."""
        are_heard = self.sources.are_heard and self.ledger.is_listed
        sources, one = self.sources.sources, self.recognition
        others = chain(mistaken(sources, one.known, one.accepted), accepted(sources, one.known))
        return are_heard and not any(others)

    def _confirm(self) -> None:
        sources = self.sources
        self.recognition.learn(sources.sources, are_synced=sources.are_synced)
        self.orders.recognize()
        self._count_once()
        if self.copier.is_behind:
            self.writer.wake()
        self.scribe.confirm(asyncio.get_running_loop().time())
        self.situation.turned_at = steady_clock()
        for source in sources.sources.values():
            self.registry.views.note_contact(source.freshness)

    def _measure(self, cluster: str, received: float) -> None:
        seconds = steady_clock() - received
        self.metrics.propagation.labels(cluster).observe(seconds)
        self.registry.views.cluster(cluster).propagation = round(seconds, 4)

    def _figures(self) -> MeshFigures:
        services, routes = self.global_services, self.routes
        return mesh_figures(
            self.registry,
            self.scribe,
            self.sources.sources,
            wall=self.clock.now(),
            steady=asyncio.get_running_loop().time(),
            statuses_pending=services.services.pending if services else 0,
            routes_pending=routes.routes.pending if routes else 0,
            refused_secrets=self.membership.refused,
            notices=self.tally.counts,
            reach=self.gateways.reach,
            stub_up=self.stub.up if self.stub else {},
            is_ledger_up=self.readings.ledger_trouble is None,
        )
