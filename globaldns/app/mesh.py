"""The registry of a running server: changes of sources in, answers out, turn by turn.

Changes that come within 20 ms of a turn go out together with the next, if they touch not too many
hosts. A turn has no await in it, so nothing is ever seen half done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import msgspec

from globaldns.app.clock import BelievedClock
from globaldns.app.publication import Publication
from globaldns.model.claim import Claim
from globaldns.model.view import (
    Change,
    ClaimSet,
    Put,
    Remove,
    Reset,
    SetEntrusted,
    SetLedger,
)
from globaldns.registry.delta import Delta
from globaldns.registry.numbering import AT_ONCE
from globaldns.registry.registry import Registry
from globaldns.registry.settings import RegistrySettings

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
HEARTBEAT_SECONDS = 1.0
"""How often the zones are confirmed and the clock is looked at though nothing changes."""
HALTED_SECONDS = 10
"""Who has taken no turn for so long was halted, or busy: no source could be heard meanwhile."""
EXCUSED_SECONDS = 35
"""How long sources are then given to be in contact again; a directory is looked at every 30 s."""


class MeshSeams(msgspec.Struct, frozen=True):
    """Who is asked and told what around a turn."""

    may_settle: Callable[[], bool]
    """Whether every source has been read or its grace is over."""
    write: Callable[[], None]
    """Has the claims written that the ledger does not have yet."""
    tell: Callable[[Delta], None]
    """Tells people and counters what a turn has changed."""
    confirm: Callable[[], None]
    """Gives the zones the word that they are what there is."""
    measure: Callable[[str, float], None]
    """Takes a cluster, and the steady time at which a change of it was received."""


class Mesh:
    """Takes turns."""

    def __init__(
        self, registry: Registry, publication: Publication, clock: BelievedClock, seams: MeshSeams
    ) -> None:
        self.registry = registry
        self.publication = publication
        self.clock = clock
        self.settled = asyncio.Event()
        """Set once every source has been read or its grace is over."""
        self.numbered = asyncio.Event()
        """Set once what is known at the start is numbered, published, and written or cannot be."""
        self.changed_by_hand = asyncio.Event()
        """Set when a person has changed claims: what the last backup says is not what stands."""
        self._seams = seams
        self._turned_at = clock.now()
        self._is_settling = False
        """Whether what is only remembered ends with the last of what is published at the settle."""
        self._waiting: list[Change] = []
        self._received: dict[str, float] = {}
        """Clusters with changes that are not answered yet, and when the first of them came."""
        self._wanted = asyncio.Event()

    def offer(self, changes: Sequence[Change], received: float) -> None:
        """Take changes into the next turn; ``received`` is steady time."""
        for change in changes:
            if isinstance(change, SetLedger | SetEntrusted):
                self._supersede(change)
            self._waiting.append(change)
        for change in changes:
            self._received.setdefault(change.cluster, received)
        self._wanted.set()

    def _supersede(self, change: SetLedger | SetEntrusted) -> None:
        """Leave out what waits and says less: a ledger of a thousand objects changes as often."""
        for place in range(len(self._waiting) - 1, -1, -1):
            waiting = self._waiting[place]
            if waiting.cluster != change.cluster:
                continue
            if isinstance(waiting, Reset):
                return
            if type(waiting) is type(change):
                del self._waiting[place]
                return

    async def run(self) -> None:
        """Take turns for ever."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            self.take_turn()
            if self._is_due:
                self._wanted.set()
            await asyncio.sleep(GATHER_SECONDS)

    def take_turn(self) -> None:
        """Take in what waits, and do what time alone changes."""
        now = self.clock.now()
        if now - self._turned_at > HALTED_SECONDS:
            self.registry.silence.excuse(now + EXCUSED_SECONDS)
        self._turned_at = now
        is_trusted_again = self._look_at_clock()
        if changes := self._take():
            self.publish(self.registry.apply(changes, now))
        elif is_trusted_again or self._is_due:
            self.publish(self.registry.tick(now))
        if self._may_settle:
            self._settle(now)
        self._seams.confirm()

    def _take(self) -> list[Change]:
        """Return what to take in now: changes that touch about ``AT_ONCE`` hosts at the most."""
        sizes = accumulate(map(self._size, self._waiting))
        enough = (place for place, size in enumerate(sizes, 1) if size >= AT_ONCE)
        end = next(enough, len(self._waiting))
        changes, self._waiting = self._waiting[:end], self._waiting[end:]
        return changes

    def _size(self, change: Change) -> int:
        """Return how many hosts a change may touch."""
        if isinstance(change, Put | Remove):
            return 1
        known = len(self.registry.views.cluster(change.cluster).exports)
        return known + (len(change.view.exports) if isinstance(change, Reset) else 0)

    def publish(self, delta: Delta) -> None:
        """Answer by what a turn decided, and pass on the rest of it."""
        services = self.registry.services
        if self._is_settling and self.registry.is_published:
            self._is_settling = False
            self.publication.settle(delta, services)
        else:
            self.publication.publish(delta, services)
        self._pass_on(delta)

    def reconfigure(self, settings: RegistrySettings) -> None:
        """Obey other settings."""
        self.publish(self.registry.reconfigure(settings, self.clock.now()))

    def acknowledge(self, claims: Sequence[Claim]) -> None:
        """Publish what waited for the ledger to have these claims."""
        self.publish(self.registry.acknowledge(claims, self.clock.now()))

    def load(self, claims: Sequence[Claim], copies: Mapping[str, ClaimSet]) -> None:
        """Answer by what a ledger says that was out of reach at the start."""
        self.publish(self.registry.load(claims, copies, self.clock.now()))

    def adopt(self, new: Sequence[Claim], gone: Sequence[Claim]) -> None:
        """Answer by what another replica has written."""
        self.publish(self.registry.adopt(new, gone, self.clock.now()))

    def acknowledge_copies(self) -> None:
        """Publish what waited for the ledger to have copies of other ledgers."""
        self.publish(self.registry.acknowledge_copies(self.clock.now()))

    def stop_writing(self, reason: str) -> None:
        """Answer by what the ledger has while it cannot be written, and decide nothing."""
        self.publish(self.registry.stop_writing(reason, self.clock.now()))
        if self.registry.is_settled:
            self.numbered.set()

    def resume_writing(self) -> None:
        """Decide what was put off while the ledger could not be written."""
        self.publish(self.registry.resume_writing(self.clock.now()))

    def _settle(self, now: int) -> None:
        delta = self.registry.settle(now)
        self.settled.set()
        self._is_settling = True
        self.publish(delta)

    def _pass_on(self, delta: Delta) -> None:
        if delta.claims:
            self._seams.write()
        self._seams.tell(delta)
        if self.registry.is_written and self.registry.is_settled:
            self.numbered.set()
            received, self._received = self._received, {}
            for cluster, at in received.items():
                self._seams.measure(cluster, at)

    @property
    def _may_settle(self) -> bool:
        """Whether all was read, and what is remembered of it is published: it ends now."""
        registry = self.registry
        is_taken = not self._waiting and not registry.is_behind
        return not registry.is_settled and is_taken and self._seams.may_settle()

    @property
    def _is_due(self) -> bool:
        """Whether there is something to do though nothing more comes."""
        if self._waiting:
            return True
        deadline = self.registry.next_deadline
        return deadline is not None and deadline <= self.clock.now()

    def _look_at_clock(self) -> bool:
        """Pause the registry while the clock cannot be believed; return whether that has ended."""
        reason, former = self.clock.disagreement(), self.registry.pause_reason
        if (reason is None) == (former is None):
            return False
        self.registry.pause(reason)
        if reason is None:
            logger.info("the clock is believed again")
            return True
        logger.error("nothing is numbered, because of the clock", extra={"reason": reason})
        return False
