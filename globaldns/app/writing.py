"""Claims on their way into the ledger: written by one thread, told when they are on the disk.

What cannot be written is taken back, and the ledger is tried again and again; until it can be
written nothing more is decided.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import ParamSpec, TypeVar

import msgspec

from globaldns.errors import LedgerError, StateError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.view import ClaimSet
from globaldns.tasks import Backoff

logger = logging.getLogger(__name__)

MOST = 10_000
"""Claims of one write, about, some 50 ms: while the next are written these are answered."""
LOOK_SECONDS = 10.0
"""How often to look whether the ledger is in its place though nothing is to be written."""
RETRY = Backoff(initial=0.5, maximum=30.0)

P = ParamSpec("P")
T = TypeVar("T")


class LedgerThread:
    """A ledger, and the one thread that touches it while the event loop goes on."""

    def __init__(self, ledger: SqliteLedger, guard: Callable[[], None]) -> None:
        self.ledger = ledger
        self._guard = guard
        """Raises a StateError where the state directory is not held any more."""
        self._executor = ThreadPoolExecutor(1, "ledger")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a call returns there; calls are made one after the other."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(call, *args, **kwargs))

    async def check(self) -> None:
        """Make sure that the ledger stands where it stood, and is nobody else's.

        Raises:
            LedgerError: it does not, or may be.
        """
        await self.run(self._guarded, self.ledger.check)

    async def probe(self) -> None:
        """Return once something was written.

        Raises:
            LedgerError: nothing can be.
        """
        await self.run(self._guarded, self.ledger.probe)

    async def write(self, claims: Sequence[Claim]) -> None:
        """Return once the ledger has claims.

        Raises:
            LedgerError: it does not have them.
        """
        await self.run(self._guarded, self.ledger.write, claims)

    async def copy(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Return once the ledger has a copy of what another cluster's says.

        Raises:
            LedgerError: the old copy stands.
        """
        await self.run(self._guarded, self.ledger.copy, cluster, old, new)

    def _guarded(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Make a call, which looks after the ledger's file, where the state directory is held."""
        try:
            self._guard()
        except StateError as error:
            raise LedgerError(str(error), hint=error.hint) from error
        call(*args, **kwargs)

    def close(self) -> None:
        """Close the ledger once the calls that were begun are done."""
        self._executor.submit(self.ledger.close).result()
        self._executor.shutdown()


class Seams(msgspec.Struct, frozen=True):
    """Where claims come from, and who is told of them."""

    pending: Callable[[], Sequence[Claim]]
    """All that the ledger does not have yet."""
    acknowledge: Callable[[Sequence[Claim]], None]
    begin_copies: Callable[[], Callable[[], Awaitable[None]]]
    """Returns what copies what other ledgers say at this moment; a LedgerError: it is not copied.

    What is pending then is to be written before: no copy may forget what no claim says yet."""
    stop: Callable[[str], None]
    """Told why a write failed: what is pending is to be taken back, and nothing more decided."""
    resume: Callable[[], None]
    """Told that the ledger can be written again: what was put off is to be decided."""
    observe: Callable[[float], None]
    """Takes the seconds of one write."""
    count_failure: Callable[[], None]


def _parts(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """Yield claims in as many writes as they need.

    What takes a VIP from a host and what that host gets instead stand together or not at all, and
    no host's claims are cut in two.
    """
    moving = {claim.host for claim in claims if claim.is_retired or claim.kind is ClaimKind.PINNED}
    part = [claim for claim in claims if claim.host in moving]
    for _, its in groupby((c for c in claims if c.host not in moving), attrgetter("host")):
        if len(part) >= MOST:
            yield part
            part = []
        part += its
    if part:
        yield part


class LedgerWriter:
    """Writes what is pending whenever it is woken."""

    def __init__(self, thread: LedgerThread, seams: Seams) -> None:
        self._thread = thread
        self._seams = seams
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._served: list[asyncio.Future[None]] = []
        """Those of them that the present write is for."""
        self._failures = 0
        self.failure = ""
        """Why the last write failed; empty: it did not."""

    def wake(self) -> None:
        """Have it write."""
        self._wanted.set()

    async def flush(self) -> None:
        """Return when everything that is pending now is written.

        Raises:
            LedgerError: it is not, and is not pending any more.
        """
        if self._seams.pending():
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(written)
            self.wake()
            await written

    async def run(self) -> None:
        """Write for ever."""
        try:
            while True:
                await self._wait()
                self._served, self._waiting = self._waiting, []
                try:
                    await self._write_pending()
                except LedgerError as error:
                    _answer([*self._served, *self._waiting], error)
                    await self._wait_after(error)
        finally:
            _answer([*self._served, *self._waiting], LedgerError("the server stops"))

    async def _wait(self) -> None:
        """Wait until there is something to write, or the time to look whether there could be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wanted.wait()
        self._wanted.clear()

    async def _write_pending(self) -> None:
        """Write and copy all that is pending now; where that is nothing, look whether it could be.

        Raises:
            LedgerError: what is still pending cannot be written.
        """
        if self.failure:
            await self._thread.probe()
            self.failure = ""
            self._seams.resume()
        claims, copy = self._seams.pending(), self._seams.begin_copies()
        if not claims:
            await self._thread.check()
        for part in _parts(claims):
            started = time.monotonic()
            await self._thread.write(part)
            self._seams.observe(time.monotonic() - started)
            self._seams.acknowledge(part)
        _answer(self._served, None)
        await copy()
        if self._failures:
            logger.info("the ledger is written again")
        self._failures = 0

    async def _wait_after(self, error: LedgerError) -> None:
        """Say that writing failed, wait, and have it tried again."""
        self._failures += 1
        self.failure = f"the ledger cannot be written: {error}"
        self._seams.count_failure()
        delay = RETRY.delay(self._failures, random.random())  # noqa: S311  # spreads retries only
        logger.error(
            "the ledger cannot be written: new hosts stay without a number",
            extra={
                "reason": str(error),
                "fix": error.hint,
                "claims": len(self._seams.pending()),
                "retry_seconds": round(delay, 1),
            },
        )
        self._seams.stop(self.failure)
        self.wake()
        await asyncio.sleep(delay)


def _answer(waiting: Iterable[asyncio.Future[None]], error: LedgerError | None) -> None:
    """Tell those who wait how it went; those who wait no more are passed over."""
    for written in waiting:
        if written.done():
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)
