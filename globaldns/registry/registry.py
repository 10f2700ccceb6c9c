"""The registry: changes of views go in, what changed in the mesh comes out. Pure of I/O and clocks.

One turn: take in the changes and collect the hosts they touch; let the clusters we write for claim,
retire and number; build the services of all that is touched. Its cost is that of what it touches.

Until ``settle`` nothing is withdrawn, moved, numbered or denied, so that a half-read mesh decides
nothing, and only hosts with remembered numbers are published; while the registry is paused, or our
ledger cannot be written, nothing is decided. What is put off is done in the first turn after.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from immutables import Map

from globaldns.errors import RequestRefused
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.service import Conflict, Service
from globaldns.model.snapshot import Entry, Waits
from globaldns.model.view import Change, ClaimSet, Fence, SetLedger
from globaldns.registry.catalogue import Catalogue
from globaldns.registry.claiming import drop_claims
from globaldns.registry.claims import Claims
from globaldns.registry.delta import Delta
from globaldns.registry.former import FormerVips
from globaldns.registry.handover import Handovers
from globaldns.registry.intake import Intake
from globaldns.registry.ledgers import OtherLedgers
from globaldns.registry.numbering import AT_ONCE, Numbering
from globaldns.registry.occupancy import Occupancy, VipUsage
from globaldns.registry.publishing import Publisher
from globaldns.registry.retention import expired
from globaldns.registry.settings import RegistrySettings
from globaldns.registry.silence import Silence
from globaldns.registry.views import Views
from globaldns.registry.vip import make_rooms

_NO_WAITS = Waits()


class Registry:
    """The whole mesh as we know it.

    ``claims`` are those in our ledger; ``last`` is the last zone of the run before, and ``waits``
    what was not over then. A turn numbers and publishes ``at_once`` hosts at most.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        claims: Iterable[Claim] = (),
        last: Iterable[Entry] = (),
        waits: Waits = _NO_WAITS,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        self.settings = settings
        self.views = Views(settings)
        self.claims = Claims(settings.counting())
        rooms = make_rooms(settings.pools, settings.reserved)
        occupancy = Occupancy(rooms, settings.quarantine)
        self.numbering = Numbering(self.views, self.claims, occupancy, at_once=at_once)
        self.others = OtherLedgers(self.views, self.claims, self.numbering)
        entries = {entry.host: entry for entry in last}
        self._handovers = Handovers(waits, entries.values(), settings.handover)
        written = self.numbering.written
        self.silence = Silence(self.views)
        self._former = FormerVips(self.views, self.claims, self.numbering)
        self._publisher = Publisher(
            *(self.views, written, self.numbering, self._handovers),
            silence=self.silence,
            former=self._former,
            last=entries,
        )
        self._catalogue = Catalogue(self._publisher, written, self._handovers, at_once=at_once)
        self._intake = Intake(self.views, written, self.others, self._catalogue)
        self._is_settled = False
        self.pause_reason: str | None = None
        """Why nothing is decided though our ledger can be written, as far as is known."""
        self._failure: str | None = None
        """Why our ledger cannot be written."""
        self._awaiting: set[Host] = set()
        """Hosts to be numbered first of all: published once our ledger has them."""
        self._put_off = self.numbering.learn(claims)
        self._unpublished = set(self._put_off)
        self._is_zone_known = bool(entries)
        self._assume_answers()

    @property
    def services(self) -> Map[Host, Service]:
        """Every host that is known, as it was published last."""
        return self._catalogue.services

    @property
    def unwritten(self) -> tuple[Claim, ...]:
        """The claims that our ledger does not have yet."""
        return self.numbering.unwritten.everything()

    @property
    def is_written(self) -> bool:
        """Whether all that is to be numbered now has a number, and is written and published."""
        numbering = self.numbering
        is_under_way = self._is_numbering or self.is_behind
        return not (is_under_way or numbering.unwritten or numbering.uncopied)

    @property
    def is_behind(self) -> bool:
        """Whether hosts that are touched have yet to be published."""
        return self._catalogue.is_behind

    @property
    def is_published(self) -> bool:
        """Whether every host was looked at that is known, and no first number is waited for."""
        return not self.is_behind and not self._awaiting

    @property
    def waits(self) -> Waits:
        """The VIPs that a new host waits for, each with the host that had it, and how long."""
        return self._handovers.waits

    @property
    def is_settled(self) -> bool:
        """Whether numbers are given and retired."""
        return self._is_settled

    def learn_copies(self, copies: Mapping[str, ClaimSet], now: int) -> None:
        """Take in the copies of other clusters' ledgers; from now on answers wait for new ones."""
        dirty = self.others.learn(copies, now)
        self._put_off |= dirty
        self._unpublished |= dirty
        if dirty:
            self._assume_answers()

    def load(self, claims: Sequence[Claim], copies: Mapping[str, ClaimSet], now: int) -> Delta:
        """Take in all that our ledger says, where that was not known at the start."""
        dirty = self.others.adopt(claims, ())
        self._put_off |= dirty
        self._unpublished |= dirty
        self._assume_answers()
        self.learn_copies(copies, now)
        if self._failure is None:
            return self._turn(set(), now)
        return self._turn(self._give_up_waiting(), now)  # we copy nothing

    def adopt(self, new: Sequence[Claim], gone: Sequence[Claim], now: int) -> Delta:
        """Take in what another replica has written in our ledger, and forgotten in it."""
        return self._turn(self.others.adopt(new, gone), now)

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return all conflicts, by host."""
        found = self._catalogue.conflicts
        return tuple(conflict for host in sorted(found) for conflict in found[host])

    def usage(self) -> tuple[VipUsage, ...]:
        """Return how full each pool is, in the order in which they are tried."""
        return self.numbering.occupancy.usage()

    def apply(self, changes: Sequence[Change], now: int) -> Delta:
        """Take in changes: one turn."""
        dirty: set[Host] = set()
        for change in changes:
            dirty |= self._intake.take_in(change, now)
        return self._turn(dirty, now)

    def obey_words(self, words: Mapping[str, Fence], now: int) -> Delta:
        """Obey what people told us of fences, by cluster, as words of our own cluster."""
        return self._turn(self._intake.set_words(words), now)

    def count_once(self, doubles: Mapping[str, str], now: int) -> Delta:
        """Count clusters that are read under two ids under one: by the other, which that is."""
        return self._turn(self._intake.set_doubles(doubles), now)

    def settle(self, now: int) -> Delta:
        """Begin to number and retire: every source has synced or its grace is over."""
        self._is_settled = True
        dirty, self._put_off = self._put_off, set()
        dirty.update(self.claims.hosts, self.views.hosts, self.services)
        touched = self._decide(dirty, now)
        services = self.services
        self._awaiting = {h for h in self.numbering.awaited(touched) if h not in services}
        return self._publish(touched, now)

    def acknowledge(self, claims: Collection[Claim], now: int) -> Delta:
        """Publish what waited for our ledger to have these claims."""
        return self._publish(self.numbering.acknowledge(claims), now)

    def acknowledge_copies(self, now: int) -> Delta:
        """Publish what waited for our ledger to have the copies that were begun last."""
        return self._publish(self.numbering.uncopied.acknowledge(), now)

    def stop_writing(self, reason: str, now: int) -> Delta:
        """Decide nothing while our ledger cannot be written, and take back what it did not get.

        So what is answered is what it says, however long that lasts.
        """
        self._failure = reason
        hosts = self.numbering.take_back()
        self._put_off |= hosts
        return self._publish(hosts | self._give_up_waiting(), now)

    def resume_writing(self, now: int) -> Delta:
        """Decide what was put off: our ledger can be written."""
        self._failure = None
        return self.tick(now)

    def await_no_longer(self, now: int) -> Delta:
        """Publish what waits for our ledger: without a number, unless only a copy is missing."""
        return self._publish(self._give_up_waiting(), now)

    def tick(self, now: int) -> Delta:
        """Do what time alone changes."""
        return self._turn(set(), now)

    @property
    def next_deadline(self) -> int | None:
        """When ``tick`` has, or had, something to do; None: not before the next change."""
        if self._is_numbering or self.is_behind:
            return 0  # at once
        ends = [self._handovers.next_end, self._former.next_end, self.silence.next_too_old]
        if self._is_settled:
            ends.append(self.silence.next_loss)
        if self.may_write:
            ends.append(self.numbering.occupancy.next_end)
        return min((end for end in ends if end is not None), default=None)

    def pause(self, reason: str | None) -> None:
        """Write nothing from now on, because the clock cannot be trusted; None ends it."""
        self.pause_reason = reason

    def renumber(self, hosts: Sequence[Host], now: int) -> Delta:
        """Move hosts to other VIPs of the present pools.

        Raises:
            RequestRefused: a host has no number that could move, or nothing may be written; then
                none is moved.
        """
        self.refuse_unless_writing()
        clusters = {host: self.numbering.renumbering_cluster(host) for host in hosts}
        chosen = self.numbering.choose(clusters, now)
        return self._turn(self.numbering.write(chosen) | set(hosts), now)

    def import_claims(self, claims: Iterable[Claim], now: int) -> Delta:
        """Unite with claims of a backup or a neighbour.

        Raises:
            RequestRefused: our ledger cannot be written.
        """
        self._refuse_unless_writable()
        return self._turn(self.numbering.write(self.news_among(claims)), now)

    def news_among(self, claims: Iterable[Claim]) -> list[Claim]:
        """Return those of some claims that say what is not known, of clusters without a ledger."""
        imported = [claim for claim in claims if not self.views.has_ledger(claim.cluster)]
        return [claim for claim in imported if self.claims.is_news(claim)]

    def forgettable(self, claims: Collection[Claim], now: int) -> tuple[Claim, ...]:
        """Return the history that nothing needs, of all claims as they were a moment ago.

        What stands in another cluster's ledger is that cluster's to forget. May run in a thread.
        """
        old = expired(
            claims,
            now=now,
            quarantine=self.settings.quarantine,
            resting=self.numbering.occupancy.overdue,
        )
        resting = self.numbering.resting
        return tuple(c for c in old if c in resting or not self.views.has_ledger(c.cluster))

    def forget(self, claims: Iterable[Claim]) -> None:
        """Forget claims that are ``forgettable`` and that our ledger has forgotten."""
        self.numbering.forget(claims)

    def release(self, cluster: str, now: int) -> Delta:
        """Retire what a cluster claims that is not configured any more."""
        dirty = self.others.take_in(SetLedger(cluster, ClaimSet()), now)
        ended = drop_claims(self.claims.of_cluster(cluster), date=max(now, self.claims.newest))
        return self._turn(dirty | self.numbering.write(ended), now)

    def reconfigure(self, settings: RegistrySettings, now: int) -> Delta:
        """Obey other settings; looks at every host."""
        if settings.zones != self.settings.zones:
            self._catalogue.waiting_anew.update(self.services)
        self.settings = settings
        self._handovers.set_length(settings.handover, now)
        self.views.reconfigure(settings)
        self.others.hear_again()
        self.claims.recount(settings.counting())
        rooms = make_rooms(settings.pools, settings.reserved)
        self.numbering.occupy(Occupancy(rooms, settings.quarantine))
        self._intake.must_recheck_rests = True
        dirty = {*self.views.hosts, *self.claims.hosts, *self.services}
        return self._turn(dirty, now)

    def _assume_answers(self) -> None:
        """Where no zone says what was answered before, take for answered what is claimed."""
        if not self._is_zone_known:
            self._handovers.assume(self.claims)

    @property
    def _is_numbering(self) -> bool:
        """Whether the next turn has hosts to number that stand in line."""
        return bool(self.numbering.line) and self.may_write

    @property
    def may_write(self) -> bool:
        """Whether anything is numbered or retired now."""
        return self._is_settled and self.pause_reason is None and self._failure is None

    def refuse_unless_writing(self) -> None:
        """Make sure that what a person asks for can be written now.

        Raises:
            RequestRefused: it cannot.
        """
        if not self.may_write:
            self._refuse_unless_writable()
            reason = self.pause_reason or "not every source was read yet"
            raise RequestRefused(
                f"nothing is numbered now: {reason}", hint="try again when /readyz is 200"
            )

    def _refuse_unless_writable(self) -> None:
        if self._failure is not None:
            hint = "try again once it can be written"
            raise RequestRefused(f"nothing is done: {self._failure}", hint=hint)

    def _turn(self, dirty: set[Host], now: int) -> Delta:
        return self._publish(self._decide(dirty, now), now)

    def _decide(self, dirty: set[Host], now: int) -> set[Host]:
        """Let the clusters that we write for take their turn; return what is to be published.

        Takes the set over, which may be of all hosts. Silence touches no claim.
        """
        touched = self._decide_claims(dirty, now)
        quiet = self.silence.elapse(now, is_settled=self._is_settled)
        touched |= quiet if self._is_settled else quiet & self.claims.hosts
        return touched

    def _decide_claims(self, dirty: set[Host], now: int) -> set[Host]:
        dirty |= self._unpublished | self._end_waits(now) | self._former.end(now)
        self._unpublished = set()
        if not self.may_write:
            if not self._is_settled:
                return dirty & self.claims.hosts
            self._put_off.update(dirty)
            return dirty
        dirty |= self.others.unite_entrusted()
        dirty |= self.numbering.end_rests(now, recheck=self._intake.must_recheck_rests)
        self._intake.must_recheck_rests = False
        dirty |= self._put_off
        self._put_off = set()
        dirty |= self.others.end_unsaid(dirty, now)
        return self.numbering.run(dirty, now)

    def _end_waits(self, now: int) -> set[Host]:
        """Return the hosts that need not wait for their VIPs any longer."""
        holders = map(self.numbering.written.holder, self._handovers.end(now))
        return {holder.host for holder in holders if holder is not None}

    def _give_up_waiting(self) -> set[Host]:
        hosts, self._awaiting = self._awaiting, set()
        return hosts | self.numbering.uncopied.give_up()

    def _publish(self, touched: set[Host], now: int) -> Delta:
        if displaced := self._former.displaced(touched):
            touched |= displaced
        touched = self.numbering.written.joined(touched)
        if self._awaiting:
            self._awaiting -= touched - self.numbering.awaited(touched)
            touched -= self._awaiting
        publication = self._catalogue.publish(touched, now, is_settled=self._is_settled)
        if self._is_settled and not self.is_behind:
            self._publisher.forget_last()
            if self.is_published:
                self._handovers.replace_zone(now)
        is_all_known = not self._awaiting and not self._catalogue.waiting_anew
        return Delta(
            complete=self._is_settled and is_all_known and self.views.is_complete(),
            services=tuple(publication.services),
            removed=tuple(publication.removed),
            claims=self.numbering.unwritten.take_new(),
            conflicts=tuple(publication.conflicts),
            moves=tuple(publication.moves),
        )
