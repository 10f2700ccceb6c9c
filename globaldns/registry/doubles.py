"""Clusters that are read under two ids: a mistake, and what each exports is there but once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from globaldns.registry.views import Views


def find_doubles(
    uids: Mapping[str, str], views: Views, *, lost: Collection[str] = ()
) -> dict[str, str]:
    """Return the ids of clusters that count under another one, and which that is.

    ``uids`` are those of their kube-system namespaces, by id; empty: not known. Our own id counts
    before others, unless it is lost by that; then one that is fenced, for a second one is no way
    around that; one by which it is not lost; the one that its ledger has; one that was read; the
    first.
    """

    def order(cluster: str) -> tuple[bool | str, ...]:
        return (
            cluster != views.settings.cluster or cluster in lost,
            cluster not in views.fenced,
            cluster in lost,
            cluster not in views.keepers,
            not views.cluster(cluster).freshness.is_read,
            cluster,
        )

    counted: dict[str, str] = {}
    doubles: dict[str, str] = {}
    for cluster in sorted(uids, key=order):
        if uid := uids[cluster]:
            first = counted.setdefault(uid, cluster)
            if first != cluster:
                doubles[cluster] = first
    return doubles
