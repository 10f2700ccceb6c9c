"""Which cluster a name stands for: the one whose kube-system has a UID that is known.

A cluster that is rebuilt under its old name has another. What counts is, first of all, the newest
word of people who accepted one that was rebuilt; then what our own ledger says, so that a server
which knows nothing else takes no other cluster for it; then, for what that does not say, which one
our own view is of, so that no other's wrong word ends it; then what most of the other clusters say
in their ledgers. None is asked about itself: one that was rebuilt would say what it is now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from globaldns.model.head import Uids
from globaldns.registry.claims import Claims
from globaldns.registry.views import Views


def known_uids(views: Views) -> dict[str, str]:
    """Return the UID of the cluster that each name stands for, where anybody says so."""
    known = dict(views.uids) | accepted_uids(views)
    if unknown := views.settings.clusters.keys() - known.keys():
        known |= _by_most(views, unknown)
    return known


def remember_uids(views: Views, claims: Claims, read: Mapping[str, str]) -> Uids:
    """Return what our ledger is to say from now on; ``read`` are the UIDs of what views are of.

    Of a cluster that is not configured it says what it said, until its VIPs are released.
    """
    known, clusters = known_uids(views), views.settings.clusters
    found = {cluster: known.get(cluster) or read.get(cluster, "") for cluster in clusters}
    left = {name: uid for name, uid in views.uids if name not in clusters and _has(claims, name)}
    said = left | {cluster: uid for cluster, uid in found.items() if uid}
    return tuple(sorted(said.items()))


def _has(claims: Claims, cluster: str) -> bool:
    return any(not claim.is_retired for claim in claims.of_cluster(cluster))


def differing_words(views: Views) -> dict[str, tuple[str, ...]]:
    """Return, by cluster, which others take its name for another cluster than we do."""
    known, found = known_uids(views), dict[str, tuple[str, ...]]()
    for speaker, cluster, uid in sorted(_words_of_others(views)):
        if known.get(cluster, uid) != uid:
            found[cluster] = (*found.get(cluster, ()), speaker)
    return found


def accepted_uids(views: Views) -> dict[str, str]:
    """Return the UID of each cluster of which people said which one it is since it was rebuilt."""
    words = sorted((word.at, word.uid, word.target) for word in views.all_fences() if word.uid)
    return {cluster: uid for _, uid, cluster in words}


def _by_most(views: Views, clusters: set[str]) -> dict[str, str]:
    """Return what most of the others say of some clusters; of equally many, the larger UID."""
    votes = Counter((cluster, uid) for _, cluster, uid in _words_of_others(views))
    counted = sorted((count, uid, cluster) for (cluster, uid), count in votes.items())
    return {cluster: uid for _, uid, cluster in counted if cluster in clusters}


def _words_of_others(views: Views) -> Iterator[tuple[str, str, str]]:
    """Yield who takes which name for which cluster, of those that count as one themselves."""
    for speaker in views.keepers & views.settings.clusters.keys() - views.doubles.keys():
        for cluster, uid in views.cluster(speaker).ledger.uids:
            if cluster != speaker:
                yield speaker, cluster, uid
