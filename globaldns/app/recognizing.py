"""Which cluster each name is taken for, by this server and by what its ledger says of that.

A replica begins without a state directory, most times, and must not take a cluster that was rebuilt
under its old name for the one that it was, because it meets that one first. So no API server is
believed before our ledger is read, or the grace is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress

from globaldns.app.views import view_uids
from globaldns.app.writing import WritableLedger
from globaldns.model.head import Head, unite_uids
from globaldns.model.view import SourceState, View
from globaldns.registry.recognition import accepted_uids, known_uids, remember_uids
from globaldns.registry.registry import Registry
from globaldns.sources.source import Source
from globaldns.tasks import steady_clock

_GRACES = 10
"""How many a cluster is waited for that may know the others; who is dead longer is not."""


class Recognition:
    """Knows which cluster answers under its name, and which does not."""

    def __init__(self, registry: Registry, ledger: WritableLedger, *, grace: float) -> None:
        self._registry = registry
        self._ledger = ledger
        self._grace_ends = steady_clock() + grace
        self._patience_ends = steady_clock() + _GRACES * grace
        self._is_listed = asyncio.Event()
        if ledger.is_listed:
            self.begin()

    def begin(self) -> None:
        """Take note that all that our ledger says is known."""
        self.look()
        self._is_listed.set()

    def look(self) -> None:
        """Take in what our ledger says now; of what it does not say what is known stays."""
        views = self._registry.views
        views.uids = unite_uids(views.uids, self._ledger.uids)

    def remember(self, views: Mapping[str, View]) -> None:
        """Take in which clusters the views of the last run are of."""
        self._registry.views.uids = unite_uids(view_uids(views), self._registry.views.uids)

    def learn(self, sources: Mapping[str, Source], *, are_synced: bool) -> bool:
        """Look, and take in which cluster is read under each name; return whether that counts yet.

        It does once all were read that could know it otherwise, or that has taken too long.
        """
        self.look()
        registry = self._registry
        counts = registry.is_settled and (are_synced or steady_clock() >= self._patience_ends)
        if counts:
            read = {cluster: source.uid for cluster, source in sources.items()}
            registry.views.uids = remember_uids(registry.views, registry.claims, read)
        return counts

    def forget(self, cluster: str) -> None:
        """Know no more which cluster a name stood for."""
        views = self._registry.views
        views.uids = tuple(one for one in views.uids if one[0] != cluster)

    @property
    def known(self) -> Mapping[str, str]:
        """The UID of each cluster, where anybody says so."""
        return known_uids(self._registry.views)

    @property
    def accepted(self) -> Mapping[str, str]:
        """The UID of each cluster of which people said which one it is now."""
        return accepted_uids(self._registry.views)

    async def recall(self, cluster: str) -> str:
        """Return the UID that a cluster is known by, once our ledger is read; empty: by none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._grace_ends - steady_clock())):
                await self._is_listed.wait()
        return self.known.get(cluster, "")

    def head(self, sources: Mapping[str, Source], *, are_synced: bool) -> Head:
        """Return what our ledger is to say beside claims: of clusters what it says, at first."""
        counts = self.learn(sources, are_synced=are_synced)
        uids = self._registry.views.uids if counts else self._ledger.uids
        return Head(self._registry.settings.fingerprint, uids)


def accepted(sources: Mapping[str, Source], known: Mapping[str, str]) -> Iterator[str]:
    """Yield the clusters to which one answers that is not read, and is known by their names."""
    for cluster, source in sources.items():
        if source.another and source.another == known.get(cluster):
            yield cluster


def mistaken(
    sources: Mapping[str, Source], known: Mapping[str, str], said: Mapping[str, str]
) -> Iterator[str]:
    """Yield the clusters whose views are of others than those that are known by their names.

    Not those of which people said so (``said``), and the new one was not heard here yet: what the
    one before said stands until it answers.
    """
    for cluster, source in sources.items():
        is_awaited = cluster in said and source.freshness.state is not SourceState.SYNCED
        if source.uid and known.get(cluster, source.uid) != source.uid and not is_awaited:
            yield cluster
