"""Claims on their way into the ledger: written by one thread, told when they are on the disk.

What cannot be written is taken back, and the ledger is tried again and again; until it can be
written nothing more is decided.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import ParamSpec, Protocol, TypeVar

import msgspec

from globaldns.errors import LedgerError, StateError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.finding import Finding
from globaldns.model.head import Head, Uids
from globaldns.model.view import ClaimSet
from globaldns.tasks import Backoff

logger = logging.getLogger(__name__)

MOST = 10_000
"""Claims of one write, about, some 50 ms: while the next are written these are answered."""
LOOK_SECONDS = 10.0
"""How often to look whether the ledger is in its place though nothing is to be written."""
RETRY = Backoff(initial=0.5, maximum=30.0)

Place = tuple[str, int]
"""Sorts claims; what is in one place is not cut in two writes."""
P = ParamSpec("P")
T = TypeVar("T")


class LedgerNews(msgspec.Struct, frozen=True):
    """Who is told what a ledger says that others write too, and who helps to begin one."""

    load: Callable[[Sequence[Claim], Mapping[str, ClaimSet]], None]
    """Takes all that it says, where that is not known at the start: claims, and copies."""
    adopt: Callable[[Sequence[Claim], Sequence[Claim]], None]
    """Takes what somebody else has written, and what somebody else has forgotten."""
    are_heard: Callable[[], bool]
    """Whether every source was read, or its grace is over."""
    kept: Callable[[], Iterable[ClaimSet]]
    """What the other clusters keep of our ledger."""
    changed: Callable[[], None]
    """Told when it may be written from now on, or may not any more."""
    wall: Callable[[], int]
    head: Callable[[], Head]
    """What it is to say beside claims."""
    on_restart: Callable[[str], None]


class WritableLedger(Protocol):
    """Where claims are written; every method raises a LedgerError where it could not do it."""

    cluster: str
    """Whose it is."""

    @property
    def marker(self) -> Marker | None:
        """Which ledger it is; None: that is not known yet."""

    @property
    def uids(self) -> Uids:
        """Which cluster it takes each name for, as far as it is known."""

    def findings(self) -> Iterable[Finding]:
        """Return what is odd about what stands in its place."""

    def attach(self, news: LedgerNews) -> None:
        """Learn who is to be told; once, before it is followed."""

    async def follow(self) -> None:
        """Follow what others write, for ever."""

    @property
    def is_listed(self) -> bool:
        """Whether all that it says is known."""

    @property
    def rest_reason(self) -> str:
        """Why nothing may be written now although nothing failed; empty: it may."""

    @property
    def trouble(self) -> LedgerError | StateError | None:
        """Why nobody may write it; None: somebody may, for all that is known."""

    async def until_writable(self) -> None:
        """Return when it may be written."""

    async def check(self) -> None:
        """Make sure that it could be written."""

    async def probe(self) -> None:
        """Return once it is seen that it can be written."""

    def together(self, claim: Claim) -> Place:
        """Return what says which claims are not to be cut in two writes, and sorts them."""

    async def restore(self, claims: Sequence[Claim]) -> bool:
        """Begin it with claims of a backup where nobody knows what it said; return whether so."""

    async def write(self, claims: Sequence[Claim]) -> None:
        """Return once it has claims."""

    @property
    def torn(self) -> Collection[str]:
        """The clusters whose copies may not say what was copied last: somebody has changed them."""

    async def copy(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Return once it has a copy of what another cluster's ledger says."""

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Return once it does not have claims any more."""

    async def dropped(self, configured: Collection[str], now: int) -> dict[str, int]:
        """Return since when each cluster with claims in it is not among the configured ones."""


class LedgerThread:
    """A SQLite ledger, and the one thread that touches it while the event loop goes on."""

    rest_reason = ""
    trouble: LedgerError | StateError | None = None
    is_listed = True
    torn: Collection[str] = ()
    uids: Uids = ()
    """Nothing: what each view was read of stands beside this ledger, and goes with it."""

    def __init__(self, ledger: SqliteLedger, guard: Callable[[], None]) -> None:
        self.ledger = ledger
        self.cluster = ledger.cluster
        self.marker = ledger.marker
        self._guard = guard
        """Raises a StateError where the state directory is not held any more."""
        self._executor = ThreadPoolExecutor(1, "ledger")

    def findings(self) -> Iterable[Finding]:
        """Return nothing: vip verify looks at the file."""
        return ()

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

    def together(self, claim: Claim) -> Place:
        """Return the host: its claims stand together or not at all."""
        return (claim.host, 0)

    async def restore(self, _claims: Sequence[Claim]) -> bool:
        """Return False: where it is lost no server starts."""
        return False

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

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Return once the ledger does not have claims.

        Raises:
            LedgerError: nothing is forgotten.
        """
        await self.run(self.ledger.forget, claims)

    async def dropped(self, configured: Collection[str], now: int) -> dict[str, int]:
        """Return since when each cluster with claims in it is not among the configured ones.

        Raises:
            LedgerError: it cannot be read, or what is new cannot be noted.
        """
        return await self.run(self.ledger.dropped, configured, now)

    def attach(self, news: LedgerNews) -> None:
        """Do nothing: nobody else writes it."""

    async def follow(self) -> None:
        """Wait for ever: nobody else writes it."""
        await asyncio.Event().wait()

    async def until_writable(self) -> None:
        """Return at once: nobody else writes it."""

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


