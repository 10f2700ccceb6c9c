"""Which addresses the clusters use for other things than VIPs."""

from __future__ import annotations

from collections.abc import Iterable

from globaldns.model.address import Address, Family, Prefix


class UsedRanges:
    """The ranges of Services, Pods and Nodes, by cluster; found by address at once."""

    def __init__(self) -> None:
        self._ranges: dict[str, frozenset[Prefix]] = {}
        self._lengths: dict[str, frozenset[tuple[Family, int]]] = {}

    def set(self, cluster: str, ranges: Iterable[Prefix]) -> bool:
        """Take in all ranges of a cluster; return whether they are other ones."""
        new = frozenset(ranges)
        if self._ranges.get(cluster, frozenset()) == new:
            return False
        self._ranges[cluster] = new
        self._lengths[cluster] = frozenset((one.family, one.length) for one in new)
        return True

    def find(self, address: Address, clusters: Iterable[str]) -> tuple[str, Prefix] | None:
        """Return which of some clusters uses an address, and the range; None: none does."""
        single = Prefix(address, len(address) * 8)
        for cluster in clusters:
            for family, length in self._lengths.get(cluster, ()):
                if family is single.family and single.above(length) in self._ranges[cluster]:
                    return cluster, single.above(length)
        return None
