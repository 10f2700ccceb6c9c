"""A ledger kept as VIPLedger objects of our own cluster, followed as it stands there.

Every replica follows it; one of them, which ``guard`` lets, writes, and writes again what others
have lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial

import msgspec

from globaldns.errors import ApiError, LedgerError
from globaldns.kube.client import Client
from globaldns.kube.lease import MAX_SKEW_SECONDS
from globaldns.kube.resources import VIP_LEDGERS
from globaldns.kube.watch import (
    Absent,
    Begun,
    Contact,
    Failed,
    Follower,
    Found,
    Listed,
    Notice,
    Opened,
    Put,
    Removed,
    Scope,
    Timing,
)
from globaldns.ledger.gathering import Gathering
from globaldns.ledger.objects import Held, LedgerObjects, Stranger, read_object
from globaldns.ledger.remarks import Remarks
from globaldns.ledger.repairing import Repair
from globaldns.ledger.shards import ShardId, among, by_shard, shard_of
from globaldns.ledger.shardwriting import AT_ONCE, ShardWriter, WriterSeams
from globaldns.ledger.shelf import News, ShardChange, Shelf, compare_copies, dropping
from globaldns.model.claim import Claim, Marker
from globaldns.model.finding import Finding
from globaldns.model.head import Head
from globaldns.model.view import ClaimSet, missing
from globaldns.objects.own import LedgerRole
from globaldns.tasks import wall_clock

logger = logging.getLogger(__name__)


class LedgerSeams(msgspec.Struct, frozen=True):
    """Who is told what the ledger says, and who says that it may be written."""

    load: Callable[[Sequence[Claim], Mapping[str, ClaimSet]], None]
    """Takes all that it says, once that is known: claims, and copies of other ledgers."""
    adopt: Callable[[Sequence[Claim], Sequence[Claim]], None]
    """Takes claims that somebody else has written, and claims that somebody else has forgotten."""
    guard: Callable[[], None]
    """Raises a LedgerError where we may not write."""


class KubernetesLedger:
    """The ledger in one namespace."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        cluster: str,
        seams: LedgerSeams,
        timing: Timing | None = None,
    ) -> None:
        self.cluster = cluster
        self.listed = asyncio.Event()
        """Set once all of it is known."""
        self.failure = "the ledger is not listed yet"
        """Why it is not followed now; empty: it is."""
        self.trouble: LedgerError | None = None
        """The same where it was tried, with the remedy."""
        self._objects = LedgerObjects(client, namespace, cluster)
        self._begin = partial(Follower, client, Scope(VIP_LEDGERS, namespace), timing or Timing())
        self._seams = seams
        self._shelf = Shelf(lambda: wall_clock() + client.skew + MAX_SKEW_SECONDS)
        self._remarks = Remarks(cluster)
        self._writer = ShardWriter(
            self._objects,
            self._shelf,
            WriterSeams(guard=seams.guard, found=self._find, went_back=self._note_restored),
        )
        self._repair = Repair(self._shelf, seams.guard, self._write_again)
        self._gathering = Gathering(seams.adopt)
        self._is_current = True
        """Whether what is followed is of the history that the server tells now."""
        self._resigned: set[str] = set()
        """Clusters for which we claim nothing in this term that they have said themselves."""

    @property
    def marker(self) -> Marker | None:
        """Which ledger it is; None: there is none, or it is not listed yet."""
        return self._shelf.marker

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters that anything in it is about."""
        return self._shelf.clusters

    def findings(self) -> tuple[Finding, ...]:
        """Return what is odd about objects in its place."""
        return self._remarks.findings()

    @property
    def torn(self) -> frozenset[str]:
        """The clusters whose copies may not say what was copied last."""
        return frozenset(self._shelf.torn)

    async def follow(self) -> None:
        """Follow it for ever."""
        while True:
            self._is_current = True
            async with aclosing(self._begin().run()) as notices:
                async for notice in notices:
                    self._take(notice)
                    if not self._is_current:
                        break

    def _note_restored(self) -> None:
        """List it anew once something is heard: other parts may have gone back as well."""
        self._is_current = False
        logger.warning(
            "the API server went back, as when etcd is restored from a backup",
            extra={"fix": "apply again what was written since; the ledger is written again"},
        )

    async def repair(self) -> None:
        """Write again what was lost, for ever."""
        await self._repair.run()

    async def reload(self) -> None:
        """Read all of it now, before the first write of a new term.

        Raises:
            LedgerError: it cannot be read.
        """
        self._resigned.clear()
        try:
            async for held in self._objects.list():
                self._see(held)
        except ApiError as error:
            raise LedgerError(f"the ledger cannot be read: {error}", hint=error.hint) from error
        self._gathering.tell_now()

    @property
    def is_founded(self) -> bool:
        """Whether it is there as a whole, as it was begun."""
        return self._shelf.get(self._first) is not None

    @property
    def _first(self) -> ShardId:
        return ShardId(LedgerRole.OWN, self.cluster, 0)

    async def begin(self, marker: Marker, claims: Sequence[Claim] = ()) -> None:
        """Begin a ledger where there is none, or with the claims of one that was lost.

        Its first object comes last: one that is begun in part is begun again.

        Raises:
            LedgerError: it cannot be written.
        """
        others = [one for one in claims if shard_of(one.host) or one.cluster != self.cluster]
        await self._write_claims(others, marker)
        first = tuple({*claims} - {*others})
        await self._writer.write(self._first, marker, ShardChange(added=first))
        self._shelf.learn(self._first.name, first)

    @property
    def head(self) -> Head:
        """What it says beside claims, as far as it is known."""
        first = self._shelf.get(self._first)
        return Head() if first is None else first.head

    async def publish(self, head: Head) -> None:
        """Have it say this beside claims.

        Raises:
            LedgerError: it cannot be written.
        """
        self._objects.head = head
        await self._writer.write(self._first, self._marker(), ShardChange())

    async def check(self) -> None:
        """Make sure that it may be written.

        Raises:
            LedgerError: it may not, or is not known.
        """
        self._seams.guard()
        if self.failure:
            raise self.trouble or LedgerError(self.failure)

    async def probe(self) -> None:
        """Return once it was read.

        Raises:
            LedgerError: it cannot be.
        """
        await self.reload()
        self._seams.guard()

    async def write(self, claims: Sequence[Claim]) -> None:
        """Return once it has claims, each of a host's at once.

        Raises:
            LedgerError: not all of them are written; which are is told as if somebody else had.
        """
        await self._write_claims(claims, self._marker())

    async def _write_claims(self, claims: Sequence[Claim], marker: Marker) -> None:
        written: list[Claim] = []

        def note(shard: ShardId, change: ShardChange) -> None:
            self._shelf.learn(shard.name, change.added)
            written.extend(change.added)

        parts = self._parts(claims)
        changes = {shard: ShardChange(added=tuple(part)) for shard, part in parts.items()}
        try:
            await self._writer.write_all(changes, marker, note)
        except LedgerError:
            if written:
                self._seams.adopt(written, ())
            raise
        finally:
            self._resigned.difference_update(shard.cluster for shard in parts)

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Return once it does not have claims.

        Raises:
            LedgerError: not all of them are forgotten.
        """
        await self._forget(self._parts(claims))

    async def copy(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Return once it has a copy of what another cluster's ledger says.

        What that says we claim for it no more.

        Raises:
            LedgerError: it has a part of it.
        """
        shelf, first = self._shelf, ShardId(LedgerRole.COPY, cluster, 0)
        is_lacking = new.marker is not None and shelf.get(first) is None
        is_whole = old.marker != new.marker or cluster in shelf.torn or is_lacking
        shelf.torn.discard(cluster)  # what others do from now on is another tear
        try:
            changes = await self._compare(cluster, old, new, is_whole=is_whole)
            if is_whole:
                change = changes.get(first, ShardChange())
                changes[first] = msgspec.structs.replace(change, is_end=new.marker is None)
            await self._writer.write_all(changes, new.marker or self._marker())
        except BaseException:
            shelf.torn.add(cluster)
            raise
        await self._resign(cluster, old, new)

    async def _compare(
        self, cluster: str, old: ClaimSet, new: ClaimSet, *, is_whole: bool
    ) -> dict[ShardId, ShardChange]:
        """Return what is to be changed in a copy; ``is_whole``: whatever stands in it."""
        changes: dict[ShardId, ShardChange] = {}
        for role, before, now in (
            (LedgerRole.COPY, old.claims, new.claims),
            (LedgerRole.FORMER, old.former, new.former),
        ):
            there = self._shelf.shards(role, cluster) if is_whole else []
            stands = (*self._shelf.read(there),) if is_whole else before
            changes |= dict.fromkeys(there, ShardChange())
            changes |= await asyncio.to_thread(compare_copies, role, stands, now, is_other=is_whole)
        return changes

    async def _resign(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Claim no more for a cluster what it says itself: what is new in that, at first all."""
        before = old.claims if cluster in self._resigned else ()
        self._resigned.add(cluster)
        try:
            claims = [one for one in missing(new.claims, before) if one.cluster == cluster]
            said = await asyncio.to_thread(by_shard, LedgerRole.DEPUTY, claims)
            for first in range(0, len(said), AT_ONCE):  # all at once would keep answers waiting
                ours = filter(self._shelf.get, [*said][first : first + AT_ONCE])
                ended = {shard: among(self._shelf.read([shard]), said[shard]) for shard in ours}
                await self._forget({shard: part for shard, part in ended.items() if part})
                await asyncio.sleep(0)
        except BaseException:
            self._resigned.discard(cluster)
            raise

    async def _forget(self, parts: Mapping[ShardId, Sequence[Claim]]) -> None:
        for shard, part in parts.items():
            self._shelf.learn(shard.name, (), [claim.key for claim in part])
        changes = {shard: dropping(part) for shard, part in parts.items()}
        await self._writer.write_all(changes, self._marker())

    def _parts(self, claims: Sequence[Claim]) -> dict[ShardId, list[Claim]]:
        own = [claim for claim in claims if claim.cluster == self.cluster]
        others = [claim for claim in claims if claim.cluster != self.cluster]
        return by_shard(LedgerRole.OWN, own) | by_shard(LedgerRole.DEPUTY, others)

    def _marker(self) -> Marker:
        if self._shelf.marker is None:
            raise LedgerError("there is no ledger yet")
        return self._shelf.marker

    def _take(self, notice: Notice) -> None:
        match notice:
            case Begun():
                self._shelf.begin_list()
            case Found(data) | Put(data):
                found = read_object(data, self.cluster)
                self._see(found, is_listing=isinstance(notice, Found))
            case Removed(data):
                self._lose(read_object(data, self.cluster))
            case Listed():
                self._complete()
            case Failed(error):
                self._stop(f"the ledger cannot be read: {error}", error.hint)
            case Absent():
                self._stop(f"{VIP_LEDGERS} is not installed", "apply deploy/crds")
            case Opened() | Contact():
                self.failure, self.trouble = "", None

    def _lose(self, gone: Held | Stranger) -> None:
        if isinstance(gone, Stranger) or not self._shelf.is_outdated(gone):
            self._remarks.note(gone.name, None)
            self._tell(self._shelf.lose(gone.name))

    def _find(self, shard: ShardId, found: Held | Stranger | None) -> None:
        """Take in a shard that was read again."""
        if found is None:
            self._tell(self._shelf.lose(shard.name))
        else:
            self._see(found)

    def _see(self, found: Held | Stranger, *, is_listing: bool = False) -> None:
        shelf, name = self._shelf, found.name
        try:
            if isinstance(found, Stranger):
                news = shelf.see_stranger(name, found.remark.reason, is_listing=is_listing)
            else:
                news = shelf.see(found, is_listing=is_listing)
        except LedgerError as error:
            logger.error("a part of the ledger is not taken", extra={"reason": str(error)})
            self._repair.note()
        else:
            self._tell(news)
        self._remarks.note(name, shelf.remark(found))

    def _tell(self, news: News) -> None:
        """Tell what others have written, soon, with what comes with it."""
        self._gathering.take(news)
        self._repair.note()

    def _stop(self, reason: str, hint: str) -> None:
        if reason != self.failure:
            logger.error("the ledger is not followed", extra={"reason": reason, "fix": hint})
        self.failure, self.trouble = reason, LedgerError(reason, hint=hint)

    def _complete(self) -> None:
        self.failure, self.trouble = "", None
        self._tell(self._shelf.end_list())
        if not self.listed.is_set():
            claims, copies = self._shelf.read_all()
            self.listed.set()
            self._seams.load(claims, copies)
            self._repair.note()
            for held in self._shelf.of_another_ledger():
                self._remarks.note(held.name, self._shelf.remark(held))
        self._remarks.keep(self._shelf.all_names)

    async def _write_again(self, shard: ShardId) -> None:
        await self._writer.write(shard, self._marker(), ShardChange())
