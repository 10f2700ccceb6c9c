"""Everything above the data plane, put together: who tells whom of what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from globaldns import logs
from globaldns.admin.clusters import report_clusters
from globaldns.admin.control import Changes
from globaldns.admin.events import Broadcast
from globaldns.admin.reports import ClusterReport, MoveReport
from globaldns.app.changing import answers_of, report_moves
from globaldns.app.clock import BelievedClock
from globaldns.app.copying import CopySeams, LedgerCopier
from globaldns.app.dropping import Releaser
from globaldns.app.figures import mesh_figures
from globaldns.app.keepsakes import view_keepsake, zone_keepsake
from globaldns.app.memory import Keepsake
from globaldns.app.mesh import Mesh, MeshSeams
from globaldns.app.news import News
from globaldns.app.publication import Publication
from globaldns.app.readings import ServerReadings, Situation
from globaldns.app.reloading import log_outcome, reread
from globaldns.app.rules import registry_settings
from globaldns.app.settings import worker_settings
from globaldns.app.sources import Sources, SourceSeams
from globaldns.app.writing import LedgerThread, LedgerWriter, Seams
from globaldns.dns.counters import SIZE_BOUNDS
from globaldns.dns.plane import Plane
from globaldns.dns.scribe import Scribe
from globaldns.dns.worker import encode_settings
from globaldns.errors import LedgerError
from globaldns.metrics import DnsReadings, MeshFigures, Metrics
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet
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
        thread: LedgerThread,
        plane: Plane,
        scribe: Scribe,
        clock: BelievedClock,
        reader: BulkReader,
        copies: Mapping[str, ClaimSet],
    ) -> None:
        self.situation = situation
        self.thread = thread
        self.plane = plane
        self.scribe = scribe
        self.clock = clock
        self.registry = registry
        self.metrics = self._make_metrics()
        self.broadcast = Broadcast()
        self.news = News(registry, self.metrics, self.broadcast, self._report_clusters)
        self.copier = self._make_copier(copies)
        self.writer = self._make_writer()
        self.mesh = self._make_mesh(publication)
        self.sources = self._make_sources(reader)
        self.releaser = Releaser(self.mesh, thread, self.writer, self.copier)
        self.readings = ServerReadings(
            situation,
            self.mesh,
            self.sources,
            writer=self.writer,
            metrics=self.metrics,
            news=self.news,
            broadcast=self.broadcast,
        )
        self.changes = Changes(renumber=self._renumber, import_claims=self._import_claims)

    def _make_metrics(self) -> Metrics:
        counts = self.plane.counts
        dns = DnsReadings(
            udp=self.plane.udp,
            counters=counts,
            size_bounds=SIZE_BOUNDS,
            tcp_connections=lambda: counts.tcp_connections,
            certificate_expires=lambda: counts.certificate_expires,
            worker_restarts=lambda: self.plane.worker_restarts,
            control_restarts=lambda: self.plane.control_restarts,
        )
        return Metrics(dns, self._figures)

    def _make_copier(self, copies: Mapping[str, ClaimSet]) -> LedgerCopier:
        others = self.registry.others
        seams = CopySeams(
            said=others.said,
            begin=others.begin_copies,
            acknowledge=lambda: self.mesh.acknowledge_copies(),  # noqa: PLW0108  # made later
        )
        return LedgerCopier(self.thread, seams, copies)

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
        return LedgerWriter(self.thread, seams)

    def _make_mesh(self, publication: Publication) -> Mesh:
        seams = MeshSeams(
            may_settle=lambda: self.sources.are_heard,
            write=self.writer.wake,
            tell=self.news.tell,
            confirm=self._confirm,
            measure=self._measure,
        )
        return Mesh(self.registry, publication, self.clock, seams)

    def _make_sources(self, reader: BulkReader) -> Sources:
        seams = SourceSeams(
            offer=self.mesh.offer,
            count=lambda *labels: self.metrics.source_events.labels(*labels).inc(),
            on_restart=self.count_restart,
            wall=self.clock.now,
        )
        return Sources(seams, reader)

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
        yield zone_keepsake(mesh, self.thread.ledger)
        for cluster, source in self.sources.sources.items():
            if keepsake := view_keepsake(mesh, source, self.sources.revisions[cluster]):
                yield keepsake

    def reload(self, env: Mapping[str, str]) -> None:
        """Read the configuration again, and obey it if it is sound."""
        situation = self.situation
        outcome = reread(situation.path, env, situation.config, self.clock.now())
        situation.reload = outcome.report
        log_outcome(situation.path, outcome.report)
        result = "accepted" if outcome.config else "refused"
        self.metrics.config_reloads.labels(result).inc()
        if outcome.config is not None:
            situation.config = outcome.config
            self._obey()

    def _obey(self) -> None:
        """Have every component obey the configuration in force."""
        config = self.situation.config
        logs.configure(config.log)
        self.scribe.settings = encode_settings(worker_settings(config, self.plane.addresses))
        settings = registry_settings(config)
        if settings != self.registry.settings:
            self.mesh.reconfigure(settings)
        self.sources.reconfigure(config)

    async def _renumber(self, hosts: Sequence[Host]) -> Sequence[MoveReport]:
        registry = self.registry
        before = answers_of(registry, hosts)
        self.mesh.publish(registry.renumber(hosts, self.clock.now()))
        await self._flush()
        return report_moves(before, answers_of(registry, hosts))

    async def _import_claims(self, claims: Sequence[Claim]) -> int:
        registry = self.registry
        new = registry.news_among(claims)
        self.mesh.publish(registry.import_claims(new, self.clock.now()))
        await self._flush()
        return len(new)

    async def _flush(self) -> None:
        """Return when what a person asked for is in the ledger.

        Raises:
            LedgerError: what is not there is not done.
        """
        try:
            await self.writer.flush()
        except LedgerError as error:
            hint = f"{error.hint or 'see the log'}; then do it again"
            raise LedgerError(f"not done: {error}", hint=hint) from error
        self.mesh.changed_by_hand.set()

    def _confirm(self) -> None:
        if self.copier.is_behind:
            self.writer.wake()
        self.scribe.confirm(asyncio.get_running_loop().time())
        self.situation.turned_at = steady_clock()
        for source in self.sources.sources.values():
            self.registry.views.note_contact(source.freshness)

    def _measure(self, cluster: str, received: float) -> None:
        self.metrics.propagation.labels(cluster).observe(steady_clock() - received)

    def _figures(self) -> MeshFigures:
        return mesh_figures(
            self.registry,
            self.scribe,
            self.sources.sources,
            wall=self.clock.now(),
            steady=asyncio.get_running_loop().time(),
        )
