"""Clusters that are in one network, and cannot both be: an address of it is in two of them.

Bytes for the one would come to the other. One network are all endpoints whose network has the same
name, or none; those of ``routing.direct_networks`` are in every other one too.

What a Node has for Pods is a word and no proof: some networks give Pods other addresses and leave
it standing (Cilium's cluster-pool, Calico's own IPAM, the VPC CNI of AWS). So it counts as far as
exported pods bear it out. Looks at every endpoint, so it is for people who ask.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum, auto
from itertools import islice

import msgspec

from globaldns.errors import InvalidAddress
from globaldns.model.address import Address, Prefix, parse_address
from globaldns.model.export import Endpoint, Export, ExportKind
from globaldns.model.finding import Finding, Severity
from globaldns.registry.registry import Registry

CODE = "network-overlap"

_ASKED = 2000
"""Pods of a cluster that bear its ranges out, or belie them; some milliseconds."""


class Member(msgspec.Struct, frozen=True):
    """What of a cluster is looked at; nothing of it changes, so that a thread may do it."""

    cluster: str
    network: str
    ranges: tuple[Prefix, ...]
    """What its Nodes have for Pods."""
    exports: tuple[Export, ...]


class Members(msgspec.Struct, frozen=True):
    """All that count, by id."""

    clusters: tuple[Member, ...]
    direct: frozenset[str]
    """Networks that are reached from every other."""


class _Proof(Enum):
    """What exported pods say of the ranges that their cluster's Nodes have."""

    NONE = auto()
    """There are no such pods."""
    BORNE_OUT = auto()
    """One has an address of these."""
    BELIED = auto()
    """All have others."""


class _Holder(msgspec.Struct, frozen=True, gc=False):
    """Who has an address, or a range of them, and in which network."""

    cluster: str
    network: str
    is_sure: bool = True


def members_of(registry: Registry) -> Members:
    """Return what there is to look at now."""
    views, settings = registry.views, registry.settings
    found = []
    for cluster in filter(views.counts, sorted(settings.clusters)):
        view = views.cluster(cluster)
        exports = tuple(view.exports.values())
        found.append(Member(cluster, view.network, view.pod_ranges, exports))
    return Members(tuple(found), settings.direct_networks)


def network_overlaps(members: Members) -> Iterator[Finding]:
    """Yield findings for each pair of clusters, about the later one by id.

    One for the ranges that their nodes have for pods, and one for pods that are exported.
    """
    yield from _of_ranges(members)
    yield from _of_pods(members)


def _of_ranges(members: Members) -> Iterator[Finding]:
    """Yield a finding for each pair of clusters whose nodes have the same addresses for pods.

    Of two ranges that overlap, one lies in the other: those around the present one are a stack.
    """
    direct = members.direct
    around: list[tuple[Prefix, _Holder]] = []
    told: set[tuple[str, str]] = set()
    for prefix, holder in sorted(_ranges(members), key=_widest_first):
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


def _ranges(members: Members) -> Iterator[tuple[Prefix, _Holder]]:
    """Yield the ranges in which pods may be, by what is known of them."""
    for member in members.clusters:
        proof = _prove(member) if member.ranges else _Proof.NONE
        if proof is not _Proof.BELIED:
            holder = _Holder(member.cluster, member.network, proof is _Proof.BORNE_OUT)
            yield from ((prefix, holder) for prefix in member.ranges)


def _prove(member: Member) -> _Proof:
    """Return what the exported pods of a cluster say of its ranges, until the first that is in."""
    proof, outermost = _Proof.NONE, _outermost(member.ranges)
    for endpoint in islice(_pods(member), _ASKED):
        with suppress(InvalidAddress):
            address, proof = parse_address(endpoint.address), _Proof.BELIED
            place = bisect_right(outermost, (len(address), address), key=_begin)
            if place and address in outermost[place - 1]:
                return _Proof.BORNE_OUT
    return proof


def _outermost(ranges: Sequence[Prefix]) -> list[Prefix]:
    """Return those of some ranges that lie in no other, in order."""
    found: list[Prefix] = []
    for prefix in sorted(ranges, key=lambda one: (*_begin(one), one.length)):
        if not found or not found[-1].overlaps(prefix):
            found.append(prefix)
    return found


def _begin(prefix: Prefix) -> tuple[int, Address]:
    return len(prefix.first), prefix.first


def _widest_first(held: tuple[Prefix, _Holder]) -> tuple[int, bytes, int, str]:
    prefix, holder = held
    return prefix.family, prefix.first, prefix.length, holder.cluster


def _of_pods(members: Members) -> Iterator[Finding]:
    """Yield a finding for each pair of clusters that export one address."""
    holders: dict[str, tuple[_Holder, ...]] = {}
    told: set[tuple[str, str]] = set()
    all_pods = ((one.cluster, pod) for one in members.clusters for pod in _pods(one))
    for cluster, endpoint in all_pods:
        others = holders.get(endpoint.address, ())
        holder = _Holder(cluster, endpoint.network)
        if holder in others:
            continue
        holders[endpoint.address] = (*others, holder)
        for other in others:
            pair = _pair(holder, other)
            if pair not in told and _meet(holder, other, members.direct):
                told.add(pair)
                what = f"has a workload at {endpoint.address}, and so has {other.cluster}"
                yield _refuse(other, holder, members.direct, what)


def _pods(member: Member) -> Iterator[Endpoint]:
    """Yield the endpoints of Services.

    What a person wrote into an entry may be one machine that several clusters use.
    """
    for export in member.exports:
        if _is_of_pods(export):
            yield from export.endpoints


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
    is_sure = one.is_sure and later.is_sure
    effect = "calls for the one come to the other"
    if not is_sure:
        effect += " if their pods have these, which not both show by what they export"
    return Finding(
        severity=Severity.ERROR if is_sure else Severity.WARNING,
        code=CODE,
        reason=f"{what}, {where}: {effect}",
        hint=hint,
        cluster=later.cluster,
    )
