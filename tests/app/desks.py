"""A real ledger that is written to, and what waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from globaldns.app.writing import LedgerThread, LedgerWriter, Seams
from globaldns.errors import LedgerError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim, Marker
from globaldns.registry.unwritten import Unwritten


class Desk:
    """A ledger that is written to, and what waits for it."""

    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger.create(path, cluster="east", marker=Marker("m", 0))
        self.thread = LedgerThread(self.ledger, self.guard)
        self.unwritten = Unwritten()
        self.acknowledged: list[Claim] = []
        self.batches: list[int] = []
        self.premature: set[Claim] = set()
        self.stopped: list[str] = []
        self.resumed = 0
        self.put_off: list[Claim] = []
        """What is decided once the ledger can be written."""
        self.copy_errors: list[LedgerError] = []
        self.begun: list[tuple[Claim, ...]] = []
        """What was pending whenever copies were begun."""
        self.copied: list[int] = []
        """How many claims were acknowledged whenever copies were made."""
        self.durations: list[float] = []
        self.failures: list[str] = []
        seams = Seams(
            pending=self.unwritten.everything,
            acknowledge=self._acknowledge,
            begin_copies=self._begin_copies,
            stop=self._stop,
            resume=self._resume,
            observe=self.durations.append,
            count_failure=lambda: self.failures.append(self.writer.failure),
        )
        self.writer = LedgerWriter(self.thread, seams)

    def guard(self) -> None:
        """What makes sure that the state directory is still held."""

    def add(self, *claims: Claim) -> None:
        for one in claims:
            self.unwritten.add(one)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.writer.run())
            yield
            running.cancel()

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Keep the ledger's thread busy, so that no write ends."""
        gate = threading.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.thread.run(gate.wait))
            await asyncio.sleep(0)
            try:
                yield
            finally:
                gate.set()

    def _acknowledge(self, claims: Sequence[Claim]) -> None:
        with SqliteLedger.open_reading(self.ledger.path, is_held=True) as ledger:
            self.premature |= set(claims) - set(ledger.claims())
        self.unwritten.acknowledge(claims)
        self.acknowledged += claims
        self.batches.append(len(claims))

    def _begin_copies(self) -> Callable[[], Awaitable[None]]:
        self.begun.append(self.unwritten.everything())
        return self._copy

    async def _copy(self) -> None:
        if self.copy_errors:
            raise self.copy_errors.pop()
        self.copied.append(len(self.acknowledged))

    def _stop(self, reason: str) -> None:
        self.stopped.append(reason)
        self.put_off += self.unwritten.take_back().claims

    def _resume(self) -> None:
        self.resumed += 1
        put_off, self.put_off = self.put_off, []
        self.add(*put_off)
