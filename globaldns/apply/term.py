"""One term of writing GlobalServices: it begins with all that stands, and goes on from there.

note ──► pending, the newest first ──► next_step ──► token ──► one request ──► seen
                 ▲                         │ nothing to do                      │
                 └── later: a move is told no more, a refusal is tried again ◄──┘
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import msgspec

from globaldns.apply.bucket import TokenBucket
from globaldns.apply.conditions import moved_until
from globaldns.apply.facts import Facts, Moved, Refusal
from globaldns.apply.following import Following, FollowingSeams
from globaldns.apply.objects import ROLES, GlobalServiceObjects
from globaldns.apply.pending import Pending
from globaldns.apply.places import place_of
from globaldns.apply.seen import Seen
from globaldns.apply.setbacks import Setbacks
from globaldns.apply.status import decode_status
from globaldns.apply.steps import (
    Create,
    Delete,
    Show,
    Step,
    Write,
    next_step,
    place_in,
    wished_number,
)
from globaldns.errors import ApiError, LedgerError, RequestRefused
from globaldns.kube.client import Client
from globaldns.kube.watch import Timing
from globaldns.model.host import Host, namespace_of
from globaldns.registry.delta import Move

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often to look whether the term is over, or what was awaited has come."""
GATHER_SECONDS = 0.1
"""What comes with a change is written with it: its endpoints, its number."""
AT_A_TIME = 50
"""Hosts without anything to do that are looked at in a row: some milliseconds."""
REST_SECONDS = 0.005
RETRY_SECONDS = 10.0
"""When a wish is tried again that the ledger did not take."""
_WORDS: dict[type[Step], str] = {
    Create: "created",
    Show: "shown",
    Write: "written",
    Delete: "deleted",
}


class TermSettings(msgspec.Struct, frozen=True):
    """Who we are."""

    cluster: str
    namespace: str
    """Ours."""
    timing: Timing = Timing()


class TermSeams(msgspec.Struct, frozen=True):
    """Who is asked and told what."""

    facts: Callable[[Host], Facts]
    hosts: Callable[[], Iterable[Host]]
    """Returns every service's, those that changed last at the end."""
    is_settled: Callable[[], bool]
    """Whether it is decided which service has which VIP."""
    is_complete: Callable[[], bool]
    """Whether a host that is no service is known to be none."""
    may_write: Callable[[], bool]
    rate: Callable[[], float]
    """Returns how many requests a second may change something."""
    renumber: Callable[[Host, int], Awaitable[None]]
    """Gives a host another number, as was wished at a time; a RequestRefused says why not."""
    judge_spec: Callable[[Seen], Refusal | None]
    """Returns whether what people wrote into an object is obeyed; None: they wrote nothing."""
    count: Callable[[str], None]
    """Counts a request by its result."""
    wall: Callable[[], int]


