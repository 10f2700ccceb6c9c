"""Which retired claims may be forgotten. Pure.

A retired claim stays for the quarantine, and while it makes another claim void: without it that
claim would rise again. Beyond that the last eight of a host stay for a year: its history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.registry.holders import age

KEPT_PER_HOST = 8
MAX_AGE_SECONDS = 365 * 86400

Group = TypeVar("Group")


def expired(
    claims: Collection[Claim],
    *,
    now: int,
    quarantine: int,
    resting: Collection[Address] = frozenset(),
) -> tuple[Claim, ...]:
    """Return the claims that may be forgotten, sorted.

    ``resting`` are VIPs whose rest is held open beyond the quarantine: a cluster that once claimed
    them has gone quiet. All of their claims stay.
    """
    old = [
        claim
        for claim in claims
        if claim.retired_at is not None
        and now - claim.retired_at > quarantine
        and claim.vip not in resting
    ]
    doomed = _beyond_history(old, now)
    if not doomed:
        return ()
    return tuple(sorted(doomed - _needed(claims, doomed)))


def _beyond_history(old: Iterable[Claim], now: int) -> set[Claim]:
    """Return what is no part of any host's history, of claims that are retired."""
    doomed: set[Claim] = set()
    for history in _group(old, lambda claim: claim.host).values():
        history.sort(key=lambda claim: (claim.retired_at or 0, claim), reverse=True)
        doomed.update(history[KEPT_PER_HOST:])
        doomed.update(claim for claim in history if now - (claim.retired_at or 0) > MAX_AGE_SECONDS)
    return doomed


def _needed(claims: Iterable[Claim], doomed: set[Claim]) -> set[Claim]:
    """Return the doomed claims that make a claim void that stays.

    Only an earlier claim makes one void, so one pass from the newest to the oldest of a VIP sees
    whatever stays before what it needs. Some that are void themselves are kept with them: cheaper
    than finding out, and without effect.
    """
    vips = {claim.vip for claim in doomed}
    rivals = _group((claim for claim in claims if claim.vip in vips), lambda claim: claim.vip)
    needed: set[Claim] = set()
    for group in rivals.values():
        staying: list[Claim] = []
        for claim in sorted(group, key=age, reverse=True):
            if claim not in doomed:
                staying.append(claim)
            elif any(_outlives(claim, other) for other in staying):
                staying.append(claim)
                needed.add(claim)
    return needed


def _outlives(claim: Claim, later: Claim) -> bool:
    """Whether a claim was not yet retired when a later one of another host was given."""
    return (
        later.kind is ClaimKind.GIVEN
        and claim.host != later.host
        and (claim.retired_at is None or claim.retired_at > later.allocated_at)
    )


def _group(claims: Iterable[Claim], key: Callable[[Claim], Group]) -> dict[Group, list[Claim]]:
    groups: dict[Group, list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[key(claim)].append(claim)
    return groups
