"""Copies of other clusters' ledgers on their way into ours, as soon as anything in them changes.

No answer waits for them. They are for a restart during which such a cluster cannot be read: what
the views remember is seconds old, and what was answered in those seconds must not be forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from globaldns.app.writing import LedgerThread
from globaldns.errors import LedgerError
from globaldns.model.view import ClaimSet

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
_NOTHING = ClaimSet()


class LedgerCopier:
    """Writes what other clusters say whenever it differs from the copy."""

    def __init__(
        self,
        thread: LedgerThread,
        said: Callable[[], Mapping[str, ClaimSet]],
        copied: Mapping[str, ClaimSet],
    ) -> None:
        self._thread = thread
        self._said = said
        """What the other clusters say now in ledgers of their own."""
        self._copied = dict(copied)
        self._wanted = asyncio.Event()

    def look(self) -> None:
        """Have it write if anything is different; cheap."""
        if any(ledger is not self._copied.get(name) for name, ledger in self._said().items()):
            self._wanted.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.copy()
            except LedgerError as error:
                logger.error(
                    "what another cluster's ledger says is not copied",
                    extra={"reason": str(error), "fix": error.hint},
                )
                await asyncio.sleep(RETRY_SECONDS)
                self.look()

    async def forget(self, cluster: str) -> None:
        """Have no copy of what a cluster said.

        Raises:
            LedgerError: the copy stands.
        """
        old = self._copied.get(cluster)
        if old is not None:
            await self._thread.copy(cluster, old, _NOTHING)
            del self._copied[cluster]

    async def copy(self) -> None:
        """Write what is different now.

        Raises:
            LedgerError: it is not written.
        """
        for cluster, ledger in self._said().items():
            old = self._copied.get(cluster, _NOTHING)
            if ledger is not old:
                await self._thread.copy(cluster, old, ledger)
                self._copied[cluster] = ledger
