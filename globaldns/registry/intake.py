"""Changes of views, taken in: which hosts each of them touches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from globaldns.model.host import Host
from globaldns.model.view import (
    Change,
    Fence,
    Freshness,
    Put,
    Remove,
    Reset,
    SetEntrusted,
    SetFences,
    SetFreshness,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SetRanges,
)
from globaldns.registry.catalogue import Catalogue
from globaldns.registry.ledgers import OtherLedgers
from globaldns.registry.views import Views
from globaldns.registry.written import WrittenClaims


class Intake:
    """Has every part of the registry know what clusters say."""

    def __init__(
        self, views: Views, written: WrittenClaims, others: OtherLedgers, catalogue: Catalogue
    ) -> None:
        self._views = views
        self._written = written
        self._others = others
        self._catalogue = catalogue
        self.must_recheck_rests = False
        """Whether anything was said by which a rest may end."""

    def take_in(self, change: Change, now: int) -> set[Host]:
        """Take in a change; return the hosts for which anything may be different."""
        if isinstance(change, Put | Remove | SetPolicies | SetRanges):
            return self._views.take_in(change)
        if isinstance(change, SetGateways | SetNetwork):
            self._views.set_way_in(change)
            return set()  # where bytes go is routing's subject
        self.must_recheck_rests = True  # whoever kept a rest from ending may be back
        match change:
            case Reset():
                return self._reset(change, now)
            case SetLedger() | SetEntrusted():
                return self._others.take_in(change, now)
            case SetFences():
                return self._refence(lambda: self._views.set_fences(change))
            case SetFreshness():
                return self._set_freshness(change.freshness)

    def set_words(self, words: Mapping[str, Fence]) -> set[Host]:
        """Take what people told us of fences; return the hosts concerned."""
        self.must_recheck_rests = True
        return self._refence(lambda: self._views.set_words(words))

    def set_doubles(self, doubles: Mapping[str, str]) -> set[Host]:
        """Take which clusters count under another id; return the hosts concerned."""
        self.must_recheck_rests = True
        self._others.hear_again()
        return self._refence(lambda: self._views.set_doubles(doubles))

    def _reset(self, change: Reset, now: int) -> set[Host]:
        view = change.view
        mine = self._views.cluster(view.cluster)
        had_spoken, former = mine.is_own_word, mine.freshness
        dirty = self._views.reset(change)
        fences = SetFences(view.cluster, view.fences)
        dirty |= self._refence(lambda: self._views.set_fences(fences))
        is_remembered = view.freshness is not None and not view.freshness.is_read
        ledger = view.ledger.united(mine.ledger) if is_remembered else view.ledger
        dirty |= self._others.take_in(SetLedger(view.cluster, ledger), now)
        dirty |= self._others.take_in(SetEntrusted(view.cluster, view.entrusted), now)
        if view.freshness is not None:
            dirty |= self._set_freshness(view.freshness)
        if mine.freshness.zones != former.zones:  # a service may be in more zones now
            services = self._catalogue.services
            self._catalogue.waiting_anew.update(host for host in dirty if host in services)
        if not had_spoken:
            dirty |= self._written.hosts_of_cluster(view.cluster)
        return dirty

    def _refence(self, change: Callable[[], set[Host]]) -> set[Host]:
        before = self._views.fenced | self._views.doubles.keys()
        dirty = change()
        for cluster in before ^ (self._views.fenced | self._views.doubles.keys()):
            dirty |= self._written.hosts_of_cluster(cluster)
        return dirty

    def _set_freshness(self, freshness: Freshness) -> set[Host]:
        cluster = freshness.cluster
        view = self._views.cluster(cluster)
        before = (view.may_lack, view.is_own_word)
        self._views.set_freshness(freshness)
        heard: set[Host] = set()
        if not view.is_silent:
            heard = {claim.host for claim in view.unheard}
            view.unheard.clear()
        if before == (view.may_lack, view.is_own_word):
            return heard
        return heard | self._written.hosts_of_cluster(cluster)
