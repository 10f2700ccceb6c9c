"""Clusters that have gone quiet: what becomes of what they said, as time goes by.

A cluster is lost when it was not in contact for as long as its rules say, whatever state its source
is in: connected is not fresh. What becomes of its exports then is decided where they are published
and nowhere else. Numbers are given, copied and retired as if it were there, so that nothing moves
because of it, and all is as before once it is back.

Between two ages of which any rule speaks nothing changes. So what is kept of a cluster is the last
of these that is behind it; its hosts are looked at when that changes, and at no other time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.lost import UNTOUCHED, Fate, LostPolicy, LostRules, Standing
from globaldns.model.service import Standings
from globaldns.model.view import SourceState
from globaldns.registry.settings import ClusterRules
from globaldns.registry.views import Views


class Loss(msgspec.Struct, frozen=True, gc=False):
    """How long a lost cluster was not in contact, as far as it matters."""

    passed: int
    """The last age behind it of which any rule speaks."""
    contact: int | None
    """When it was in contact last, as this was found."""


class Judged(NamedTuple):
    """What is left of the exports of one host."""

    exports: tuple[Export, ...]
    """Those that count, oldest first; the very tuple that was judged if all do."""
    standings: Standings


class Silence:
    """Which clusters are lost, and which views are too old to be answered from."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self.too_old: frozenset[str] = frozenset()
        """Clusters whose views are not answered from."""
        self._losses: dict[str, Loss] = {}
        self._ages: dict[str, tuple[int, ...]] = {}
        """Of which ages any rule for a cluster speaks, ascending."""
        self._told: tuple[object, object] = (None, None)
        """The rules that these ages are of."""
        self._excused_until = 0

    @property
    def lost(self) -> frozenset[str]:
        """The clusters that are lost."""
        return frozenset(self._losses)

    @property
    def is_idle(self) -> bool:
        """Whether every cluster counts for all that it says."""
        return not self._losses and not self.too_old

    def elapse(self, now: int, *, is_settled: bool) -> set[Host]:
        """Note how late it is; return the hosts for which anything may be different.

        None is lost before all is settled: what is remembered stands until its source was heard.
        """
        touched: set[Host] = set()
        old, self.too_old = self.too_old, self._find_too_old(now)
        for cluster in old ^ self.too_old:
            touched |= self._views.cluster(cluster).exports.keys()
        if is_settled:
            self._learn_ages()
            former, self._losses = self._losses, self._find_losses(now)
            for cluster in former.keys() | self._losses.keys():
                touched.update(self._touched(cluster, former.get(cluster)))
        return touched

    def excuse(self, until: int) -> None:
        """Take no more for lost before then than is: it was we who did not listen."""
        self._excused_until = until

    def fate(self, cluster: str, host: Host) -> Fate:
        """Return what has become of a cluster's export of a host."""
        loss = self._losses.get(cluster)
        return UNTOUCHED if loss is None else self._rules(cluster, host).fate(loss.passed)

    def judge(self, host: Host, exports: tuple[Export, ...]) -> Judged:
        """Return which exports of a host count, and how the endpoints of those stand."""
        if not self._losses:
            return Judged(exports, ())
        fates = [(export, self.fate(export.cluster, host)) for export in exports]
        counting = [(export, fate.endpoints) for export, fate in fates if not fate.is_dropped]
        standings = tuple(
            sorted((e.cluster, how) for e, how in counting if how is not Standing.COUNTED)
        )
        if len(counting) == len(exports):
            return Judged(exports, standings)
        return Judged(tuple(export for export, _ in counting), standings)

    @property
    def next_too_old(self) -> int | None:
        """When the next view gets, or got, too old."""
        others = self._views.settings.clusters.keys() - self.too_old
        ends = map(self._goes_stale_at, others)
        return min((end + 1 for end in ends if end is not None), default=None)

    @property
    def next_loss(self) -> int | None:
        """When a cluster is, or was, lost or any more of it; at once if one may be back."""
        ends = []
        for cluster, ages in self._ages.items():
            contact, loss = self._contact(cluster), self._losses.get(cluster)
            if loss is not None and loss.contact != contact:
                return 0
            place = 0 if loss is None else bisect_right(ages, loss.passed)
            if contact is not None and place < len(ages):
                ends.append(contact + ages[place] + 1)
        return max(min(ends), self._excused_until) if ends else None

    def _find_too_old(self, now: int) -> frozenset[str]:
        ends = ((name, self._goes_stale_at(name)) for name in self._views.settings.clusters)
        return frozenset(name for name, end in ends if end is not None and end < now)

    def _goes_stale_at(self, cluster: str) -> int | None:
        freshness = self._views.cluster(cluster).freshness
        if freshness.state in (SourceState.SYNCED, SourceState.WAITING):
            return None
        return (freshness.contact or 0) + self._views.settings.patience

    def _find_losses(self, now: int) -> dict[str, Loss]:
        losses = {}
        is_excused = now < self._excused_until
        for cluster, ages in self._ages.items():
            contact = self._contact(cluster)
            behind = 0 if contact is None else bisect_left(ages, now - contact)
            passed = ages[behind - 1] if behind else 0
            if is_excused:
                former = self._losses.get(cluster)
                passed = min(passed, former.passed if former else 0)
            if passed:
                losses[cluster] = Loss(passed, contact)
        return losses

    def _contact(self, cluster: str) -> int | None:
        """Return when a cluster was in contact last; None where nothing is known of it."""
        freshness = self._views.cluster(cluster).freshness
        return None if freshness.state is SourceState.WAITING else (freshness.contact or 0)

    def _touched(self, cluster: str, former: Loss | None) -> Iterable[Host]:
        """Return the hosts for which a cluster's silence means something else than before."""
        loss = self._losses.get(cluster)
        old, new = former.passed if former else 0, loss.passed if loss else 0
        if old == new:
            return ()
        exports, rules = self._views.cluster(cluster).exports, self._rules(cluster)
        if rules.fate(old) != rules.fate(new):
            return exports.keys()
        return [
            host
            for host in exports.keys() & self._views.overrules.hosts
            if (mine := self._rules(cluster, host)).fate(old) != mine.fate(new)
        ]

    def _rules(self, cluster: str, host: Host | None = None) -> LostRules:
        rules = self._views.settings.clusters.get(cluster, _NO_RULES).lost
        overrules = () if host is None else self._views.overrules.of_host(host)
        return rules.overruled(overrules[0].lost) if overrules else rules

    def _learn_ages(self) -> None:
        """Look through the rules, if they are other ones than before."""
        clusters, policies = self._views.settings.clusters, self._views.overrules.policies
        if self._told[0] is clusters and self._told[1] is policies:
            return
        self._told = (clusters, policies)
        self._ages = {name: _ages(rules.lost, policies) for name, rules in clusters.items()}


_NO_RULES = ClusterRules()
"""Those of a cluster that is not configured any more, which counts for nothing."""


def _ages(rules: LostRules, policies: Iterable[LostPolicy]) -> tuple[int, ...]:
    all_rules = (rules, *map(rules.overruled, policies))
    return tuple(sorted({age for one in all_rules for age in one.ages()}))
