"""At most one export per host: who wins where several objects of a cluster offer the same.

A ServiceEntry beats a Service, then the older wins, then the smaller namespace and name. The winner
is in every zone that any of them is in, so that a loser's names stay known, and names its rivals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from globaldns.model.export import Export, ExportKind, Rival
from globaldns.model.host import Host
from globaldns.model.view import Put, Remove
from globaldns.objects import ObjectKey


class Contest:
    """The exports of one cluster by host, and what changed of them since the last time asked."""

    def __init__(self, cluster: str, known: Iterable[Export] = ()) -> None:
        self._cluster = cluster
        self._known = {export.host: export for export in known}
        """What others hold already: an equal offer is the same value, and costs no memory."""
        self._winners: dict[Host, Export] = {}
        self._offers: dict[Host, tuple[Export, ...]] = {}
        """All that is offered, best first, where that is more than one."""
        self._before: dict[Host, Export | None] = {}
        """What stood before the first change of a host."""

    def put(self, export: Export) -> None:
        """Offer an export; it takes the place of the same object's former one."""
        if self._known and self._known.get(export.host) == export:
            export = self._known[export.host]
        host = export.host
        former = self._winners.get(host)
        if former is None:
            self._before.setdefault(host, None)
            self._winners[host] = export
        else:
            self._decide(host, (*self._others(host, _key(export)), export))

    def remove(self, host: Host, key: ObjectKey) -> None:
        """Take back what an object offers under a host, if it does."""
        if host in self._winners:
            self._decide(host, self._others(host, key))

    def begin(self) -> None:
        """Take what there is for told, and every offer as it comes from now on."""
        self._known = {}
        self._before = {}

    def exports(self) -> tuple[Export, ...]:
        """Return the winners."""
        return tuple(self._winners.values())

    def drain(self) -> Iterator[Put | Remove]:
        """Yield what changed since the last call."""
        before, self._before = self._before, {}
        for host, former in before.items():
            now = self._winners.get(host)
            if now is None:
                if former is not None:
                    yield Remove(self._cluster, host)
            elif now != former:
                yield Put(now)

    def _others(self, host: Host, key: ObjectKey) -> tuple[Export, ...]:
        offers = self._offers.get(host) or (self._winners[host],)
        return tuple([offer for offer in offers if _key(offer) != key])

    def _decide(self, host: Host, offers: tuple[Export, ...]) -> None:
        self._before.setdefault(host, self._winners[host])
        ranked = tuple(sorted(offers, key=_rank))
        if len(ranked) > 1:
            self._offers[host] = ranked
        else:
            self._offers.pop(host, None)
        if ranked:
            self._winners[host] = _crown(ranked)
        else:
            del self._winners[host]


def _key(export: Export) -> ObjectKey:
    return ObjectKey(export.origin.kind, export.origin.namespace, export.origin.name)


def _rank(export: Export) -> tuple[bool, tuple[float, str, str, str]]:
    return export.kind is ExportKind.SERVICE, export.age_key


def _rule(winner: Export, loser: Export) -> str:
    if _rank(winner)[0] != _rank(loser)[0]:
        return "a ServiceEntry beats a Service"
    if winner.age_key[0] != loser.age_key[0]:
        return "the older counts"
    return "of one age: the first by namespace and name counts"


def _crown(offers: tuple[Export, ...]) -> Export:
    """Return the best offer, in the zones of all, with its rivals; no zones stand for every one."""
    best, *losers = offers
    if not all(offer.zones for offer in offers):
        zones: tuple[str, ...] = ()
    else:
        zones = tuple(dict.fromkeys(zone for offer in offers for zone in offer.zones))
    rivals = tuple(Rival(loser.origin, _rule(best, loser)) for loser in losers)
    if (zones, rivals) == (best.zones, best.rivals):
        return best
    return msgspec.structs.replace(best, zones=zones, rivals=rivals)
