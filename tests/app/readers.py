"""Sources that run in this process, and all that they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from globaldns.app.sources import Sources, SourceSeams
from globaldns.model.export import ExportKind
from globaldns.model.view import Change, SourceState, View
from globaldns.sources.bulk import BulkReader
from globaldns.tasks import wall_clock
from tests.app.meshes import Place, until
from tests.sources.manifests import hosts

SYNCED, SILENT, REMEMBERED = SourceState.SYNCED, SourceState.SILENT, SourceState.REMEMBERED


class Running:
    """Sources that run, and all that they say."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.said: list[Change] = []
        self.received: list[float] = []
        self.counted: list[tuple[str, str, str]] = []
        self.restarts: list[str] = []
        self.failures = 0
        self.is_recalled = asyncio.Event()
        """Whether it is known by now which cluster each is to be."""
        self.is_recalled.set()
        seams = SourceSeams(
            offer=self._offer,
            count=lambda *labels: self.counted.append(labels),
            on_restart=self.restarts.append,
            wall=wall_clock,
            reach=lambda _cluster: None,
            are_members_known=lambda: True,
            recall=self._recall,
        )
        self.sources = Sources(seams, BulkReader())

    @asynccontextmanager
    async def run(self, views: Mapping[str, View] | None = None) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.sources.run(self.place.config, views or {}))
            await until(lambda: set(self.sources.sources) == set(self.place.config.clusters))
            yield
            running.cancel()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """Run them until each was read."""
        async with self.run():
            await until(lambda: all(self.state(name) is SYNCED for name in self.sources.sources))
            yield

    def state(self, cluster: str) -> SourceState:
        return self.sources.sources[cluster].freshness.state

    def hosts(self, cluster: str) -> set[str]:
        return hosts(self.sources.sources[cluster].view())

    def kinds(self, cluster: str) -> dict[str, ExportKind]:
        view = self.sources.sources[cluster].view()
        return {one.host: one.kind for one in view.exports}

    def reconfigure(self, **west: Any) -> None:
        """Obey a configuration in which some keys of west are others."""
        clusters = {"east": self.place.cluster("east"), "west": self.place.cluster("west", **west)}
        self.sources.reconfigure(self.place.configure(clusters=clusters))

    async def _recall(self, _cluster: str) -> str:
        await self.is_recalled.wait()
        return ""

    def _offer(self, changes: Sequence[Change], received: float) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("unplugged")
        self.said += changes
        self.received.append(received)
