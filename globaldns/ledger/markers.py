"""Which ledger it is that objects are of, where they do not agree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from globaldns.ledger.shards import ShardId
from globaldns.model.claim import Marker
from globaldns.objects.own import LedgerRole

FIRST_NAME = ShardId(LedgerRole.OWN, "", 0).name
"""The object that is there as long as a ledger is, written last when it is begun."""


def choose_marker(markers: Mapping[str, Marker], latest: float) -> Marker | None:
    """Return which ledger objects of one are, by their names; None: there is none.

    The first says it, else the one that was begun last. One that says it was begun after ``latest``
    was written by a hand that slipped: it counts only where nothing else does.
    """

    def rank(name: str) -> tuple[bool, bool, int, str]:
        marker = markers[name]
        return (marker.created <= latest, name == FIRST_NAME, *marker.begun)

    return markers[max(markers, key=rank)] if markers else None


def newest(markers: Iterable[Marker]) -> Marker:
    """Return the marker of the ledger that was begun last."""
    return max(markers, key=lambda marker: marker.begun)
