"""What one cluster writes in its ledger about one host, once it is known who holds what.

None of a cluster's retired claims is ever revived: what comes back is a new claim, dated now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.pins import Pinning

WITHDRAWN = "withdrawn"
"""The cluster does not export the host any more."""
UNPINNED = "unpinned"
"""The person took the pin away."""
DROPPED = "dropped"
"""The cluster is not configured any more, for as long as a VIP rests."""
COLLISION = "collision"
"""The VIP is another host's."""
REPLACED = "replaced"
"""The host has another VIP: a pin, a stronger claim, or by ``vip renumber``."""


def pin_claims(
    pinning: Pinning | None,
    mine: Collection[Claim],
    *,
    date: int,
    may_pin: Callable[[Address], bool],
) -> list[Claim]:
    """Return the pinned claims that a cluster writes: what is pinned now, and what no longer is.

    ``mine`` are all the cluster's claims of the host. A pin that has a claim is kept whatever the
    settings say now: they bind new pins.
    """
    live = [claim for claim in mine if claim.kind is ClaimKind.PINNED and not claim.is_retired]
    if pinning is None:
        return [claim.retire(date, UNPINNED) for claim in live]
    claimed = {claim.vip for claim in live}
    wanted = {vip: None for vip in pinning.pins if vip in claimed or may_pin(vip)}
    since = _pinned_since(pinning, mine, wanted, date)
    kept = {claim.vip for claim in live if claim.allocated_at == since}
    ended = [
        claim.retire(date, REPLACED if claim.vip in wanted else UNPINNED)
        for claim in live
        if claim.vip not in wanted or claim.allocated_at != since
    ]
    host, cluster = pinning.host, pinning.cluster
    return ended + [
        Claim(host, vip, since, cluster, ClaimKind.PINNED) for vip in wanted if vip not in kept
    ]


def _pinned_since(
    pinning: Pinning, mine: Collection[Claim], wanted: Iterable[Address], date: int
) -> int:
    """One date for all pins of one object: its creation, or when the first of them was seen.

    A creation time in the future is no date that others could live with: it counts as absent. With
    each that is new all are seen now: no pin in use gives way to one that is written later.
    """
    pinned = [claim for claim in mine if claim.kind is ClaimKind.PINNED]
    live = [claim for claim in pinned if not claim.is_retired]
    known = [claim.allocated_at for claim in live]
    if pinning.dated_at is not None and pinning.dated_at <= date:
        known.append(pinning.dated_at)
    elif not {claim.vip for claim in live}.issuperset(wanted):
        known = []
    since = max(known, default=date)
    spent = {(claim.vip, claim.allocated_at) for claim in pinned if claim.is_retired}
    if any((vip, since) in spent for vip in wanted):
        since = max(date, since + 1)
        while any((vip, since) in spent for vip in wanted):
            since += 1
    return since


def end_claims(mine: Iterable[Claim], *, date: int) -> list[Claim]:
    """Return a cluster's numbers of a host that it does not export any more."""
    return [
        claim.retire(date, WITHDRAWN)
        for claim in mine
        if claim.kind is not ClaimKind.PINNED and not claim.is_retired
    ]


def drop_claims(theirs: Iterable[Claim], *, date: int) -> list[Claim]:
    """Return the claims of a cluster that is not configured any more, its pins among them."""
    return [claim.retire(date, DROPPED) for claim in theirs if not claim.is_retired]


def lost_claims(
    mine: Iterable[Claim],
    held: Collection[Claim],
    *,
    date: int,
    is_replaced: Callable[[Claim], bool],
) -> Iterator[Claim]:
    """Return the cluster's numbers that have lost; a pinned claim ends with its pin only."""
    vips = {claim.vip for claim in held}
    for claim in mine:
        if claim.kind is ClaimKind.PINNED or claim.is_retired or claim.vip in vips:
            continue
        yield claim.retire(date, REPLACED if is_replaced(claim) else COLLISION)


def copy_claims(
    cluster: str,
    mine: Collection[Claim],
    held: Iterable[Claim],
    *,
    date: int,
    would_be_void: Callable[[Host, Address, int], bool],
) -> Iterator[Claim]:
    """Return the copies of what the host holds that the cluster lacks.

    A copy has its original's date, or today's where it would be void by that: a pin may hold a VIP
    whose former owner has yet to retire its claim, or retired it after the pin's date.
    """
    live = {claim.vip for claim in mine if not claim.is_retired}
    for winner in held:
        if winner.vip in live:
            continue
        for wanted in (winner.allocated_at, date):
            since = unused_date(mine, winner.vip, wanted, date)
            if not would_be_void(winner.host, winner.vip, since):
                yield Claim(winner.host, winner.vip, since, cluster, ClaimKind.GIVEN)
                break


def unused_date(
    mine: Iterable[Claim],
    vip: Address,
    wanted: int,
    date: int,
    kind: ClaimKind = ClaimKind.GIVEN,
) -> int:
    """Return the wanted date of a new claim; ``date`` or later if that very claim was retired."""
    spent = {
        claim.allocated_at
        for claim in mine
        if claim.vip == vip and claim.kind is kind and claim.is_retired
    }
    if wanted in spent:
        wanted = max(date, wanted)
        while wanted in spent:
            wanted += 1
    return wanted
