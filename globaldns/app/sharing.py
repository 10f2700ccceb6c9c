"""The ledger that the replicas of a cluster share: followed by all, written by the Lease's holder.

A term begins with reading all of it. Where there is none, it is either the first start, or it was
lost: what neighbours keep of it tells. Nothing is numbered before that is known. After a loss the
claims that they keep are written again under a new marker, and every VIP stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from uuid import uuid4

import msgspec

from globaldns.app.electing import elect
from globaldns.app.identity import find_identity
from globaldns.app.membership import listed_access
from globaldns.app.writing import LOOK_SECONDS, LedgerNews, Place
from globaldns.config.schema import Config
from globaldns.errors import LedgerError, StateError
from globaldns.kube.client import Client
from globaldns.kube.lease import MAX_SKEW_SECONDS, Elector, LeaseTiming
from globaldns.kube.watch import Timing
from globaldns.ledger.kubernetes import KubernetesLedger, LedgerSeams
from globaldns.ledger.opening import OnLoss, keep_marker, remembered_marker
from globaldns.ledger.shards import shard_of
from globaldns.model.claim import Claim, Marker, unite
from globaldns.model.finding import Finding
from globaldns.model.head import Uids
from globaldns.model.view import ClaimSet
from globaldns.state import StateDirectory
from globaldns.tasks import Backoff, supervise

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
HEARD_SECONDS = 0.1
"""How often to look whether all neighbours were heard."""
RESTART = Backoff(initial=0.5, maximum=30.0)
_DROPPED = "globaldns.io/dropped"


class SharedSettings(msgspec.Struct, frozen=True):
    """Where the ledger is, and who we are."""

    cluster: str
    namespace: str
    identity: str
    """Of this replica: its pod's name."""
    on_loss: OnLoss
    timing: Timing = Timing()
    lease: LeaseTiming = LeaseTiming()
    retry: float = RETRY_SECONDS
    """When a term that could not begin is tried again."""


