"""Which claims count for a cluster: those in its own ledger, or those that we made for it.

Once a cluster has a ledger of its own, only what stands there counts: what we claimed for it and it
did not take over is dropped. What one and the same ledger (by its marker) no longer holds is old
history, dropped from all copies; another marker is another ledger: the old one was lost, and until
the new one says otherwise its claims stand.
"""

from __future__ import annotations

import msgspec

from globaldns.model.claim import Claim
from globaldns.model.view import ClaimSet
from globaldns.registry.claims import Claims


class LedgerChange(msgspec.Struct, frozen=True):
    """What another cluster's ledger changes for us."""

    gone: tuple[Claim, ...] = ()
    new: tuple[Claim, ...] = ()
    ours: tuple[Claim, ...] = ()
    """Its claims that we are to keep from now on, since it keeps no ledger any more."""


def compare_ledgers(cluster: str, old: ClaimSet, new: ClaimSet, claims: Claims) -> LedgerChange:
    """Return what to drop, take in and take over when a cluster's ledger replaces another."""
    if new.marker is None:
        ours = () if old.marker is None else tuple(claims.of_cluster(cluster))
        return LedgerChange(ours=ours)
    stands = {claim for claim in new.claims if claim.cluster == cluster}
    if old.marker is None:
        stale = set(claims.of_cluster(cluster)) - stands
    elif old.marker == new.marker:
        stale = set(old.claims) - stands
        stands -= set(old.claims)
    else:
        stale = set()
    return LedgerChange(gone=tuple(sorted(stale)), new=tuple(sorted(stands)))
