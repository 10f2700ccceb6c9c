"""One term of writing routes: it begins with all that stands, and goes on from there.

note ──► pending ──► decide ──► queue by urgency ──► token ──► decide again ──► one request
             ▲           │ later                                                    │
             └───────────┴──────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus

import msgspec

from globaldns.apply.bucket import TokenBucket
from globaldns.apply.pending import Pending
from globaldns.apply.routes.comparison import Urgency
from globaldns.apply.routes.following import Followed, Following, FollowingSeams
from globaldns.apply.routes.hindrances import Hindrances, tell_refused
from globaldns.apply.routes.objects import ROLES, RouteObjects
from globaldns.apply.routes.patience import (
    Create,
    Decision,
    Delete,
    Fate,
    Memory,
    Rules,
    Step,
    Wanted,
    decide,
    step_key,
)
from globaldns.apply.routes.progress import Progress, Stage
from globaldns.apply.routes.standing import Standing
from globaldns.apply.routes.taken import tell_taken
from globaldns.apply.setbacks import Setbacks
from globaldns.errors import ApiError, ApiRefused
from globaldns.istio.notices import Code, Notice
from globaldns.istio.replica import CLUSTER_DOMAIN, replicated_host
from globaldns.kube.client import Client
from globaldns.kube.resources import Resource
from globaldns.kube.watch import Timing
from globaldns.model.host import Host, split_zone

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often to look whether the term is over, or what all routes depend on has changed."""
GATHER_SECONDS = 0.05
"""What comes with a change is written with it."""
AT_A_TIME = 50
"""Hosts that are looked at in a row: some milliseconds."""
EVERYWHERE = Host("")
"""Stands for what is about no single host."""
_WORDS: dict[type[Step], str] = {Create: "created", Delete: "deleted"}
_REPLACED = "replaced"


class TermSettings(msgspec.Struct, frozen=True):
    """Who we are."""

    cluster: str
    timing: Timing = Timing()


class TermSeams(msgspec.Struct, frozen=True):
    """Who is asked and told what."""

    resources: Callable[[], tuple[Resource, ...]]
    """Returns the kinds that are written; where these change another term begins."""
    wanted: Callable[[Host], Wanted]
    hosts: Callable[[], Iterable[Host]]
    """Returns every service's."""
    zones: Callable[[], tuple[str, ...]]
    renew: Callable[[], Iterable[Host]]
    """Looks at what all routes depend on; returns the hosts that have others now."""
    is_settled: Callable[[], bool]
    """Whether it is decided which service has which VIP, and names of gateways were looked up."""
    may_write: Callable[[], bool]
    rate: Callable[[], float]
    """Returns how many requests a second may change something."""
    rules: Callable[[], Rules]
    count: Callable[[str], None]
    """Counts a request by its result."""