def _parts(claims: Sequence[Claim], together: Callable[[Claim], Place]) -> Iterator[list[Claim]]:
    """Yield claims in as many writes as they need.

    What takes a VIP from a host and what that host gets instead stand together or not at all, and
    what belongs ``together`` is not cut in two.
    """
    moving = {claim.host for claim in claims if claim.is_retired or claim.kind is ClaimKind.PINNED}
    part = [claim for claim in claims if claim.host in moving]
    others = sorted((claim for claim in claims if claim.host not in moving), key=together)
    for _, its in groupby(others, together):
        if len(part) >= MOST:
            yield part
            part = []
        part += its
    if part:
        yield part


class LedgerWriter:
    """Writes what is pending whenever it is woken."""

    def __init__(self, ledger: WritableLedger, seams: Seams) -> None:
        self._ledger = ledger
        self._seams = seams
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._served: list[asyncio.Future[None]] = []
        """Those of them that the present write is for."""
        self._failures = 0
        self.trouble: LedgerError | None = None
        """Why the last write failed; None: it did not."""

    @property
    def failure(self) -> str:
        """Why the last write failed; empty: it did not."""
        return str(self.trouble or "")

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
                if self._ledger.rest_reason:
                    await self._rest(self._ledger.rest_reason)
                self._served, self._waiting = self._waiting, []
                try:
                    await self._write_pending()
                except LedgerError as error:
                    _answer([*self._served, *self._waiting], error)
                    if not self._ledger.rest_reason:
                        await self._wait_after(error)
        finally:
            _answer([*self._served, *self._waiting], LedgerError("the server stops"))

    async def _rest(self, reason: str) -> None:
        """Have nothing decided until we may write: somebody else does, or will."""
        _answer(self._waiting, LedgerError(reason, hint="ask the replica that writes"))
        self._waiting, self.trouble = [], None
        self._seams.stop(reason)
        await self._ledger.until_writable()
        self._seams.resume()

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
            await self._ledger.probe()
            self.trouble = None
            self._seams.resume()
        claims, copy = self._seams.pending(), self._seams.begin_copies()
        if not claims:
            await self._ledger.check()
        for part in _parts(claims, self._ledger.together):
            started = time.monotonic()
            await self._ledger.write(part)
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
        self.trouble = LedgerError(f"the ledger cannot be written: {error}", hint=error.hint)
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
