"""The sources of a running server: one task for each cluster, replaced when its rules change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path

import msgspec

from globaldns.app.recognizing import accepted, mistaken
from globaldns.app.rules import export_rules
from globaldns.app.views import allowed_view, unread_view
from globaldns.config.schema import Config
from globaldns.errors import InvalidObject
from globaldns.exports import ExportRules
from globaldns.kube.kubeconfig import Access
from globaldns.model.export import Gateway
from globaldns.model.view import (
    Change,
    ClaimSet,
    Put,
    Remove,
    Reset,
    SetGateways,
    SourceState,
    View,
)
from globaldns.sources.awaited import await_access
from globaldns.sources.bulk import BulkReader
from globaldns.sources.directory import DirectorySource
from globaldns.sources.secrets import Refused
from globaldns.sources.source import Source
from globaldns.tasks import Backoff, steady_clock, supervise

logger = logging.getLogger(__name__)

RESTART = Backoff(initial=0.5, maximum=30.0)


class SourceSpec(msgspec.Struct, frozen=True):
    """All that makes a source what it is; another spec is another source."""

    place: Path | Access | Refused | None
    """A directory, an API server, a way to one that is refused, or nothing that is known."""
    rules: ExportRules
    grace: float
    ledger_namespace: str | None
    """Where the cluster's VIPLedgers are; None: they are not read as another cluster's are."""


Reach = Callable[[str], Access | Refused | None]
"""Returns how a cluster's API server is reached, or why nobody says so."""


def source_specs(config: Config, reach: Reach) -> dict[str, SourceSpec]:
    """Return the sources that a configuration wants, by cluster."""
    return {
        cluster: SourceSpec(
            settings.source.directory or reach(cluster),
            export_rules(config, cluster),
            config.grace,
            None if cluster == config.cluster else config.namespace,
        )
        for cluster, settings in config.clusters.items()
    }


class SourceSeams(msgspec.Struct, frozen=True):
    """Who takes what sources say."""

    offer: Callable[[Sequence[Change], float], None]
    """Takes changes, and the steady time at which they were received."""
    count: Callable[[str, str, str], None]
    """Counts an event, by cluster, kind and type."""
    on_restart: Callable[[str], None]
    wall: Callable[[], int]
    reach: Reach
    are_members_known: Callable[[], bool]
    """Whether it is known by now which clusters there are."""
    recall: Callable[[str], Awaitable[str]]
    """Returns, once that can be said, the UID that a cluster is known by; empty: by none."""


