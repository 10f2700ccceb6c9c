"""Who has which VIP: a pure function of the set of all claims, and nothing else.

This is the agreement. Clusters that know the same claims know the same holders, in whatever order
they heard of them; ``claims`` computes the same for what a change touches only, by this function.

Strength: pinned before chosen before given. Pinned and given: the older is stronger; chosen (a
person's ``vip renumber``): the newer. Ties go to the smaller host, then VIP, then cluster.

A *given* claim is void, for ever, if another host's earlier claim of that VIP, itself not void, was
not yet retired at its date: it was made in ignorance, and must not win by the other's retirement.

A claim that is neither retired nor void is taken, in order of strength, if its VIP has no holder
and its host has no VIP of that family. A host with pinned claims has what its earliest pinning
object pins and nothing else: no number from a pool stands in for a pin that is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from math import inf
from operator import attrgetter

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host

_STRENGTH = {ClaimKind.PINNED: 0, ClaimKind.CHOSEN: 1, ClaimKind.GIVEN: 2}

PinGroup = tuple[int, str]
"""The pinned claims of one object: their common date, and their cluster."""


def holders(claims: Iterable[Claim]) -> dict[Address, Claim]:
    """Return every VIP that stands for a host, with the claim by which it does."""
    by_vip = sorted(claims, key=attrgetter("vip"))
    standing = [
        claim
        for _, rivals in groupby(by_vip, key=attrgetter("vip"))
        for claim in standing_claims(rivals)
        if claim.retired_at is None
    ]
    return _take(sorted(standing, key=strength), pin_groups(standing))


def standing_claims(rivals: Iterable[Claim]) -> list[Claim]:
    """Return the claims of one VIP that are not void, retired ones among them, oldest first."""
    ends: dict[Host, float] = {}
    standing = []
    for claim in sorted(rivals, key=age):
        if claim.kind is ClaimKind.GIVEN and is_taken(ends, claim.host, claim.allocated_at):
            continue
        end = inf if claim.retired_at is None else claim.retired_at
        ends[claim.host] = max(ends.get(claim.host, 0), end)
        standing.append(claim)
    return standing


def is_taken(ends: dict[Host, float], host: Host, at: int) -> bool:
    """Whether a VIP whose claims end then is another host's at that date."""
    return any(end > at for rival, end in ends.items() if rival != host)


def age(claim: Claim) -> tuple[int, Host, str, ClaimKind]:
    """Sort key of "earlier" among the claims of one VIP."""
    return (claim.allocated_at, claim.host, claim.cluster, claim.kind)


def strength(claim: Claim) -> tuple[int, int, Host, Address, str]:
    """Sort key of "stronger" among all claims."""
    date = claim.allocated_at
    if claim.kind is ClaimKind.CHOSEN:
        date = -date
    return (_STRENGTH[claim.kind], date, claim.host, claim.vip, claim.cluster)


def pin_groups(standing: Iterable[Claim]) -> dict[Host, PinGroup]:
    """Return which object's pins count, for every host that has any."""
    groups: dict[Host, PinGroup] = {}
    for claim in standing:
        if claim.kind is ClaimKind.PINNED:
            group = (claim.allocated_at, claim.cluster)
            groups[claim.host] = min(group, groups.get(claim.host, group))
    return groups


def _take(ranked: Iterable[Claim], groups: dict[Host, PinGroup]) -> dict[Address, Claim]:
    held: dict[Address, Claim] = {}
    numbered: set[tuple[Host, int]] = set()
    for claim in ranked:
        if claim.vip in held:
            continue
        slot = (claim.host, len(claim.vip))
        group = groups.get(claim.host)
        if group is None:
            is_free = slot not in numbered
        else:
            is_free = claim.kind is ClaimKind.PINNED and group == (
                claim.allocated_at,
                claim.cluster,
            )
        if is_free:
            held[claim.vip] = claim
            numbered.add(slot)
    return held
