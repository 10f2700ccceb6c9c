"""Parts of a ledger that have lost claims are written again, until nothing is missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from globaldns.errors import LedgerError
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shelf import Shelf

logger = logging.getLogger(__name__)

REPAIR_SECONDS = 5.0
"""When a shard that could not be repaired is tried again."""


class Repair:
    """Mends one shelf."""

    def __init__(
        self,
        shelf: Shelf,
        guard: Callable[[], None],
        write: Callable[[ShardId], Awaitable[None]],
    ) -> None:
        """Mend by ``write``, which raises a LedgerError; so does ``guard`` where we may not."""
        self._shelf = shelf
        self._guard = guard
        self._write = write
        self._is_due = asyncio.Event()
        self._noted: set[str] = set()
        """What was broken when this was told last."""
        self._told: dict[str, str] = {}
        """Why an object could not be written, as it was told."""

    def note(self) -> None:
        """Take note that something may have been lost."""
        broken = {*self._shelf.broken}
        if broken:
            self._is_due.set()
        if broken - self._noted:
            told = {"shards": len(broken)}
            logger.warning("the ledger has lost claims: they are written again", extra=told)
        self._noted = broken

    async def run(self) -> None:
        """Write again what was lost, for ever."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            with suppress(LedgerError):  # said where it failed, and tried again
                await self.mend()
            if self._shelf.broken:
                await asyncio.sleep(REPAIR_SECONDS)
                self._is_due.set()

    async def mend(self) -> None:
        """Write again what is missing.

        Raises:
            LedgerError: we may not, or some of it cannot be written.
        """
        self._guard()
        failure: LedgerError | None = None
        for name in sorted(self._shelf.broken):
            shard = self._shelf.find(name)
            try:
                if shard is not None:
                    await self._write(shard)
                self._shelf.broken.discard(name)
                self._told.pop(name, None)
            except LedgerError as error:
                failure = error
                self._tell(name, str(error))
        if failure is not None:
            raise failure

    def _tell(self, name: str, reason: str) -> None:
        if self._told.get(name) != reason:
            self._told[name] = reason
            told = {"shard": name, "reason": reason}
            logger.error("the ledger is not whole yet", extra=told)