class Sources:
    """The sources that run."""

    def __init__(self, seams: SourceSeams, reader: BulkReader) -> None:
        self._seams = seams
        self._tasks: asyncio.TaskGroup
        self._specs: dict[str, SourceSpec] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._gateways: dict[str, frozenset[str]] = {}
        self._dropped: dict[str, View | None] = {}
        """What clusters said before they were taken out of the configuration."""
        self._grace_ends = inf
        self._own = ""
        self.reader = reader
        """Reads the first time; to be closed when that is done."""
        self.sources: dict[str, Source] = {}
        """By cluster."""
        self.revisions: dict[str, int] = {}
        """How often each has said something."""

    async def run(self, config: Config, views: Mapping[str, View]) -> None:
        """Run the sources of a configuration for ever; until one is read its view stands for it."""
        async with asyncio.TaskGroup() as self._tasks:
            self._own = config.cluster
            self._tasks.create_task(self._begin_grace(config.grace))
            for cluster, spec in source_specs(config, self._seams.reach).items():
                self._start(cluster, spec, views.get(cluster))
            await asyncio.Event().wait()

    async def _begin_grace(self, grace: float) -> None:
        """Begin to count how long sources are waited for: none is believed before that."""
        await self._seams.recall(self._own)
        self._grace_ends = steady_clock() + grace

    def reconfigure(self, config: Config) -> None:
        """Run the sources of another configuration; those that stay the same go on."""
        wanted = source_specs(config, self._seams.reach)
        for cluster in [cluster for cluster in self._specs if cluster not in wanted]:
            self._dropped[cluster] = self._stop(cluster)
            self._share_gateways(cluster, (), steady_clock())
        for cluster, spec in wanted.items():
            if self._specs.get(cluster) != spec and not self._is_led_elsewhere(cluster, spec):
                former = self._stop(cluster) or self._dropped.pop(cluster, None)
                self._start(cluster, spec, allowed_view(former, config) if former else None)

    def forget(self, cluster: str) -> None:
        """Forget what a cluster said that is not configured any more, and which cluster it was."""
        self._dropped.pop(cluster, None)

    def _is_led_elsewhere(self, cluster: str, spec: SourceSpec) -> bool:
        """Whether a source only has to be reached another way, and is."""
        former = self._specs.get(cluster)
        if former is None or not isinstance(spec.place, Access):
            return False
        if msgspec.structs.replace(former, place=spec.place) != spec:
            return False
        if not self.sources[cluster].lead(spec.place):
            return False
        self._specs[cluster] = spec
        return True

    def answering(self, cluster: str) -> str:
        """Return the UID of the cluster that answers under a name now; empty: none, or not known.

        It may be another than the one that is known by that name.
        """
        source = self.sources.get(cluster)
        if source is None:
            return ""
        is_read = source.freshness.state is SourceState.SYNCED
        return source.another or (source.uid if is_read else "")

    def recognize(
        self,
        known: Mapping[str, str],
        said: Mapping[str, str],
        ledger: Callable[[str], ClaimSet],
    ) -> None:
        """Read each cluster as the one that its name is known to stand for, by UID.

        A rebuilt one that was accepted is read as it is, once it answers: ``said`` are those of
        which people said which they are. Of another that is read under the name what its ledger
        says stands, as of one that was never read.
        """
        for cluster in [*accepted(self.sources, known)]:
            logger.warning(
                "a rebuilt cluster is taken for the one of its name: it was accepted",
                extra={"cluster": cluster, "uid": known[cluster]},
            )
            self._restart(cluster, None)
        for cluster in [*mistaken(self.sources, known, said)]:
            logger.error(
                "what is read of a cluster does not count: its name is known to be another's",
                extra={
                    "cluster": cluster,
                    "uid": self.sources[cluster].uid,
                    "known": known[cluster],
                    "fix": f"globaldns cluster forget {cluster}, if it was rebuilt",
                },
            )
            self._restart(cluster, unread_view(cluster, ledger(cluster), known[cluster]))

    def _restart(self, cluster: str, remembered: View | None) -> None:
        spec = self._specs[cluster]
        self._stop(cluster)
        self._start(cluster, spec, remembered)

    def kept(self) -> Iterator[ClaimSet]:
        """Yield what the other clusters keep of our own ledger; where that is nothing, not."""
        for cluster, source in self.sources.items():
            if cluster == self._own:
                continue
            try:
                kept = source.kept()
            except InvalidObject as error:
                logger.error(
                    "a neighbour's copy of our ledger cannot be read",
                    extra={"cluster": cluster, "reason": str(error)},
                )
            else:
                if kept.marker is not None:
                    yield kept

    @property
    def are_heard(self) -> bool:
        """Whether each was read completely, or its grace is over."""
        return steady_clock() >= self._grace_ends or self.are_synced

    @property
    def are_synced(self) -> bool:
        """Whether each was read completely, but for those to which another cluster answers."""
        return (
            bool(self.sources)
            and self._seams.are_members_known()
            and all(one.freshness.is_heard or one.another for one in self.sources.values())
        )

    def _start(self, cluster: str, spec: SourceSpec, remembered: View | None) -> None:
        source = self._make(spec, remembered)
        self._specs[cluster] = spec
        self.sources[cluster] = source
        self.revisions.setdefault(cluster, 0)
        source.set_foreign_gateways(self._foreign_gateways(cluster))
        self._running[cluster] = self._tasks.create_task(
            supervise(
                f"source {cluster}",
                lambda: source.run(lambda changes, at: self._publish(cluster, changes, at)),
                backoff=RESTART,
                on_restart=self._seams.on_restart,
            ),
            name=f"source {cluster}",
        )

    def _make(self, spec: SourceSpec, remembered: View | None) -> Source:
        match spec.place:
            case Path():
                return DirectorySource(
                    spec.place,
                    spec.rules,
                    grace=spec.grace,
                    remembered=remembered,
                    wall=self._seams.wall,
                    bulk=self.reader,
                )
            case Access():
                # Here, because a mesh of directories needs no client of API servers.
                from globaldns.sources.cluster import ApiSettings, ClusterSource  # noqa: PLC0415

                recall = partial(self._seams.recall, spec.rules.cluster)
                settings = ApiSettings(spec.ledger_namespace, spec.grace, recall=recall)
                return ClusterSource(
                    spec.place, spec.rules, settings, remembered=remembered, wall=self._seams.wall
                )
            case Refused() | None as refused:
                return await_access(spec.rules, refused, remembered)

    def _stop(self, cluster: str) -> View | None:
        """End a source; return its view, if it knew anything."""
        if cluster not in self._specs:
            return None
        self._running.pop(cluster).cancel()
        del self._specs[cluster]
        source = self.sources.pop(cluster)
        return source.view() if source.freshness.state is not SourceState.WAITING else None

    def _publish(self, cluster: str, changes: Sequence[Change], received: float) -> None:
        self.revisions[cluster] += 1
        for change in changes:
            self._seams.count(cluster, *_describe(change))
        self._seams.offer(changes, received)
        for change in changes:
            if isinstance(change, Reset):
                self._share_gateways(cluster, change.view.gateways, received)
            elif isinstance(change, SetGateways):
                self._share_gateways(cluster, change.gateways, received)

    def _share_gateways(self, cluster: str, gateways: Sequence[Gateway], received: float) -> None:
        """Tell all other sources: their entries that lead to these gateways are routes."""
        addresses = frozenset(gateway.address for gateway in gateways)
        if self._gateways.get(cluster, frozenset()) == addresses:
            return
        self._gateways[cluster] = addresses
        for other, source in self.sources.items():
            if other != cluster:
                changes = source.set_foreign_gateways(self._foreign_gateways(other))
                if changes:
                    self._publish(other, changes, received)

    def _foreign_gateways(self, cluster: str) -> frozenset[str]:
        others = (known for other, known in self._gateways.items() if other != cluster)
        return frozenset().union(*others)


def _describe(change: Change) -> tuple[str, str]:
    """Return kind and type of a change, for counting."""
    match change:
        case Put(export):
            return export.kind, "put"
        case Remove():
            return "Export", "remove"
        case Reset():
            return "View", "reset"
        case _:
            return type(change).__name__.removeprefix("Set"), "set"
