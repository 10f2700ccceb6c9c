"""Which claims count for a cluster: those in its own ledger, or those that we made for it.

Once a cluster has a ledger of its own, only what stands there counts. Of a host that it exports and
of which its ledger says nothing, what we claimed for it stands until its first turn takes that
over: no number is lost between our last turn for it and its first. What one and the same ledger (by
its marker) no longer holds is old history, dropped from all copies; another marker is another
ledger: the old one was lost, and until the new one says anything of a host its claims stand.
"""

from __future__ import annotations

import msgspec

from globaldns.model.claim import Claim
from globaldns.model.view import ClaimSet
from globaldns.registry.claims import Claims


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
    stands = {claim for claim in (*new.claims, *new.former) if claim.cluster == cluster}
    if old.marker is None:
        told = {claim.host for claim in stands}
        stale = {
            claim for claim in claims.of_cluster(cluster) if claim.is_retired or claim.host in told
        } - stands
    else:
        known = {claim for claim in (*old.claims, *old.former) if claim.cluster == cluster}
        told = {claim.host for claim in stands - known}
        ours = {c for host in told for c in claims.of_host(host) if c.cluster == cluster}
        stale = (known | ours) - stands
        stands -= known
    return LedgerChange(gone=frozenset(stale), new=tuple(sorted(stands)))