class Term:
    """The time for which this replica may write."""

    def __init__(
        self, client: Client, settings: TermSettings, seams: TermSeams, bucket: TokenBucket
    ) -> None:
        self._seams = seams
        self._bucket = bucket
        self._objects = RouteObjects(client, settings.cluster)
        self._resources = seams.resources()
        followed = Followed(settings.cluster, self._resources, settings.timing)
        told = FollowingSeams(changed=self._note_name, listed=self._begin)
        self._following = Following(client, followed, told)
        self._setbacks = Setbacks(ROLES)
        self._hindrances = Hindrances()
        self._pending = Pending()
        self._queues: dict[Urgency, dict[Host, None]] = {urgency: {} for urgency in Urgency}
        self._memory: dict[Host, Memory] = {}
        self._behind: dict[Host, float] = {}
        """Since when there is something to do for a host, in steady seconds."""
        self._owed: set[Host] = set()
        """Hosts of which something stands, and not yet as it is to be since all routes changed."""
        self._wanted = asyncio.Event()
        self._paused_until = 0.0
        self._renewed_at = 0.0

    @property
    def waiting(self) -> int:
        """How many hosts wait to be looked at, or written."""
        return len(self._pending) + sum(map(len, self._queues.values()))

    @property
    def hindered(self) -> Mapping[Host, tuple[Notice, ...]]:
        """What is not written, and why; what is about no single host under ``EVERYWHERE``."""
        told, unread = self._hindrances.notices, self._following.troubles
        return {**told, EVERYWHERE: (*told.get(EVERYWHERE, ()), *unread)} if unread else told

    def hindrances(self, host: Host) -> tuple[Notice, ...]:
        """Return what of a host is not written, and why."""
        return self._hindrances.of(host)

    def progress(self, host: Host) -> Progress:
        """Return whether what is wanted of a host stands."""
        if reason := self._following.reason:
            return Progress(Stage.PENDING, reason=reason)
        since = self._behind.get(host)
        seconds = None if since is None else asyncio.get_running_loop().time() - since
        if hindered := self._hindrances.of(host):
            return Progress(Stage.REFUSED, seconds, "; ".join(one.detail for one in hindered))
        if since is not None or host in self._pending:
            return Progress(Stage.PENDING, seconds)
        return Progress(Stage.WRITTEN if self._standing(host) else Stage.NONE)

    def note(self, hosts: Iterable[Host]) -> None:
        """Have hosts looked at, because something about them has changed."""
        self._pending.note(hosts)
        self._wanted.set()

    async def follow(self) -> None:
        """Follow what stands, for ever, once the mesh is read: that has to wait for nothing."""
        while not self._seams.is_settled():  # noqa: ASYNC110  # nobody tells, and time may end it
            await asyncio.sleep(LOOK_SECONDS)
        await self._following.follow()

    async def write(self) -> None:
        """Do what is to be done until the term is over."""
        clock = asyncio.get_running_loop().time
        while self._seams.may_write() and self._seams.resources() == self._resources:
            self._renew(clock())
            has_judged = self._judge(clock())
            host = self._next()
            if host is None:
                await (asyncio.sleep(0) if has_judged else self._rest())
                continue
            wait = max(self._paused_until - clock(), self._bucket.wait(clock(), self._seams.rate()))
            if wait > 0:
                await asyncio.sleep(0 if has_judged else min(wait, LOOK_SECONDS))
                continue
            await self._write(host)

    def _begin(self) -> None:
        """Look at everything, now that it is known what stands."""
        for one in self._following.objects:
            self._note_name(one.name)
        self._owe(self._seams.hosts())
        self.note((*self._seams.hosts(), EVERYWHERE))

    def _note_name(self, name: str) -> None:
        host = replicated_host(name)
        if host is None:
            found = split_zone(name, self._seams.zones())
            host = found[0] if found else Host(name)
        self.note((host,))

    def _renew(self, now: float) -> None:
        if now - self._renewed_at >= LOOK_SECONDS:
            self._renewed_at = now
            changed = [*self._seams.renew()]
            if EVERYWHERE in changed:
                self._owe(changed)
            self.note(changed)

    def _judge(self, now: float) -> bool:
        """Look at some hosts that wait; return whether there were any."""
        if not self._following.is_listed or not self._seams.is_settled():
            return False
        for number in range(AT_A_TIME):
            host = self._pending.take(now)
            if host is None:
                return number > 0
            decision = self._decide(host, now)
            if decision.step is not None:
                self._queues[decision.urgency][host] = None
        return True

    def _owe(self, hosts: Iterable[Host]) -> None:
        """Take note that all routes of some hosts may have to be others."""
        self._owed = {host for host in hosts if host and self._standing(host)}

    def _settle(self, host: Host) -> None:
        """Take note that a host's routes are as they are to be."""
        if host in self._owed:
            self._owed.discard(host)
            if not self._owed:
                self.note((EVERYWHERE,))

    def _decide(self, host: Host, now: float) -> Decision:
        memory = self._memory.get(host, Memory())
        wanted, standing = self._seams.wanted(host), self._standing(host)
        if self._owed and host == EVERYWHERE and wanted.fate is Fate.WITHDRAW:
            wanted = Wanted(Fate.STAND)  # what is about all is needed as long as any is as before
        decision = decide(wanted, standing, memory, self._seams.rules(), now)
        self._forget_hindrances(host, decision)
        if decision.memory == Memory():
            self._memory.pop(host, None)
        else:
            self._memory[host] = decision.memory
        if decision.step is None:
            self._behind.pop(host, None)
        else:
            self._behind.setdefault(host, now)
        if decision.later is not None:
            self._pending.note_at(host, decision.later)
        elif decision.step is None:
            self._settle(host)
        return decision

    def _forget_hindrances(self, host: Host, decision: Decision) -> None:
        """Forget what nobody wants to be written any more, or what is as it is to be by now."""
        gone = self._hindrances.keep(host, decision.memory.refused)
        for key, notice in gone.items():
            if notice.code is Code.TAKEN_NAME:
                logger.info("a taken name keeps no route any more", extra={"object": str(key)})

    def _standing(self, host: Host) -> list[Standing]:
        """Return all of ours about a host, in the zones that are served and, by name, in others."""
        zones = (*self._seams.zones(), CLUSTER_DOMAIN) if host else ()
        names = dict.fromkeys((host, *(f"{host}.{zone}" for zone in zones)))
        return [one for name in names for one in self._following.objects.about(name)]

    def _next(self) -> Host | None:
        """Return the host with the most urgent thing to do; None: there is none."""
        for queue in self._queues.values():
            if queue:
                return next(iter(queue))
        return None

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wanted.wait()
                await asyncio.sleep(GATHER_SECONDS)
        self._wanted.clear()

    async def _write(self, host: Host) -> None:
        """Do the most urgent thing for a host, if it is still to be done."""
        for queue in self._queues.values():
            queue.pop(host, None)
        now = asyncio.get_running_loop().time()
        decision = self._decide(host, now)
        step = decision.step
        if step is None:
            return
        self._bucket.take()
        key = step_key(step)
        try:
            standing = await self._objects.take(step)
        except ApiError as error:
            self._seams.count("failed")
            self._suffer(host, step, error)
            if isinstance(step, Create) and _is_conflict(error):
                await self._find_holder(host, step)
            return
        self._seams.count(_WORDS.get(type(step), _REPLACED))
        self._setbacks.succeed(host, key.namespace)
        if standing is None:
            self._following.objects.drop(key)
        else:
            self._following.objects.put(standing)
            memory = decision.memory
            self._memory[host] = msgspec.structs.replace(
                memory, written={**memory.written, key: now}, refused=memory.refused - {key}
            )
        self.note((host,))  # it may not be all

    async def _find_holder(self, host: Host, step: Create) -> None:
        """Say who has the name of an object that is to be created, unless it is ours by now."""
        try:
            holder = await self._objects.find_holder(step_key(step))
        except ApiError as error:
            self._suffer(host, step, error)
            return
        if holder is None:  # somebody of ours was faster, or it is gone
            return
        notice = tell_taken(holder, step.document)
        if self._hindrances.note(host, holder.key, notice):
            logger.warning(
                "a route is not written",
                extra={"object": str(holder.key), "reason": notice.detail, "fix": notice.hint},
            )

    def _suffer(self, host: Host, step: Step, error: ApiError) -> None:
        """Have a host, or everything, wait after a failure."""
        key = step_key(step)
        setback = self._setbacks.fail(
            host,
            key.namespace,
            error,
            was_there=not isinstance(step, Create),
            chance=random.random(),  # noqa: S311
        )
        if setback.news:
            logger.warning(
                "a route is not written",
                extra={"object": str(key), "reason": setback.news, "fix": setback.remedy},
            )
        if setback.is_gone:
            self._following.objects.drop(key)
        clock = asyncio.get_running_loop().time
        if setback.server_seconds:
            self._paused_until = clock() + setback.server_seconds
        if setback.host_seconds:
            memory = self._memory.get(host, Memory())
            refused = memory.refused | {key}
            if not _is_conflict(error):
                notice = tell_refused(step, error, setback.remedy)
                self._hindrances.note(host, key, notice)
            self._memory[host] = msgspec.structs.replace(memory, refused=refused)
            self._pending.note_at(host, clock() + setback.host_seconds)
        else:
            self.note((host,))


def _is_conflict(error: ApiError) -> bool:
    """Whether something has the name, or somebody was faster."""
    return isinstance(error, ApiRefused) and error.status == HTTPStatus.CONFLICT
