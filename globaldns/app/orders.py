"""What a person orders of a running server: new VIPs, claims of a backup, fences, a cluster less.

Each returns when it is done and written, and is refused as ``admin.control.Changes`` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from globaldns.admin.control import Changes
from globaldns.admin.reports import FenceReport, ForgetReport, MoveReport
from globaldns.app.changing import answers_of, report_moves
from globaldns.app.dropping import Releaser
from globaldns.app.fencing import FenceFile, accept_word, refuse_unheld, set_fence
from globaldns.app.membership import Membership
from globaldns.app.mesh import Mesh
from globaldns.app.readings import Situation
from globaldns.app.recognizing import Recognition
from globaldns.app.sources import Sources
from globaldns.app.views import forget_view
from globaldns.app.writing import LedgerWriter, WritableLedger
from globaldns.errors import LedgerError, RequestRefused
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.view import Fence
from globaldns.registry.recognition import differing_words


class Orders:
    """Carries them out."""

    def __init__(
        self,
        situation: Situation,
        *,
        mesh: Mesh,
        ledger: WritableLedger,
        writer: LedgerWriter,
        releaser: Releaser,
        sources: Sources,
        membership: Membership,
        fences: FenceFile,
        recognition: Recognition,
    ) -> None:
        self._situation = situation
        self._mesh = mesh
        self._registry = mesh.registry
        self._ledger = ledger
        self._writer = writer
        self._sources = sources
        self._membership = membership
        self._fences = fences
        self._recognition = recognition
        self._clock = mesh.clock
        self._releaser = releaser

    @property
    def changes(self) -> Changes:
        """What the control socket asks for."""
        return Changes(
            renumber=self.renumber,
            import_claims=self._import_claims,
            set_fence=self._set_fence,
            foresee=self._foresee,
            forget=self._forget,
        )

    def recognize(self) -> None:
        """Read each cluster as the one that its name stands for."""
        views, one = self._registry.views, self._recognition
        self._sources.recognize(one.known, one.accepted, lambda name: views.cluster(name).ledger)

    async def renumber(self, hosts: Sequence[Host]) -> Sequence[MoveReport]:
        """Give hosts new VIPs, and return how each moved.

        Raises:
            RequestRefused: a host has no number that could move; none is moved.
            LedgerError: it is not done, or not yet known to be.
        """
        registry = self._registry
        before = answers_of(registry, hosts)
        self._mesh.publish(registry.renumber(hosts, self._clock.now()))
        await self._flush()
        return report_moves(before, answers_of(registry, hosts))

    async def _import_claims(self, claims: Sequence[Claim]) -> int:
        registry = self._registry
        new = registry.news_among(claims)
        if await self._ledger.restore(new):
            return len(new)
        self._mesh.publish(registry.import_claims(new, self._clock.now()))
        await self._flush()
        return len(new)

    async def _set_fence(self, cluster: str, fenced: bool) -> FenceReport:  # noqa: FBT001 - the seam's
        spread: dict[str, str] = {}

        async def write(word: Fence) -> None:
            spread.update(await self._spread(word))
            refuse_unheld(spread)
            await self._obey(word)

        now = self._clock.now()
        report = await set_fence(self._registry, cluster, fenced=fenced, now=now, write=write)
        return msgspec.structs.replace(report, spread=spread)

    async def _spread(self, word: Fence) -> Mapping[str, str]:
        """Write a word into the clusters that have API servers."""
        known = self._situation.config.clusters
        ways = {str(name): way for name in known if (way := self._membership.access(name))}
        if not ways:
            return {}
        # Here, because a mesh of directories needs no client of API servers.
        from globaldns.app.spreading import spread  # noqa: PLC0415

        return await spread(word, ways, owner=self._situation.config.cluster)

    async def _obey(self, word: Fence) -> None:
        await self._fences.put(word)
        self._mesh.publish(self._registry.obey_words(self._fences.words, self._clock.now()))

    def _rebuilt(self, cluster: str) -> str:
        """Return the UID of the one that answers under a name, if it is to be accepted.

        Empty: it is the one that everybody knows, or none answers.
        """
        uid, views = self._sources.answering(cluster), self._registry.views
        source = self._sources.sources.get(cluster)
        is_held_back = source is not None and bool(source.another)
        is_disputed = cluster in differing_words(views) or views.accepted_uid(cluster) == uid
        return uid if is_held_back or is_disputed else ""

    async def _foresee(self, cluster: str) -> ForgetReport:
        if uid := self._rebuilt(cluster):
            return ForgetReport(cluster=cluster, vips=0, resting=(), rebuilt=uid, done=False)
        return self._releaser.foresee(cluster)

    async def _forget(self, cluster: str, uid: str) -> ForgetReport:
        if self._rebuilt(cluster) != uid:
            raise RequestRefused(
                f"not done: under {cluster} answers another cluster by now than was shown, or none",
                hint=f"globaldns cluster forget {cluster} shows it again",
            )
        if uid:
            word = accept_word(self._registry, cluster, uid, self._clock.now())
            spread = dict(await self._spread(word))
            await self._obey(word)
            self.recognize()
            return ForgetReport(cluster=cluster, vips=0, resting=(), rebuilt=uid, spread=spread)
        report = await self._releaser.forget(cluster)
        await self._fences.drop(cluster)
        self._sources.forget(cluster)
        self._recognition.forget(cluster)
        await asyncio.to_thread(forget_view, self._membership.state, cluster)
        self._mesh.publish(self._registry.obey_words(self._fences.words, self._clock.now()))
        self._mesh.changed_by_hand.set()
        return report

    async def _flush(self) -> None:
        """Return when what a person asked for is in the ledger.

        Raises:
            LedgerError: what is not there is not done.
        """
        try:
            await self._writer.flush()
        except LedgerError as error:
            hint = f"{error.hint or 'see the log'}; then do it again"
            raise LedgerError(f"not done: {error}", hint=hint) from error
        self._mesh.changed_by_hand.set()
