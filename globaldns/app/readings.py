"""What the admin endpoint reads of a running server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import msgspec

from globaldns.admin.events import Broadcast, Subscription
from globaldns.admin.reports import ConfigReport, ReloadReport
from globaldns.app.mesh import Mesh
from globaldns.app.news import News
from globaldns.app.offline import all_findings
from globaldns.app.readiness import Standing, reasons
from globaldns.app.sources import Sources
from globaldns.app.writing import LedgerWriter
from globaldns.config.keys import show
from globaldns.config.schema import Config
from globaldns.metrics import Metrics
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.model.snapshot import Snapshot
from globaldns.model.view import Freshness
from globaldns.registry.registry import Registry
from globaldns.tasks import steady_clock

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
        writer: LedgerWriter,
        metrics: Metrics,
        news: News,
        broadcast: Broadcast,
    ) -> None:
        self._situation = situation
        self._mesh = mesh
        self._sources = sources
        self._writer = writer
        self._metrics = metrics
        self._news = news
        self._broadcast = broadcast

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

    def freshness(self) -> Mapping[str, Freshness]:
        """Return how each configured cluster's source stands."""
        return {cluster: one.freshness for cluster, one in self._sources.sources.items()}

    def findings(self) -> list[Finding]:
        """Return what is wrong with the manifests, conflicts included."""
        return all_findings(self._sources.sources, self.registry)

    def refused(self) -> Iterator[Finding]:
        """Yield why objects are refused now."""
        return chain.from_iterable(one.refused() for one in self._sources.sources.values())

    @property
    def now(self) -> int:
        """Unix seconds, as far as the wall clock can be believed."""
        return self._mesh.clock.now()

    @property
    def ledger_failure(self) -> str:
        """Why the ledger cannot be written now; empty: it can."""
        return self._writer.failure

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
            is_settled=self.registry.is_settled,
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

    def subscribe(self) -> Subscription:
        """Return a listener for all that changes from now on.

        Raises:
            RequestProblem: there are too many.
        """
        self._news.note_clusters()
        return self._broadcast.subscribe()
