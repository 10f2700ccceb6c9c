"""One turn of the clusters that we write for: pins, retirements, copies, and new numbers.

The order matters. Pins come first, so that nobody is given an address that a person just wrote.
Then every claim that has ended or lost is retired and what is held is copied, until nothing more
follows. Then the hosts that have no number get one, in sorted order; where that are many, the rest
stands in line for the next turns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from globaldns.errors import RequestRefused
from globaldns.model.address import Address, Family
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.export import Export, Resolution
from globaldns.model.host import Host
from globaldns.registry.claiming import (
    REPLACED,
    copy_claims,
    end_claims,
    lost_claims,
    pin_claims,
    unused_date,
)
from globaldns.registry.claims import Claims, find
from globaldns.registry.line import Line
from globaldns.registry.merge import deciding_export
from globaldns.registry.occupancy import Occupancy
from globaldns.registry.resting import Resting
from globaldns.registry.uncopied import Uncopied
from globaldns.registry.unwritten import Unwritten
from globaldns.registry.views import Views
from globaldns.registry.vip import is_within, may_be_pinned
from globaldns.registry.written import WrittenClaims

AT_ONCE = 5_000
"""Hosts that one turn numbers, some 100 ms: others get their turn between."""


class Numbering:
    """Decides what we write, and keeps count of what is written."""

    def __init__(
        self, views: Views, claims: Claims, occupancy: Occupancy, *, at_once: int = AT_ONCE
    ) -> None:
        self._views = views
        self._claims = claims
        self._at_once = at_once
        self.occupancy = occupancy
        self.line = Line()
        self.unwritten = Unwritten()
        self.written = WrittenClaims(claims, self.unwritten)
        self.uncopied = Uncopied()
        self.exhausted: set[Host] = set()
        """Hosts for which there was no free address."""
        self.resting = Resting()
        self._date = 0

    def learn(self, claims: Iterable[Claim]) -> set[Host]:
        """Take in claims that are written already; return the hosts concerned."""
        claims = list(claims)
        if self.resting:
            self.resting.forget(claims)
        affected = self._claims.add(claims)
        self._update_occupancy(claims)
        return affected

    def forget(self, claims: Iterable[Claim]) -> set[Host]:
        """Forget claims that do not stand in their cluster's ledger."""
        claims = list(claims)
        affected = self._claims.discard(claims)
        self.resting.forget(claims)
        self._update_occupancy(claims)
        for claim in claims:
            self.unwritten.forget(claim)
        return affected | self.exhausted  # an address may be free now

    def disown(self, claims: Iterable[Claim], now: int, *, are_ours: bool = True) -> set[Host]:
        """Forget claims that do not count any more; the VIPs that they held go to rest.

        Of claims that ``are_ours`` our ledger knows the retirements that were before.
        """
        date = max(now, self._claims.newest)
        claims = list(claims)
        affected = self.forget(claims)
        for claim in claims:
            retired = claim.retire(date, REPLACED)
            self.resting.add(retired)
            if not (are_ours and claim.is_retired):
                self.unwritten.note([retired])
        self._update_occupancy(claims)
        return affected

    def write(self, claims: Sequence[Claim]) -> set[Host]:
        """Take in claims that our ledger has yet to get."""
        for claim in claims:
            self.unwritten.add(claim, find(self._claims.of_host(claim.host), claim))
        return self.learn(claims)

    def acknowledge(self, claims: Collection[Claim]) -> set[Host]:
        """Note that our ledger has claims; return the hosts for which it matters."""
        concerned = self.written.concerned(claims)
        return concerned if self.unwritten.acknowledge(claims) else set()

    def take_back(self) -> set[Host]:
        """Undo what is decided and not written; return the hosts that are to be decided again."""
        concerned = self.written.concerned(self.unwritten.everything())
        taken = self.unwritten.take_back()
        self._claims.discard(taken.claims)
        self._claims.add(taken.written)
        self._update_occupancy(taken.claims)
        return concerned | self.exhausted if taken.claims else set()

    def awaited(self, hosts: AbstractSet[Host]) -> set[Host]:
        """Return those of some hosts that stand in line, or have no claim that is written yet."""
        return self.line.among(hosts).union(
            filter(self.written.lacks, self.unwritten.hosts & hosts)
        )

    def remembered(self, host: Host) -> tuple[Address, ...]:
        """Return which of a host's VIPs stand in our ledger, or in its copy of another."""
        held = self.written.held(host)
        if not self.uncopied:
            return tuple([claim.vip for claim in held])
        live = (claim for claim in self.written.of_host(host) if claim.retired_at is None)
        copied = {claim.vip for claim in live if claim not in self.uncopied}
        return tuple([claim.vip for claim in held if claim.vip in copied])

    def is_local(self, host: Host) -> bool:
        """Whether a host is answered with Istio's own allocation in our cluster."""
        is_pinned = bool(self._views.pinnings(host)) or self.written.is_pinned(host)
        return self._has_local(self._views.exports(host)) and not is_pinned

    def _has_local(self, exports: Iterable[Export]) -> bool:
        """Whether Istio has allocated an address to a host in our cluster."""
        for export in exports:
            if export.local_addresses and export.cluster == self._views.settings.cluster:
                return True
        return False

    def is_pinned(self, host: Host) -> bool:
        """Whether any person wrote an address for a host, whatever became of it."""
        return bool(self._views.pinnings(host)) or self._claims.is_pinned(host)

    def may_pin(self, address: Address) -> bool:
        """Whether our settings let an address be pinned, and no cluster uses it otherwise."""
        settings = self._views.settings
        allowed = settings.pools + settings.pins
        is_allowed = may_be_pinned(address, allowed, settings.allow_special)
        return is_allowed and self._views.used_by(address) is None

    def end_rests(self, now: int, *, recheck: bool) -> set[Host]:
        """End the rests that are over; return the hosts that waited for a free address."""
        is_freed = self.occupancy.end_rests(now, self._may_end_rest, recheck=recheck)
        return self.exhausted if is_freed else set()

    def _may_end_rest(self, vip: Address) -> bool:
        """Whoever ever claimed a VIP must be there, to say whether it still does."""
        views = self._views
        return not any(
            views.counts(claim.cluster) and not views.is_fresh(claim.cluster)
            for claim in self.all_of_vip(vip)
        )

    def occupy(self, occupancy: Occupancy) -> None:
        """Number from these pools from now on."""
        self.occupancy = occupancy
        for vip in {*self._claims.vips, *self.resting.vips}:
            occupancy.update(vip, self.all_of_vip(vip))

    def run(self, touched: set[Host], now: int) -> set[Host]:
        """Take a turn for some hosts; return the same set, with all others that are touched."""
        self._date = max(now, self._claims.newest)
        writers = frozenset(filter(self._views.is_written_by_us, self._views.settings.clusters))
        queue = touched & self._claims.hosts
        pinned = self._views.pinned_hosts(touched) | (touched & self._claims.pinned)
        queue |= self.write([c for host in sorted(pinned) for c in self._pin(host, writers)])
        losers: set[Host] = set()
        while queue:
            touched |= queue
            renewed = [claim for host in queue for claim in self._renew(host, writers)]
            losers.update(claim.host for claim in renewed if claim.is_retired)
            queue = self.write(renewed)
        self._line_up(touched)
        served = self.line.serve(self._at_once, first=losers)
        touched.update(served, self.write([c for h in served for c in self._number(h, writers)]))
        return touched

    def renumbering_cluster(self, host: Host) -> str:
        """Return in whose name a host is renumbered: ours if we export it.

        Raises:
            RequestRefused: it has no number, or nobody whom we write for exports it.
        """
        exporters = [export.cluster for export in self._views.exports(host)]
        writers = [cluster for cluster in exporters if self._views.is_written_by_us(cluster)]
        if not writers:
            whom = " that we write for" if exporters else ""
            raise RequestRefused(
                f"{host!r} is exported by no cluster{whom}",
                hint="globaldns list shows who exports what",
            )
        if not self.needs_number(host):
            raise RequestRefused(
                f"{host!r} has no number from a pool", hint="change the addresses that pin it"
            )
        own = self._views.settings.cluster
        return own if own in writers else min(writers)

    def choose(self, clusters: Mapping[Host, str], now: int) -> list[Claim]:
        """Return the claims by which ``vip renumber`` moves hosts, each in a cluster's name.

        Raises:
            RequestRefused: there is no free address for one of them; none is taken.
        """
        chosen: list[Claim] = []
        for host in sorted(clusters):
            mine = self._choose(host, now, clusters[host])
            chosen += mine
            missing = set(self._views.families) - {Family(len(claim.vip)) for claim in mine}
            if missing:
                self._update_occupancy(chosen)
                families = " or ".join(map(str, sorted(missing)))
                raise RequestRefused(
                    f"no pool has a free {families} address for {host!r}",
                    hint="add a pool to vips.pools",
                )
        return chosen

    def _choose(self, host: Host, now: int, cluster: str) -> list[Claim]:
        date = max(now, self._claims.newest + 1)
        mine = [claim for claim in self._claims.of_host(host) if claim.cluster == cluster]
        chosen = []
        for family in self._views.families:
            vip = self.occupancy.take(host, family)
            if vip is not None:
                since = unused_date(mine, vip, date, date, ClaimKind.CHOSEN)
                chosen.append(Claim(host, vip, since, cluster, ClaimKind.CHOSEN))
        return chosen

    def would_get(self, host: Host) -> tuple[Address, ...]:
        """Return the addresses that a host without number would be given if it were next."""
        found = (
            self._resting_own(host, family) or self.occupancy.choose(host, family)
            for family in self._missing_families(host)
        )
        return tuple(vip for vip in found if vip is not None)

    def refused_families(self, host: Host) -> Sequence[Family]:
        """Return the families of which no pool has a free address for a host."""
        return self._missing_families(host) if host in self.exhausted else ()

    def needs_number(self, host: Host) -> bool:
        """Whether a host that is exported is to have a VIP from a pool."""
        exports = self._views.exports(host)
        return (
            bool(exports)
            and deciding_export(exports).resolution is not Resolution.NONE
            and not self.is_pinned(host)
            and not self._has_local(exports)
        )

    def is_of_use(self, claim: Claim) -> bool:
        """Whether a cluster would make a claim today: it offers the host, which needs the VIP."""
        cluster, host = claim.cluster, claim.host
        if host not in self._views.cluster(cluster).exports:
            return False
        if not self._views.counts(cluster):
            return True  # it is not asked
        if claim.kind is ClaimKind.PINNED:
            pinning = self._views.pinning(cluster, host)
            return pinning is not None and claim.vip in pinning.pins
        is_held = any(held.vip == claim.vip for held in self._claims.held(host))
        return is_held and self.needs_number(host)

    def _pin(self, host: Host, writers: frozenset[str]) -> Iterator[Claim]:
        claims = self._claims.of_host(host)
        pinnings = self._views.pinnings(host)
        by_pin = {claim.cluster for claim in claims if claim.kind is ClaimKind.PINNED}
        for cluster in sorted((by_pin | {pin.cluster for pin in pinnings}) & writers):
            pinning = self._views.pinning(cluster, host)
            mine = [claim for claim in claims if claim.cluster == cluster]
            if pinning is None:
                mine = [*filter(self._views.cluster(cluster).has_ended, mine)]
            elif not self._views.counts(cluster):
                continue
            yield from pin_claims(pinning, mine, date=self._date, may_pin=self.may_pin)

    def _renew(self, host: Host, writers: frozenset[str]) -> Iterator[Claim]:
        """Retire what has ended or lost, and copy what is held, for every cluster we write for."""
        claims = self._claims.of_host(host)
        held = self._claims.held(host)
        exporters = {export.cluster for export in self._views.exports(host)}
        if exporters == {claim.cluster for claim in claims} and _agree(claims, held):
            return
        for cluster in sorted(({claim.cluster for claim in claims} | exporters) & writers):
            mine = [claim for claim in claims if claim.cluster == cluster]
            view = self._views.cluster(cluster)
            if host not in view.exports:
                yield from end_claims(filter(view.has_ended, mine), date=self._date)
                continue
            yield from lost_claims(mine, held, date=self._date, is_replaced=self._is_replaced)
            if cluster in exporters:
                yield from copy_claims(
                    cluster,
                    mine,
                    held,
                    date=self._date,
                    would_be_void=self._claims.would_be_void,
                )

    def _is_replaced(self, claim: Claim) -> bool:
        holder = self._claims.holder(claim.vip)
        return holder is None and not self._claims.is_void(claim)

    def _line_up(self, hosts: set[Host]) -> None:
        """Have those of some hosts stand in line that may lack a number."""
        lacking = self._views.exported(hosts)
        for host in lacking & self._claims.hosts:
            if not self._missing_families(host):
                lacking.discard(host)
        self.line.join(lacking)
        self.exhausted -= (self.exhausted & hosts) - lacking

    def _number(self, host: Host, writers: frozenset[str]) -> list[Claim]:
        self.exhausted.discard(host)
        clusters = [e.cluster for e in self._views.exports(host) if e.cluster in writers]
        given: list[Claim] = []
        if not clusters or not self.needs_number(host):
            return given
        for family in self._missing_families(host):
            vip = self._resting_own(host, family) or self.occupancy.take(host, family)
            if vip is None:
                self.exhausted.add(host)
            else:
                given += [self._give(host, vip, cluster) for cluster in clusters]
        return given

    def _give(self, host: Host, vip: Address, cluster: str) -> Claim:
        since = self._date
        claims = self._claims.of_host(host)
        if claims:
            mine = [claim for claim in claims if claim.cluster == cluster]
            since = unused_date(mine, vip, since, since)
        return Claim(host, vip, since, cluster, ClaimKind.GIVEN)

    def _missing_families(self, host: Host) -> Sequence[Family]:
        families = self._views.families
        held = self._claims.held(host)
        if not held:
            return families
        there = {len(claim.vip) for claim in held}
        return [family for family in families if family not in there]

    def _resting_own(self, host: Host, family: Family) -> Address | None:
        """Return the VIP that a host had last and that rests for nobody else.

        A pin outside the pools does not come back as a number: the person took it away.
        """
        claims = self.all_of_host(host)
        if not claims:
            return None
        mine = [claim for claim in claims if len(claim.vip) == family]
        mine.sort(key=lambda one: (one.retired_at or 0, one.allocated_at), reverse=True)
        for claim in mine:
            is_number = claim.kind is not ClaimKind.PINNED
            if not is_number and not is_within(claim.vip, self._views.settings.pools):
                continue
            if self.occupancy.is_resting(claim.vip) and self._was_last(claim):
                return claim.vip
        return None

    def _was_last(self, claim: Claim) -> bool:
        rivals = self.all_of_vip(claim.vip)
        return max((rival.retired_at or 0, rival.host) for rival in rivals)[1] == claim.host

    def _update_occupancy(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self.occupancy.update(claim.vip, self.all_of_vip(claim.vip))

    def all_of_host(self, host: Host) -> tuple[Claim, ...]:
        """Return all claims of a host, also those that count for nothing any more."""
        claims, resting = self._claims.of_host(host), self.resting.of_host(host)
        return (*claims, *resting) if resting else claims

    def all_of_vip(self, vip: Address) -> tuple[Claim, ...]:
        """Return all claims of a VIP, also those that count for nothing any more."""
        claims, resting = self._claims.of_vip(vip), self.resting.of_vip(vip)
        return (*claims, *resting) if resting else claims


def _agree(claims: Sequence[Claim], held: Sequence[Claim]) -> bool:
    """Whether all claims of a host say the one VIP that it has: the usual case, told cheaply."""
    if len(held) != 1:
        return False
    vip = held[0].vip
    return all(claim.retired_at is None and claim.vip == vip for claim in claims)