class SharedLedger:
    """Implements ``app.writing.WritableLedger``."""

    _news: LedgerNews

    def __init__(self, client: Client, settings: SharedSettings, state: StateDirectory) -> None:
        self.cluster = settings.cluster
        self._settings = settings
        self._state = state
        self._client = client
        self._candidate = Client(client.access)
        """Asked by the elector alone, in its thread."""
        self._elector = Elector(
            self._candidate,
            namespace=settings.namespace,
            identity=settings.identity,
            timing=settings.lease,
        )
        self._ledger = KubernetesLedger(
            client,
            namespace=settings.namespace,
            cluster=settings.cluster,
            seams=LedgerSeams(
                load=lambda *said: self._news.load(*said),  # noqa: PLW0108  # attached later
                adopt=lambda *news: self._news.adopt(*news),  # noqa: PLW0108  # attached later
                guard=self._guard,
            ),
            timing=settings.timing,
        )
        self._elections = 0
        """How often we began, or ceased, to hold the Lease."""
        self._elected = asyncio.Event()
        self._deposed = asyncio.Event()
        self._in_office = asyncio.Event()
        self._hold: LedgerError | StateError | None = None
        """Why the holder of the Lease does not write yet."""
        self._is_lost = False
        """Whether that is because nobody knows what the ledger said."""
        self._remembered = remembered_marker(state)

    def attach(self, news: LedgerNews) -> None:
        """Learn who is to be told; before it is followed."""
        self._news = news

    @property
    def marker(self) -> Marker | None:
        """Which ledger it is; None: there is none, or it is not known yet."""
        return self._ledger.marker

    @property
    def uids(self) -> Uids:
        """Which cluster it takes each name for, as far as it is known."""
        return self._ledger.head.uids

    def findings(self) -> Sequence[Finding]:
        """Return what is odd about objects in its place."""
        return self._ledger.findings()

    @property
    def torn(self) -> Collection[str]:
        """The clusters whose copies in it may not say what was copied last."""
        return self._ledger.torn

    @property
    def is_listed(self) -> bool:
        """Whether all that it says is known: of one that is gone nothing is, however empty."""
        return self._ledger.listed.is_set() and not self._is_gone

    @property
    def is_leader(self) -> bool:
        """Whether this replica writes."""
        return self._in_office.is_set() and self._elector.is_leader

    @property
    def rest_reason(self) -> str:
        """Why nothing may be written now although nothing failed; empty: it may."""
        if self.is_leader:
            return ""
        if self._elector.is_leader:
            unread = "" if self._ledger.listed.is_set() else self._ledger.failure
            return str(self._hold or "") or unread or "the ledger is being read"
        holder = self._elector.holder
        if holder and holder != self._elector.identity:
            return f"another replica writes: {holder}"
        why = f": {self._elector.failure}" if self._elector.failure else " yet"
        return f"no replica holds the Lease{why}"

    @property
    def trouble(self) -> LedgerError | StateError | None:
        """Why nobody may write it, for all that is seen here; None: another replica may, or we."""
        elector = self._elector
        if elector.is_leader:
            return self._hold or self._ledger.trouble
        if elector.failure:
            return LedgerError(f"the Lease cannot be had: {elector.failure}", hint=elector.remedy)
        return self._ledger.trouble

    async def until_writable(self) -> None:
        """Return when this replica writes."""
        while not self.is_leader:
            await self._in_office.wait()
            if not self.is_leader:  # the Lease is over, which is noted in a moment
                await asyncio.sleep(HEARD_SECONDS)

    async def follow(self) -> None:
        """Follow the ledger, and stand for election, for ever."""
        tasks = {
            "ledger follower": self._ledger.follow,
            "ledger repair": self._repair,
            "lease": lambda: elect(self._elector, self._candidate, self._note_election),
            "office": self._hold_office,
            "head": self._publish_head,
            "marker": self._watch_marker,
        }
        try:
            async with asyncio.TaskGroup() as group:
                for name, task in tasks.items():
                    group.create_task(
                        supervise(name, task, backoff=RESTART, on_restart=self._news.on_restart)
                    )
        finally:
            self._in_office.clear()

    async def close(self) -> None:
        """Let another replica write at once."""
        await self._elector.release()
        await self._candidate.close()
        await self._client.close()

    async def check(self) -> None:
        """Make sure that it may be written.

        Raises:
            LedgerError: it may not.
        """
        await self._ledger.check()

    async def probe(self) -> None:
        """Return once it was read.

        Raises:
            LedgerError: it cannot be.
        """
        await self._ledger.probe()

    def together(self, claim: Claim) -> Place:
        """Return what says which claims one write is to have: a whole object's."""
        return (claim.cluster, shard_of(claim.host))

    async def restore(self, claims: Sequence[Claim]) -> bool:
        """Begin it with claims of a backup where nobody knows what it said; return whether so.

        Raises:
            LedgerError: it cannot be written.
        """
        if not self._is_lost:
            return False
        self._is_lost = False  # until the term that is about to begin says so again
        await self._begin(claims)
        logger.warning("a backup is the ledger from now on", extra={"claims": len(claims)})
        return True

    async def write(self, claims: Sequence[Claim]) -> None:
        """Return once it has claims.

        Raises:
            LedgerError: not all of them are written.
        """
        await self._ledger.write(claims)

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Return once it does not have claims.

        Raises:
            LedgerError: not all of them are forgotten.
        """
        await self._ledger.forget(claims)

    async def copy(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Return once it has a copy of what another cluster's ledger says.

        Raises:
            LedgerError: it has a part of it.
        """
        await self._ledger.copy(cluster, old, new)

    async def dropped(self, configured: Collection[str], now: int) -> dict[str, int]:
        """Return since when each cluster with claims in it is not among the configured ones.

        That is noted with the Lease.
        """
        noted = self._elector.notes.get(_DROPPED, "{}")
        try:
            known = msgspec.json.decode(noted, type=dict[str, int])
        except msgspec.MsgspecError:
            known = {}
        gone = sorted(self._ledger.clusters - {*configured})
        since = {cluster: known.get(cluster, now) for cluster in gone}
        if since or known:
            self._elector.notes[_DROPPED] = msgspec.json.encode(since).decode()
        return since

    def _guard(self) -> None:
        if not self._elector.is_leader:
            raise LedgerError(f"we may not write: {self.rest_reason}")
        skew = self._client.skew
        if abs(skew) > MAX_SKEW_SECONDS:
            raise LedgerError(
                f"our clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} "
                "the API server's",
                hint="set the clock of this machine right",
            )

    def _note_election(self) -> None:
        self._elections += 1
        if self._elector.is_leader:
            logger.info(
                "this replica writes from now on", extra={"replica": self._elector.identity}
            )
            self._deposed.clear()
            self._elected.set()
        else:
            logger.warning(
                "this replica does not write any more", extra={"reason": self.rest_reason}
            )
            self._elected.clear()
            self._in_office.clear()
            self._deposed.set()
        self._news.changed()

    async def _repair(self) -> None:
        await self._in_office.wait()
        await self._ledger.repair()

    async def _publish_head(self) -> None:
        """Have the ledger say what is to be said beside claims, for ever."""
        while True:
            await self._in_office.wait()
            with suppress(LedgerError):  # the same that stops the numbers, which is said there
                await self._ledger.publish(self._news.head())
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch_marker(self) -> None:
        """Remember which ledger it is where another replica has begun it, for ever."""
        while True:
            self._keep_marker()
            await asyncio.sleep(LOOK_SECONDS)

    def _keep_marker(self) -> None:
        if self.marker not in {None, self._remembered}:
            keep_marker(self._state, self.marker)
            self._remembered = self.marker

    async def _hold_office(self) -> None:
        """Begin each term with all that there is, for ever."""
        while True:
            await self._elected.wait()
            election = self._elections
            try:
                await self._begin_term()
            except (LedgerError, StateError) as error:
                if str(error) != str(self._hold):
                    logger.error(
                        "nothing is written yet", extra={"reason": str(error), "fix": error.hint}
                    )
                self._hold = error
                await asyncio.sleep(self._settings.retry)
                continue
            self._hold = None
            if election != self._elections:
                continue  # somebody else may have written since it was read
            self._in_office.set()
            self._news.changed()
            await self._deposed.wait()

    async def _begin_term(self) -> None:
        """Have all of the ledger known, and begin one where there is none.

        Raises:
            LedgerError: that cannot be, now.
        """
        await self._ledger.listed.wait()
        await self._ledger.reload()
        if not self._ledger.is_founded:
            await self._found()
        self._keep_marker()

    async def _found(self) -> None:
        while not self._news.are_heard():  # noqa: ASYNC110  # time alone may end it
            await asyncio.sleep(HEARD_SECONDS)
        if self._ledger.is_founded:
            return  # another replica has begun one meanwhile
        kept = list(self._news.kept())
        claims = [*unite(*((*one.claims, *one.former) for one in kept)).values()]
        is_gone = self._is_gone
        self._is_lost = is_gone and not kept and self._settings.on_loss is OnLoss.REFUSE
        if self._is_lost:
            raise LedgerError(
                "the ledger is lost, and no neighbour keeps a copy of it",
                hint="globaldns vip import BACKUP, or begin a new one with serve --new-ledger",
            )
        had_marker = self.marker is not None
        await self._begin(claims)
        if kept or is_gone:
            logger.error(
                "the ledger was lost: it is written again from what neighbours keep",
                extra={"claims": len(claims)},
            )
        elif had_marker:
            logger.warning("the ledger lacked its first object: that is written again")
        else:
            logger.info("a new ledger is begun: it knows no VIP yet")

    @property
    def _is_gone(self) -> bool:
        """Whether there was a ledger and, as far as is known, there is none."""
        return self.marker is None and self._remembered is not None

    async def _begin(self, claims: Sequence[Claim]) -> None:
        await self._ledger.begin(self.marker or Marker(str(uuid4()), self._news.wall()), claims)
        self._news.adopt(claims, ())


def shared_ledger(config: Config, state: StateDirectory, on_loss: OnLoss) -> SharedLedger:
    """Return the ledger that a configuration has in Kubernetes.

    Raises:
        LedgerError: our own cluster has no API server.
        StateError: who we are cannot be remembered.
    """
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        raise LedgerError("our own cluster has no API server to keep the ledger in")
    settings = SharedSettings(
        cluster=config.cluster,
        namespace=config.namespace,
        identity=find_identity(state),
        on_loss=on_loss,
    )
    return SharedLedger(Client(access), settings, state)
