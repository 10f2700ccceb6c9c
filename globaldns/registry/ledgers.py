"""Which claims count for a cluster: those in its own ledger, or those that we made for it.

Once a cluster has a ledger of its own, only what stands there counts. Of a host that it exports and
of which its ledger says nothing, what we claimed for it stands until its first turn takes that
over: no number is lost between our last turn for it and its first. What one and the same ledger (by
its marker) no longer holds is old history, dropped from all copies; another marker is another
ledger: the old one was lost, and until the new one says anything of a host its claims stand.

What another cluster says is answered once our ledger has a copy of it: else what was answered a
moment before a crash could be forgotten while that cluster is away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, SetEntrusted, SetLedger, missing
from globaldns.registry.claims import Claims
from globaldns.registry.numbering import Numbering
from globaldns.registry.views import Views


class LedgerChange(msgspec.Struct, frozen=True):
    """What another cluster's ledger changes for us."""

    gone: frozenset[Claim] = frozenset()
    new: tuple[Claim, ...] = ()
    ours: tuple[Claim, ...] = ()
    """Its claims that we are to keep from now on, since it keeps no ledger any more."""


def compare_ledgers(cluster: str, old: ClaimSet, new: ClaimSet, claims: Claims) -> LedgerChange:
    """Return what to drop, take in and take over when a cluster's ledger replaces another.

    ``new`` follows ``old``.
    """
    if new.marker is None:
        return LedgerChange(ours=() if old.marker is None else tuple(claims.of_cluster(cluster)))
    if old.marker is None:
        stands = {claim for claim in (*new.claims, *new.former) if claim.cluster == cluster}
        told = {claim.host for claim in stands}
        stale = {
            claim for claim in claims.of_cluster(cluster) if claim.is_retired or claim.host in told
        }
        return LedgerChange(gone=frozenset(stale - stands), new=tuple(sorted(stands)))
    before, after = (*old.claims, *old.former), (*new.claims, *new.former)
    gone = {claim for claim in missing(before, after) if claim.cluster == cluster}
    added = {claim for claim in missing(after, before) if claim.cluster == cluster}
    told = {claim.host for claim in added}
    ours = {c for host in told for c in claims.of_host(host) if c.cluster == cluster}
    stands = {claim for claim in after if claim.host in told} if ours else set()
    return LedgerChange(gone=frozenset(gone | (ours - stands)), new=tuple(sorted(added)))


