"""Clusters that are read under two ids: a mistake, and what each exports is there but once."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def find_doubles(uids: Mapping[str, str], *, own: str, lost: Collection[str]) -> dict[str, str]:
    """Return the ids of clusters that count under another one, and which that is.

    ``uids`` are those of their kube-system namespaces, by id; empty: not known. Our own id counts
    before others, then the first; but before all one by which the cluster is not lost.
    """
    counted: dict[str, str] = {}
    doubles: dict[str, str] = {}
    for cluster in sorted(uids, key=lambda name: (name in lost, name != own, name)):
        if uid := uids[cluster]:
            first = counted.setdefault(uid, cluster)
            if first != cluster:
                doubles[cluster] = first
    return doubles
