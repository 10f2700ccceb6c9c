"""Clusters that are in one network, and cannot both be: an address of it is in two of them.

Bytes for the one would come to the other. One network are all endpoints whose network has the same
name, or none; those of ``routing.direct_networks`` are in every other one too. Looks at every
endpoint, so it is for people who ask.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.model.address import Prefix
from globaldns.model.export import Endpoint, Export, ExportKind
from globaldns.model.finding import Finding, Severity
from globaldns.registry.registry import Registry

CODE = "network-overlap"


class _Holder(msgspec.Struct, frozen=True, gc=False):
    """Who has an address, or a range of them, and in which network."""

    cluster: str
    network: str


def network_overlaps(registry: Registry) -> Iterator[Finding]:
    """Yield findings for each pair of clusters, about the later one by id.

    One for the ranges that their nodes have for pods, and one for pods that are exported.
    """
    direct = registry.settings.direct_networks
    yield from _of_ranges(registry, direct)
    yield from _of_pods(registry, direct)


def _of_ranges(registry: Registry, direct: frozenset[str]) -> Iterator[Finding]:
    """Yield a finding for each pair of clusters whose nodes have the same addresses for pods.

    Of two ranges that overlap, one lies in the other: those around the present one are a stack.
    """
    around: list[tuple[Prefix, _Holder]] = []
    told: set[tuple[str, str]] = set()
    for prefix, holder in sorted(_ranges(registry), key=_widest_first):
        while around and not around[-1][0].overlaps(prefix):
            around.pop()
        for wider, other in around:
            pair = _pair(holder, other)
            if pair not in told and _meet(holder, other, direct):
                told.add(pair)
                both = ((prefix, holder), (wider, other))
                (first, one), (second, later) = sorted(both, key=lambda held: held[1].cluster)
                what = f"its nodes have {second} for pods, and those of {one.cluster} have {first}"
                yield _refuse(one, later, direct, what)
        around.append((prefix, holder))


def _ranges(registry: Registry) -> Iterator[tuple[Prefix, _Holder]]:
    views = registry.views
    for cluster in filter(views.counts, sorted(registry.settings.clusters)):
        view = views.cluster(cluster)
        holder = _Holder(cluster, view.network)
        yield from ((prefix, holder) for prefix in view.pod_ranges)


def _widest_first(held: tuple[Prefix, _Holder]) -> tuple[int, bytes, int, str]:
    prefix, holder = held
    return prefix.family, prefix.first, prefix.length, holder.cluster


def _of_pods(registry: Registry, direct: frozenset[str]) -> Iterator[Finding]:
    """Yield a finding for each pair of clusters that export one address."""
    holders: dict[str, tuple[_Holder, ...]] = {}
    told: set[tuple[str, str]] = set()
    for cluster, endpoint in _pods(registry):
        others = holders.get(endpoint.address, ())
        holder = _Holder(cluster, endpoint.network)
        if holder in others:
            continue
        holders[endpoint.address] = (*others, holder)
        for other in others:
            pair = _pair(holder, other)
            if pair not in told and _meet(holder, other, direct):
                told.add(pair)
                what = f"has a workload at {endpoint.address}, and so has {other.cluster}"
                yield _refuse(other, holder, direct, what)


def _pods(registry: Registry) -> Iterator[tuple[str, Endpoint]]:
    """Yield the endpoints of Services, cluster by cluster.

    What a person wrote into an entry may be one machine that several clusters use.
    """
    views = registry.views
    for cluster in filter(views.counts, sorted(registry.settings.clusters)):
        for export in views.cluster(cluster).exports.values():
            if _is_of_pods(export):
                yield from ((cluster, one) for one in export.endpoints)


def _is_of_pods(export: Export) -> bool:
    return export.kind is ExportKind.SERVICE


def _pair(one: _Holder, other: _Holder) -> tuple[str, str]:
    return min(one.cluster, other.cluster), max(one.cluster, other.cluster)


def _meet(one: _Holder, other: _Holder, direct: frozenset[str]) -> bool:
    """Whether an address of the one is one of the other."""
    is_one = one.network == other.network or not direct.isdisjoint((one.network, other.network))
    return one.cluster != other.cluster and is_one


def _refuse(one: _Holder, later: _Holder, direct: frozenset[str], what: str) -> Finding:
    hint = (
        f"give them networks of their own: clusters.{one.cluster}.network, "
        f"clusters.{later.cluster}.network, and gateways"
    )
    if one.network != later.network:
        names = ", ".join(sorted(direct.intersection((one.network, later.network))))
        where = f"reached directly (routing.direct_networks: {names})"
        hint = f"take {names} out of routing.direct_networks, and give it gateways"
    elif one.network:
        where = f"in one network {one.network!r}"
    else:
        where = "in one network, for neither has a name"
    return Finding(
        severity=Severity.ERROR,
        code=CODE,
        reason=f"{what}, {where}: calls for the one come to the other",
        hint=hint,
        cluster=later.cluster,
    )