class OtherLedgers:
    """The ledgers of the other clusters, as far as they bear on what we answer and write."""

    def __init__(self, views: Views, claims: Claims, numbering: Numbering) -> None:
        self._views = views
        self._claims = claims
        self._numbering = numbering
        self._heard: dict[str, tuple[Claim, ...]] = {}
        """By speaker, what it claims for clusters without a ledger."""
        self._entrusted: dict[str, list[Claim]] = {}
        """Of that, what we have yet to unite with."""

    def unite_entrusted(self) -> set[Host]:
        """Claim for clusters without a ledger what others claim for them; return the hosts.

        What they claimed for us before we had one we take over.
        """
        heard, self._entrusted = self._entrusted, {}
        views, known = self._views, self._claims
        own = views.settings.cluster
        new = [
            claim
            for speaker, claims in heard.items()
            if speaker in views.settings.clusters and speaker not in views.doubles
            for claim in claims
            if views.is_written_by_us(claim.cluster) and known.is_news(claim)
            if claim.cluster != own or self._may_take_over(claim)
        ]
        self._note_unheard(new)
        return self._numbering.write(new)

    def _note_unheard(self, claims: Iterable[Claim]) -> None:
        """Take note of what is claimed for clusters that do not answer us: others heard of it.

        Not by its date: who claims what another cluster has already copies that one's.
        """
        for claim in claims:
            view = self._views.cluster(claim.cluster)
            if view.is_silent and not claim.is_retired:
                view.unheard.add(claim.key)

    def _may_take_over(self, claim: Claim) -> bool:
        """Whether our ledger says nothing of a host, and we export it or its VIP rests."""
        own, host = self._views.settings.cluster, claim.host
        is_of_use = claim.is_retired or host in self._views.cluster(own).exports
        return is_of_use and all(known.cluster != own for known in self._claims.of_host(host))

    def hear_again(self) -> None:
        """Unite with all that was heard: other clusters may count now, or keep no ledger."""
        self._entrusted = {speaker: list(claims) for speaker, claims in self._heard.items()}

    def adopt(self, new: Sequence[Claim], gone: Sequence[Claim]) -> set[Host]:
        """Take in what somebody else has written in our ledger, and forgotten in it."""
        has_ledger, numbering = self._views.has_ledger, self._numbering
        claims = [claim for claim in new if not has_ledger(claim.cluster)]
        self._note_unheard(claims)
        dirty = numbering.acknowledge(claims) | numbering.learn(claims)
        return dirty | numbering.forget(claim for claim in gone if not has_ledger(claim.cluster))

    def learn(self, copies: Mapping[str, ClaimSet], now: int) -> set[Host]:
        """Take in the copies that our ledger has; from now on answers wait for new ones.

        A remembered view may be older than the copy, or newer: both say what the ledger said.
        """
        views = {cluster: self._views.cluster(cluster) for cluster in copies}
        changes = (
            SetLedger(cluster, copies[cluster].united(view.ledger))
            for cluster, view in views.items()
            if not (view.has_spoken and view.freshness.is_read)
        )
        affected = {host for change in changes for host in self.take_in(change, now)}
        self._numbering.uncopied.is_awaited = True
        return affected

    def said(self) -> dict[str, ClaimSet]:
        """Return what they say, of those that were heard."""
        settings = self._views.settings
        names = settings.clusters.keys() - {settings.cluster}
        views = {name: self._views.cluster(name) for name in names}
        return {name: view.ledger for name, view in views.items() if view.has_spoken}

    def begin_copies(self) -> dict[str, ClaimSet]:
        """Return what they say, to be copied now."""
        self._numbering.uncopied.send()
        return self.said()

    def take_in(self, change: SetLedger | SetEntrusted, now: int) -> set[Host]:
        """Take in all that one says; return the hosts for which anything is different."""
        if isinstance(change, SetEntrusted):  # nothing is until we unite with it
            new = missing(change.claims, self._heard.get(change.cluster, ()))
            self._heard[change.cluster] = change.claims
            self._entrusted.setdefault(change.cluster, []).extend(new)
            return {claim.host for claim in new}
        return self._take_in_ledger(change, now)

    def _take_in_ledger(self, change: SetLedger, now: int) -> set[Host]:
        views, numbering = self._views, self._numbering
        if change.cluster == views.settings.cluster:
            return set()  # our own ledger is the one that we write
        old = views.set_ledger(change)
        view = views.cluster(change.cluster)
        new = view.ledger
        difference = compare_ledgers(change.cluster, old, new, self._claims)
        if new.marker is None and old.marker is not None:
            self.hear_again()
        stands = (*missing(new.former, old.former), *missing(old.former, new.former))
        dirty = {claim.host for claim in stands}
        if (old.marker is None) != (new.marker is None):  # another one claims for it now
            dirty |= view.exports.keys() | view.policies.keys()
            dirty |= numbering.written.hosts_of_cluster(change.cluster)
        said = {claim.key for claim in difference.new}
        ended = {claim for claim in difference.gone if claim.key in said}
        if old.marker == new.marker:  # it kept its history as long as anybody needs it
            ended.update(claim for claim in difference.gone if claim.is_retired)
        dirty |= numbering.forget(ended)
        dirty |= numbering.disown(difference.gone - ended, now, are_ours=old.marker is None)
        for claim in difference.new:
            numbering.unwritten.forget(claim)  # it says so itself
        numbering.uncopied.add(difference.new)
        numbering.unwritten.note(difference.ours)
        return dirty | numbering.learn(difference.new)

    def end_unsaid(self, hosts: set[Host], now: int) -> set[Host]:
        """Disown what clusters that keep a ledger do not say in it, once it is of no use to them.

        Until then it stands: their next turn takes it over. It is what we claimed for them before,
        or what a ledger said that they have lost. Return the hosts for which anything is different.
        """
        views = self._views
        if not views.keepers:
            return set()
        left = {
            claim
            for host in hosts & self._claims.hosts
            for claim in self._claims.of_host(host)
            if views.has_ledger(claim.cluster)
            and views.cluster(claim.cluster).has_ended(claim)
            and not self._numbering.is_of_use(claim)
        }
        for cluster in {claim.cluster for claim in left}:
            left.difference_update(views.cluster(cluster).ledger.claims)
            views.end_former(cluster, left)
        return self._numbering.disown(left, now) if left else set()