class Term:
    """The time for which this replica may write."""

    def __init__(
        self, client: Client, settings: TermSettings, seams: TermSeams, bucket: TokenBucket
    ) -> None:
        self.pending = Pending()
        self._settings = settings
        self._seams = seams
        self._bucket = bucket
        self._objects = GlobalServiceObjects(client, settings.cluster)
        told = FollowingSeams(changed=self.note, moved_in=self._note_namespace, listed=self._begin)
        self._following = Following(client, settings.cluster, told, settings.timing)
        self._setbacks = Setbacks(ROLES)
        self._wanted = asyncio.Event()
        self._paused_until = 0.0
        self._was_complete = False
        self._idle = 0
        """How often there was nothing to do for a host."""
        self._moved: dict[Host, Moved] = {}
        self._refusals: dict[Host, str] = {}
        self._renumbered: dict[Host, int] = {}
        """Wishes that are obeyed, of which the status does not say so yet."""

    @property
    def waiting(self) -> int:
        """How many hosts wait to be looked at."""
        return len(self.pending)

    def note(self, hosts: Iterable[Host], moves: Iterable[Move] = ()) -> None:
        """Have hosts looked at, because something about them has changed."""
        now = self._seams.wall()
        self._moved.update((move.host, Moved(move, now)) for move in moves)
        self.pending.note(hosts)
        self._wanted.set()

    async def follow(self) -> None:
        """Follow what stands, for ever, once the mesh is read: that has to wait for nothing."""
        while not self._seams.is_settled():  # noqa: ASYNC110  # nobody tells, and time may end it
            await asyncio.sleep(LOOK_SECONDS)
        await self._following.follow()

    async def write(self) -> None:
        """Do what is to be done until the term is over."""
        clock = asyncio.get_running_loop().time
        while self._seams.may_write():
            wait = max(self._paused_until - clock(), self._bucket.wait(clock(), self._seams.rate()))
            if wait > 0:
                await asyncio.sleep(min(wait, LOOK_SECONDS))
                continue
            host = self._take()
            if host is None:
                await self._rest()
            else:
                await self._look_at(host)

    def _begin(self) -> None:
        """Look at everything, now that it is known what stands."""
        services = dict.fromkeys(self._seams.hosts())
        others = [host for host in self._following.objects.subjects if host not in services]
        self.note([*others, *services])

    def _note_namespace(self, namespace: str) -> None:
        self.note([host for host in self._seams.hosts() if namespace_of(host) == namespace])

    def _take(self) -> Host | None:
        if not self._following.is_listed or not self._seams.is_settled():
            return None
        is_complete, was_complete = self._seams.is_complete(), self._was_complete
        self._was_complete = is_complete
        if is_complete and not was_complete:
            hosts = self._following.objects.subjects
            self.pending.note([host for host in hosts if self._seams.facts(host).service is None])
        return self.pending.take(self._seams.wall())

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wanted.wait()
                await asyncio.sleep(GATHER_SECONDS)
        self._wanted.clear()

    async def _look_at(self, host: Host) -> None:
        """Do the next thing that is to be done for a host, if there is any."""
        objects = self._following.objects
        refusal = self._judge_spec(host)
        is_obeyed = refusal is None or not refusal.code
        wish = wished_number(objects.about(host), self._renumbered.get(host))
        await self._obey(host, wish if is_obeyed else None)
        step = self._decide(host)
        if step is None:
            await self._let_be(host)
            return
        self._bucket.take()
        try:
            seen = await self._objects.take(step)
        except ApiError as error:
            self._seams.count("failed")
            self._suffer(host, step, error)
            return
        self._seams.count(_WORDS[type(step)])
        self._setbacks.succeed(host, place_in(step).namespace)
        if seen is not None:
            objects.put(seen)
        elif isinstance(step, Delete):
            objects.drop(step.seen.place)
        self.pending.note((host,))  # it may not be all

    def _judge_spec(self, host: Host) -> Refusal | None:
        """Return whether what people wrote of a host is obeyed; None: they wrote nothing."""
        objects = self._following.objects.about(host)
        return next(filter(None, map(self._seams.judge_spec, objects)), None)

    def _decide(self, host: Host) -> Step | None:
        facts = msgspec.structs.replace(
            self._seams.facts(host),
            moved=self._moved.get(host),
            refusal=self._refusals.get(host, ""),
            renumbered_at=self._renumbered.get(host),
            spec_refusal=self._judge_spec(host),
        )
        place = place_of(host, self._following.namespaces, self._settings.namespace)
        objects = self._following.objects.about(host)
        return next_step(facts, objects, place, now=self._seams.wall())

    async def _let_be(self, host: Host) -> None:
        """Note when there is something to do for a host for which there is nothing now."""
        self._renumbered.pop(host, None)
        ends = [
            moved_until(decode_status(seen.status).conditions, self._moved.get(host))
            for seen in self._following.objects.about(host)
        ]
        until = min((end for end in ends if end is not None), default=None)
        if until is None:
            self._moved.pop(host, None)
        else:
            self.pending.note_at(host, until)
        self._idle += 1
        if self._idle % AT_A_TIME == 0:
            await asyncio.sleep(REST_SECONDS)

    async def _obey(self, host: Host, wished_at: int | None) -> None:
        """Give a host another number, where a person wishes for that, once."""
        self._refusals.pop(host, None)
        if wished_at is None:
            return
        try:
            await self._seams.renumber(host, wished_at)
        except RequestRefused as error:
            self._refusals[host] = f"{error}; {error.hint}" if error.hint else str(error)
        except LedgerError as error:
            self._refusals[host] = str(error)
            self.pending.note_at(host, self._seams.wall() + RETRY_SECONDS)
        else:
            self._renumbered[host] = wished_at

    def _suffer(self, host: Host, step: Step, error: ApiError) -> None:
        """Have a host, or everything, wait after a failure."""
        setback = self._setbacks.fail(
            host,
            place_in(step).namespace,
            error,
            was_there=isinstance(step, Write),
            chance=random.random(),  # noqa: S311
        )
        if setback.news:
            logger.warning(
                "a GlobalService is not written",
                extra={"host": host, "reason": setback.news, "fix": setback.remedy},
            )
        if setback.is_gone and isinstance(step, Write):
            self._following.objects.drop(step.seen.place)
        if setback.server_seconds:
            self._paused_until = asyncio.get_running_loop().time() + setback.server_seconds
        if setback.host_seconds:
            self.pending.note_at(host, self._seams.wall() + setback.host_seconds)
        else:
            self.pending.note((host,))
