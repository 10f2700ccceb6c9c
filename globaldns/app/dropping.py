"""Releasing what clusters claimed that are not configured any more, once the quarantine is over.

Until then they are as if fenced: a person may have taken one out by mistake, or for a day.
"""

from __future__ import annotations

import asyncio
import logging

from globaldns.app.copying import LedgerCopier
from globaldns.app.mesh import Mesh
from globaldns.app.writing import LedgerThread, LedgerWriter
from globaldns.errors import LedgerError
from globaldns.model.claim import format_time

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


class Releaser:
    """Looks for dropped clusters now and then."""

    def __init__(
        self, mesh: Mesh, thread: LedgerThread, writer: LedgerWriter, copier: LedgerCopier
    ) -> None:
        self._mesh = mesh
        self._thread = thread
        self._writer = writer
        self._copier = copier

    async def run(self) -> None:
        """Look for ever."""
        await self._mesh.numbered.wait()
        while True:
            try:
                await self.release()
            except LedgerError as error:
                logger.error(
                    "what dropped clusters claimed is not released",
                    extra={"reason": str(error), "fix": error.hint},
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def release(self) -> None:
        """Release what is due now.

        Raises:
            LedgerError: it is due again the next time.
        """
        registry, now = self._mesh.registry, self._mesh.clock.now()
        configured = frozenset(registry.settings.clusters)
        since = await self._thread.run(self._thread.ledger.dropped, configured, now)
        for cluster, at in since.items():
            if at == now:
                logger.warning(
                    "a cluster is not configured any more: its VIPs are held for the quarantine",
                    extra={"cluster": cluster, "until": format_time(at + self._quarantine)},
                )
            is_due = at + self._quarantine <= now and registry.may_write
            if not is_due or cluster in registry.settings.clusters:
                continue
            self._mesh.publish(registry.release(cluster, now))
            await self._writer.flush()
            await self._copier.forget(cluster)
            logger.warning(
                "a cluster is not configured for the quarantine: its VIPs are released",
                extra={"cluster": cluster},
            )

    @property
    def _quarantine(self) -> int:
        return self._mesh.registry.settings.quarantine
