"""What every cluster says, and for each host who offers it and who pins it.

A cluster counts while it is configured and not fenced. What it says is kept even when it does not
count, so that nothing has to be read again when it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain

import msgspec

from globaldns.model.address import Address, Prefix
from globaldns.model.claim import Claim
from globaldns.model.export import Export
from globaldns.model.head import Uids
from globaldns.model.host import Host
from globaldns.model.view import (
    ClaimSet,
    Fence,
    Freshness,
    Policy,
    Put,
    Remove,
    Reset,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SetRanges,
    SourceState,
)
from globaldns.registry.cluster_view import ClusterView
from globaldns.registry.overruling import Overrules
from globaldns.registry.pins import Pinning, choose_pinning
from globaldns.registry.ranges import UsedRanges
from globaldns.registry.settings import RegistrySettings

_NO_EXPORTS: tuple[Export, ...] = ()
_NO_PINNINGS: tuple[Pinning, ...] = ()


class Views:
    """The views of all clusters, and their exports and pins by host."""

    def __init__(self, settings: RegistrySettings) -> None:
        self.settings = settings
        self.families = settings.families
        self.keepers: set[str] = set()
        """The other clusters that keep a ledger of their own."""
        self.overrules = Overrules()
        self.words: Mapping[str, Fence] = {}
        """What people told us of fences, beside what clusters' objects say."""
        self.uids: Uids = ()
        """Which cluster each name is taken for here: by our ledger, else by the view of it."""
        self.doubles: Mapping[str, str] = {}
        """The ids of clusters that count under another one, and which that is."""
        self._clusters: dict[str, ClusterView] = {}
        self._exports: dict[Host, tuple[Export, ...]] = {}
        self._pinnings: dict[Host, tuple[Pinning, ...]] = {}
        self._used = UsedRanges()
        self._fenced = self._find_fenced()

    def cluster(self, cluster: str) -> ClusterView:
        """Return the view of a cluster; an empty one if it never spoke."""
        return self._clusters.get(cluster) or self._clusters.setdefault(
            cluster, ClusterView(cluster)
        )

    def exports(self, host: Host) -> tuple[Export, ...]:
        """Return the exports of a host that count, oldest first."""
        return self._exports.get(host, _NO_EXPORTS)

    def exported(self, hosts: AbstractSet[Host]) -> set[Host]:
        """Return those of some hosts that are exported."""
        return {*(self._exports.keys() & hosts)}

    def pinnings(self, host: Host) -> tuple[Pinning, ...]:
        """Return what pins a host in the clusters that count, oldest first."""
        return self._pinnings.get(host, _NO_PINNINGS)

    def pinned_hosts(self, hosts: AbstractSet[Host]) -> set[Host]:
        """Return those of some hosts that are pinned."""
        return {*(self._pinnings.keys() & hosts)}

    @property
    def hosts(self) -> Iterable[Host]:
        """The hosts that are exported or pinned by clusters that count."""
        return self._exports.keys() | self._pinnings.keys()

    def fenced_exports(self, host: Host) -> list[tuple[str, Export]]:
        """Return what clusters offer under a host whose exports do not count, each once."""
        return [
            (cluster, view.exports[host])
            for cluster, view in sorted(self._clusters.items())
            if host in view.exports and not self.counts(cluster) and cluster not in self.doubles
        ]

    @property
    def fenced(self) -> frozenset[str]:
        """The clusters that are fenced, by the settings or by a word."""
        return self._fenced

    def pinning(self, cluster: str, host: Host) -> Pinning | None:
        """Return what pins a host in a cluster, whether that cluster counts or not."""
        view = self.cluster(cluster)
        return choose_pinning(cluster, view.exports.get(host), view.policies.get(host))

    def counts(self, cluster: str) -> bool:
        """Whether a cluster's exports count, under this id."""
        is_out = cluster in self._fenced or cluster in self.doubles
        return cluster in self.settings.clusters and not is_out

    def has_ledger(self, cluster: str) -> bool:
        """Whether a cluster keeps its claims itself, so that nobody claims for it."""
        return cluster in self.keepers

    def is_written_by_us(self, cluster: str) -> bool:
        """Whether we claim and retire for a cluster."""
        return cluster in self.settings.clusters and not self.has_ledger(cluster)

    def is_waiting(self, cluster: str) -> bool:
        """Whether not all names of a cluster that counts are known, in the zones served now."""
        freshness = self.cluster(cluster).freshness
        return self.counts(cluster) and not freshness.is_known_in(self.settings.zones)

    def may_offer(self, claim: Claim) -> bool:
        """Whether a cluster that counts may have a host that it claims and its view lacks."""
        return self.counts(claim.cluster) and self.cluster(claim.cluster).may_offer(claim)

    def is_fresh(self, cluster: str) -> bool:
        """Whether a cluster says now what it says."""
        return self.cluster(cluster).freshness.state is SourceState.SYNCED

    def is_complete(self) -> bool:
        """Whether a name that no view has is known to be absent."""
        return not any(map(self.is_waiting, self.settings.clusters))

    def take_in(self, change: Put | Remove | SetPolicies | SetRanges) -> set[Host]:
        """Take in one change; return the hosts for which anything is different."""
        match change:
            case Put(export):
                self.cluster(export.cluster).exports[export.host] = export
                self._index(export.cluster, export.host)
                return {export.host}
            case Remove(cluster, host):
                self.cluster(cluster).exports.pop(host, None)
                self._index(cluster, host)
                return {host}
            case SetPolicies(cluster, policies):
                return self._set_policies(cluster, policies)
            case SetRanges(cluster, ranges, pods):
                return self._set_ranges(cluster, ranges, pods)

    def reset(self, change: Reset) -> set[Host]:
        """Take in the exports and policies of a whole view."""
        view = change.view
        mine = self.cluster(view.cluster)
        new = {export.host: export for export in view.exports}
        changed = {host for host, export in new.items() if mine.exports.get(host) != export}
        changed |= mine.exports.keys() - new.keys()
        mine.exports = new
        mine.gateways, mine.gateway_services = view.gateways, view.gateway_services
        mine.network = view.network
        mine.has_spoken = True
        for host in changed:
            self._index(view.cluster, host)
        changed |= self._set_policies(view.cluster, view.policies)
        return changed | self._set_ranges(view.cluster, view.ranges, view.pod_ranges)

    def _set_policies(self, cluster: str, policies: Iterable[Policy]) -> set[Host]:
        """Take in all GlobalServices of a cluster; of two for one host the older counts."""
        mine = self.cluster(cluster)
        new: dict[Host, Policy] = {}
        for policy in sorted(policies, key=_policy_age):
            new.setdefault(policy.host, policy)
        hosts = mine.policies.keys() | new.keys()
        changed = {host for host in hosts if mine.policies.get(host) != new.get(host)}
        mine.policies = new
        for host in changed:
            self._index(cluster, host)
        return changed

    def _set_ranges(
        self, cluster: str, ranges: Iterable[Prefix], pods: tuple[Prefix, ...]
    ) -> set[Host]:
        """Take in all ranges that a cluster uses; return the hosts that may be pinned there."""
        self.cluster(cluster).pod_ranges = pods
        return {*self._pinnings} if self._used.set(cluster, ranges) else set()

    def set_way_in(self, change: SetGateways | SetNetwork) -> None:
        """Take in all gateways that a cluster has, or its network."""
        match change:
            case SetGateways(cluster, gateways, services):
                mine = self.cluster(cluster)
                mine.gateways, mine.gateway_services = gateways, services
            case SetNetwork(cluster, network):
                self.cluster(cluster).network = network

    def used_by(self, address: Address) -> tuple[str, Prefix] | None:
        """Return which cluster uses an address for Services, Pods or Nodes, and the range."""
        return self._used.find(address, self.settings.clusters)

    def set_fences(self, change: SetFences) -> set[Host]:
        """Take in all ClusterFences that a cluster has."""
        self.cluster(change.cluster).fences = change.fences
        return self._refence()

    def all_fences(self) -> Iterator[Fence]:
        """Return every word that counts; only configured clusters may speak."""
        said = (self.cluster(name).fences for name in self.settings.clusters)
        return chain(self.words.values(), *said)

    def fences_on(self, cluster: str) -> list[Fence]:
        """Return every word on a cluster that counts."""
        return [one for one in self.all_fences() if one.target == cluster]

    def accepted_uid(self, cluster: str) -> str:
        """Return which one people said is a cluster since it was rebuilt; empty: they did not."""
        words = ((word.at, word.uid) for word in self.fences_on(cluster) if word.uid)
        return max(words, default=(0, ""))[1]

    def set_words(self, words: Mapping[str, Fence]) -> set[Host]:
        """Take what people told us of clusters, by the one that each word is about."""
        self.words = words
        return self._refence()

    def set_doubles(self, doubles: Mapping[str, str]) -> set[Host]:
        """Take which clusters count under another id, and which that is."""
        old, self.doubles = self.doubles, doubles
        return self._index_all(old.keys() ^ doubles.keys())

    def set_freshness(self, freshness: Freshness) -> None:
        """Take in how a source stands."""
        self.cluster(freshness.cluster).freshness = freshness

    def note_contact(self, freshness: Freshness) -> None:
        """Note when a source was in contact last, where nothing else about it is news."""
        view = self.cluster(freshness.cluster)
        if msgspec.structs.replace(view.freshness, contact=freshness.contact) == freshness:
            view.freshness = freshness

    def set_ledger(self, change: SetLedger) -> ClaimSet:
        """Take in a cluster's own ledger; return the one that it replaces."""
        mine = self.cluster(change.cluster)
        old, mine.ledger = mine.ledger, change.ledger.following(mine.ledger)
        if change.ledger.marker is None:
            self.keepers.discard(change.cluster)
        else:
            self.keepers.add(change.cluster)
        return old

    def end_former(self, cluster: str, claims: AbstractSet[Claim]) -> None:
        """Let some claims of a ledger that the cluster has lost stand no longer."""
        mine = self.cluster(cluster)
        former = tuple(claim for claim in mine.ledger.former if claim not in claims)
        mine.ledger = msgspec.structs.replace(mine.ledger, former=former)

    def reconfigure(self, settings: RegistrySettings) -> None:
        """Obey other settings; everything may be different after it."""
        self.settings = settings
        self.families = settings.families
        self._fenced = self._find_fenced()
        self._exports.clear()
        self._pinnings.clear()
        self.overrules.clear()
        for cluster, view in self._clusters.items():
            for host in view.exports.keys() | view.policies.keys():
                self._index(cluster, host)

    def _refence(self) -> set[Host]:
        old, self._fenced = self._fenced, self._find_fenced()
        return self._index_all(old ^ self._fenced)

    def _index_all(self, clusters: Iterable[str]) -> set[Host]:
        changed: set[Host] = set()
        for cluster in clusters:
            view = self.cluster(cluster)
            hosts = view.exports.keys() | view.policies.keys()
            for host in hosts:
                self._index(cluster, host)
            changed |= hosts
        return changed

    def _find_fenced(self) -> frozenset[str]:
        """By the settings, or by the newest word."""
        configured = self.settings.clusters
        newest: dict[str, tuple[int, bool]] = {}
        for fence in self.all_fences():
            word = (fence.at, fence.fenced)
            newest[fence.target] = max(word, newest.get(fence.target, word))
        by_word = {target for target, (_, fenced) in newest.items() if fenced}
        return frozenset(by_word | {name for name, rules in configured.items() if rules.fenced})

    def _index(self, cluster: str, host: Host) -> None:
        view = self.cluster(cluster)
        counts = self.counts(cluster)
        export = view.exports.get(host) if counts else None
        others = self._exports.get(host, _NO_EXPORTS)
        if others or export is None:
            others = tuple(other for other in others if other.cluster != cluster)
        exports = others if export is None else _insert(others, export)
        if exports:
            self._exports[host] = exports
        else:
            self._exports.pop(host, None)
        policy = view.policies.get(host) if counts else None
        self.overrules.put(cluster, host, policy)
        if policy or (export and export.pins) or host in self._pinnings:
            self._index_pinning(host, cluster, choose_pinning(cluster, export, policy))

    def _index_pinning(self, host: Host, cluster: str, pinning: Pinning | None) -> None:
        left = [other for other in self.pinnings(host) if other.cluster != cluster]
        if pinning:
            left.append(pinning)
        if left:
            self._pinnings[host] = tuple(sorted(left, key=lambda pinning: pinning.age_key))
        else:
            self._pinnings.pop(host, None)


def _insert(others: tuple[Export, ...], export: Export) -> tuple[Export, ...]:
    if not others:
        return (export,)
    return tuple(sorted((*others, export), key=lambda export: export.age_key))


def _policy_age(policy: Policy) -> tuple[float, str, str]:
    created = float("inf") if policy.created_at is None else policy.created_at
    return (created, policy.origin.namespace, policy.origin.name)
