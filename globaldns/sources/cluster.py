"""A cluster whose objects are read from its API server.

One task follows each scope and hands what it hears to ``Following``, between awaits, so that
nothing needs a lock. A server that is silent for a while is asked whether it is there; when it is
back after it was not, every watch begins anew where it stopped, for its connection may be dead.
Nothing that is listed or goes on counts before the server has shown that it is the same cluster's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, suppress

import msgspec

from globaldns.errors import ApiError
from globaldns.exports.rules import ExportRules
from globaldns.kube.client import Client
from globaldns.kube.identity import OtherCluster, confirm_uid
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import (
    Absent,
    Begun,
    Failed,
    Follower,
    Listed,
    Notice,
    Opened,
    Removed,
    Scope,
    Timing,
)
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.view import Change, ClaimSet, Freshness, View
from globaldns.sources.following import Following
from globaldns.sources.journal import Journal
from globaldns.sources.proving import RemovalProver
from globaldns.sources.remembered import exporting_namespaces
from globaldns.sources.source import Publish
from globaldns.sources.turns import Moment
from globaldns.tasks import steady_clock, wall_clock

logger = logging.getLogger(__name__)

PROBE_AFTER_SECONDS = 15.0
"""How long a server may say nothing until it is asked whether it is there."""
GATHER_SECONDS = 0.002
"""What comes with a change goes out with it: a pod, its slice."""
FOREVER_SECONDS = 3600.0


async def _know_nothing() -> str:
    return ""


class ApiSettings(msgspec.Struct, frozen=True):
    """How an API server is followed."""

    ledger_namespace: str | None
    """Where its VIPLedgers are; None: they are not read here."""
    grace: float
    timing: Timing = Timing()
    probe_after: float = PROBE_AFTER_SECONDS
    recall: Callable[[], Awaitable[str]] = _know_nothing
    """Returns, once that can be said, the UID that the cluster is known by; empty: by none."""


class ClusterSource:
    """One cluster, read from its API server; publishes its view and every change of it."""

    def __init__(
        self,
        access: Access,
        rules: ExportRules,
        settings: ApiSettings,
        *,
        remembered: View | None = None,
        wall: Callable[[], int] = wall_clock,
    ) -> None:
        self.cluster = rules.cluster
        self._settings = settings
        self._wanted = access
        self._client = Client(access)
        self._wall = wall
        self._following = Following(
            rules,
            grace=settings.grace,
            ledger_namespace=settings.ledger_namespace,
            remembered=remembered,
        )
        self._uid = remembered.uid if remembered is not None else ""
        self._revisions = dict(remembered.revisions if remembered is not None else ())
        self._another = ""
        """The UID of the one that answers instead."""
        self._elsewhere: OtherCluster | None = None
        """What new credentials lead to instead."""
        self._followers: dict[Scope, Follower] = {}
        self._tasks: dict[Scope, asyncio.Task[None]] = {}
        self._unproven: set[Scope] = set()
        """Scopes with a whole list that waits for the server to show whose it is."""
        self._group: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._prover = RemovalProver(
            self._following.leaving,
            lambda: self._client,
            self._note_proven,
            retry=settings.timing.poll,
        )
        self._received: float | None = None
        """Steady time of the first thing heard that is not published yet."""
        self._heard = steady_clock()
        self._journal = Journal(self.cluster)

    @property
    def access(self) -> Access:
        """How its server is reached."""
        return self._client.access

    @property
    def freshness(self) -> Freshness:
        """How fresh the view is."""
        return self._following.freshness

    @property
    def uid(self) -> str:
        """Which cluster this is, by its kube-system namespace; empty: nobody says so."""
        return self._uid

    @property
    def another(self) -> str:
        """The UID of the one that answers instead of the one whose view this is; empty: none."""
        return self._another or (self._elsewhere.uid if self._elsewhere else "")

    def view(self) -> View:
        """Return all that the cluster says."""
        view = self._following.view()
        self._note_revisions()
        revisions = tuple(sorted(self._revisions.items()))
        return msgspec.structs.replace(view, uid=self._uid, revisions=revisions)

    def _note_revisions(self) -> None:
        told = ((scope.resource.kind, one.reached) for scope, one in self._followers.items())
        self._revisions.update(sorted(told))

    def namespaces(self) -> frozenset[str]:
        """Return those that it has and keeps; until it is read, those of its exports."""
        if self._following.has_read:
            return self._following.exports.namespaces()
        return exporting_namespaces(self._following.view())

    def leaving_namespaces(self) -> frozenset[str]:
        """Return those that are being deleted, as far as they were read."""
        return self._following.exports.leaving_namespaces()

    def ambient_namespaces(self) -> frozenset[str]:
        """Return those for whose pods their nodes speak HBONE, as far as they were read."""
        return self._following.exports.ambient_namespaces()

    def services(self) -> frozenset[Host] | None:
        """Return the hosts of all its Services but ours; None: it was not read yet."""
        return self._following.exports.services() if self._following.has_read else None

    def findings(self, of_mesh: Iterable[Finding] = ()) -> list[Finding]:
        """Return what is wrong now; ``of_mesh`` are findings of others about its objects."""
        return [*self._following.findings(), *of_mesh]

    def rejected(self) -> Counter[str]:
        """Return how many objects are refused now, by kind."""
        named = {finding.object for finding in self._following.refused()}
        return Counter(name.partition(" ")[0] for name in named)

    def refused(self) -> Iterator[Finding]:
        """Yield why an object is refused now."""
        yield from self._following.refused()

    def kept(self) -> ClaimSet:
        """Return what the cluster keeps of our own ledger.

        Raises:
            InvalidObject: a part of it cannot be read.
        """
        return self._following.exports.kept()

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:
        """Learn the gateways of all other clusters; return what that changes."""
        changes = self._following.set_foreign_gateways(addresses)
        self._follow_all()
        return changes

    async def run(self, publish: Publish) -> None:
        """Publish what is known, then every change, for ever; ``publish`` may not wait."""
        publish(self._following.begin(), steady_clock())
        self._note_revisions()
        self._followers.clear()
        self._unproven.clear()
        self._tasks.clear()
        try:
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._probe())
                self._group.create_task(self._prover.run())
                if self._wanted is not self.access:
                    self._group.create_task(self._replace_client(self._wanted))
                while True:
                    self._follow_all()
                    await self._wait()
                    self._publish(publish)
        finally:
            self._group = None
            await self._client.close()

    def lead(self, access: Access) -> bool:
        """Reach the server another way from now on, once that is seen to lead there."""
        self._wanted, self._elsewhere = access, None
        if self._group is None:
            self._client = Client(access)
        else:
            self._group.create_task(self._replace_client(access))
        return True

    async def _replace_client(self, access: Access) -> None:
        """Have all that is followed go on where it stopped with other credentials.

        Where they do not lead there the old ones are gone on with, and these tried again.
        """
        client, told = Client(access), ""
        try:
            while self._wanted is access:
                try:
                    await self._check(client)
                except ApiError as error:
                    if self._wanted is access and isinstance(error, OtherCluster):
                        self._elsewhere = error
                    if str(error) != told:
                        told = str(error)
                        logger.warning(
                            "new credentials do not lead to the cluster: the old ones are used",
                            extra={"cluster": self.cluster, "reason": told, "fix": error.hint},
                        )
                    await asyncio.sleep(self._settings.timing.poll)
                else:
                    if self._wanted is access:  # nobody has brought newer ones meanwhile
                        self._elsewhere = None
                        client = self._use(client)
                    return
        finally:
            await client.close()

    def _use(self, client: Client) -> Client:
        """Go on with a client; return the former one."""
        former, self._client = self._client, client
        self._followers = {scope: f.through(client) for scope, f in self._followers.items()}
        self._restart()
        return former

    def _publish(self, publish: Publish) -> None:
        received, self._received = self._received, None
        changes = self._following.drain(self._now())
        if changes:
            publish(changes, steady_clock() if received is None else received)
        self._journal.tell_standing(self.freshness, source=self.access.name)
        self._journal.tell_refusals(self._following.refused(), self.findings)

    async def _wait(self) -> None:
        due = self._following.next_turn(steady_clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(FOREVER_SECONDS if due is None else due):
                await self._wake.wait()
        await asyncio.sleep(GATHER_SECONDS)
        self._wake.clear()

    def _follow_all(self) -> None:
        """Follow what is to be followed now, and nothing else.

        Each time that may be different: what is dropped and taken up again is listed again.
        """
        if self._group is None:
            return
        wanted = self._following.scopes
        self._note_revisions()
        for scope in self._tasks.keys() - wanted:
            self._tasks.pop(scope).cancel()
            self._followers.pop(scope, None)
        for scope in wanted - self._tasks.keys():
            if scope not in self._followers:
                timing, reached = self._settings.timing, self._revisions.get(scope.resource.kind, 0)
                self._followers[scope] = Follower(self._client, scope, timing, reached=reached)
            self._tasks[scope] = self._group.create_task(self._follow(scope))

    async def _follow(self, scope: Scope) -> None:
        async with aclosing(self._followers[scope].run()) as notices:
            async for notice in notices:
                if isinstance(notice, Listed):
                    self._unproven.add(scope)
                if isinstance(notice, Begun | Opened | Listed):
                    await self._until_same()
                    self._unproven.discard(scope)
                self._take(scope, notice, self._now())
                if isinstance(notice, Listed) and notice.has_gone_back:
                    self._begin_anew()  # ends this very task

    def _take(self, scope: Scope, notice: Notice, now: Moment) -> None:
        if not isinstance(notice, Begun | Failed | Absent):  # none is proof of the view
            self._heard = now.steady
        self._following.take(scope, notice, now)
        if isinstance(notice, Removed | Listed):
            self._prover.note()
        if isinstance(notice, Absent | Failed | Listed):
            self._follow_all()
        self._received = self._received or now.steady
        self._wake.set()

    def _begin_anew(self) -> None:
        """List everything again: what other kinds are followed from may be another history's."""
        self._revisions.clear()
        self._followers.clear()
        self._restart()

    def _restart(self) -> None:
        """Begin every watch anew where it stopped, and every list that was not taken in."""
        for scope in self._unproven:
            self._followers.pop(scope, None)
        self._unproven.clear()
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._wake.set()

    async def _probe(self) -> None:
        """Ask a silent server whether it is there, for ever."""
        is_lost = False
        while True:
            silent = steady_clock() - self._heard
            await asyncio.sleep(max(0.0, self._settings.probe_after - silent))
            if steady_clock() - self._heard < self._settings.probe_after:
                continue
            try:
                await self._check(self._client)
            except ApiError as error:
                is_lost = True
                self._heard = steady_clock()
                self._following.note_silence(self._elsewhere or error)
            else:
                now = self._now()
                self._heard = now.steady
                self._following.note_contact(now)
                if is_lost:
                    is_lost = False
                    self._restart()
            self._wake.set()

    def _note_proven(self, since: float) -> None:
        """Have published what is decided of removals that were heard since then."""
        self._received = min(since, self._received or since)
        self._wake.set()

    async def _until_same(self) -> None:
        """Return once it is seen that the cluster answers that did before."""
        is_alarmed, failures = False, 0
        while True:
            failures += 1
            delay = self._settings.timing.backoff.delay(failures, random.random())  # noqa: S311
            try:
                await self._check(self._client)
            except OtherCluster as error:
                is_alarmed, delay = True, self._settings.timing.poll
                self._another = error.uid
                self._following.raise_alarm(str(error))
            except ApiError as error:
                self._following.note_silence(self._elsewhere or error)
            else:
                break
            self._wake.set()
            await asyncio.sleep(delay)
        self._another = ""
        self._following.raise_alarm("")
        if failures > 1:
            self._following.note_contact(self._now())
            self._wake.set()
        if is_alarmed:
            self._restart()  # ends this very task

    async def _check(self, client: Client) -> None:
        """Make sure that the server is there, and is the same cluster's.

        Raises:
            ApiError: it is not.
        """
        known = self._uid or await self._settings.recall()
        self._uid = await confirm_uid(client, self.cluster, known) or known

    def _now(self) -> Moment:
        return Moment(self._wall(), steady_clock())
