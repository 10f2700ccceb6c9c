"""What a remembered view has and the first reading after a restart lacks.

It stands for ``grace`` more, as anything that goes missing does; and as long as its object may be
there unread: the file is broken, the object is refused, or, for what depends on several objects or
tells no file, any file at all was never read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Protocol, TypeVar

import msgspec

from globaldns.model.export import Export, Gateway, Origin
from globaldns.model.host import Host
from globaldns.model.view import (
    Change,
    ClaimSet,
    Put,
    Remove,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    View,
)

IsDoubtful = Callable[[Origin | None], bool]
"""Whether an object may be there although nothing was read of it; None: any object."""


class _Sourced(Protocol):
    @property
    def origin(self) -> Origin: ...


_Item = TypeVar("_Item", bound=_Sourced)


class Carryover:
    """The part of a remembered view that still stands beside what was read."""

    def __init__(self, remembered: View, said: View) -> None:
        hosts = {export.host for export in said.exports}
        self._cluster = said.cluster
        self._exports: dict[Host, Export] = {
            export.host: export for export in remembered.exports if export.host not in hosts
        }
        self._policies = _lacking(remembered.policies, said.policies)
        self._fences = _lacking(remembered.fences, said.fences)
        self._gateways: tuple[Gateway, ...] = () if said.gateways else remembered.gateways
        self._network = "" if said.network else remembered.network
        self._ledger = _lacking_claims(remembered.ledger, said.ledger)
        self._ends: dict[Hashable, float] = {}
        """When what is not doubtful ends."""

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(
            self._exports
            or self._policies
            or self._fences
            or self._gateways
            or self._network
            or self._ledger != ClaimSet()
        )

    @property
    def files(self) -> set[str]:
        """The files that its exports stood in."""
        return {export.origin.file for export in self._exports.values()}

    def missing(self) -> Iterator[tuple[Origin, float]]:
        """Yield the objects of exports that end, and when."""
        for host, export in self._exports.items():
            if host in self._ends:
                yield export.origin, self._ends[host]

    @property
    def deadline(self) -> float | None:
        """When the next of it ends."""
        return min(self._ends.values(), default=None)

    def beside(self, said: View) -> View:
        """Return a view that was read, with what still stands beside it."""
        return msgspec.structs.replace(
            said,
            exports=(*said.exports, *self._exports.values()),
            policies=(*said.policies, *self._policies),
            fences=(*said.fences, *self._fences),
            gateways=said.gateways or self._gateways,
            network=said.network or self._network,
            ledger=_unite(said.ledger, self._ledger),
        )

    def amend(self, changes: Iterable[Change]) -> list[Change]:
        """Return changes of what was read as changes of the view; what was read again ends here."""
        return [self._amend(change) for change in changes]

    def expire(
        self, is_doubtful: IsDoubtful, said: Callable[[], View], now: float, grace: float
    ) -> list[Change]:
        """Return what ends now, as changes."""
        for place, origin in self._standing():
            if is_doubtful(origin):
                self._ends.pop(place, None)
            else:
                self._ends.setdefault(place, now + grace)
        ended = {place for place, end in self._ends.items() if end <= now}
        for place in ended:
            del self._ends[place]
        return self._end(ended, said()) if ended else []

    def pause(self) -> None:
        """Take note of silence: the whole grace begins anew afterwards."""
        self._ends.clear()

    def _standing(self) -> list[tuple[Hashable, Origin | None]]:
        standing: list[tuple[Hashable, Origin | None]] = [
            (host, export.origin) for host, export in self._exports.items()
        ]
        standing += ((policy, policy.origin) for policy in self._policies)
        standing += ((fence, fence.origin) for fence in self._fences)
        standing += ((item, None) for item in self._gateways)
        if self._network:
            standing.append((_of_network(self._network), None))
        if self._ledger != ClaimSet():
            standing.append((self._ledger, None))
        return standing

    def _end(self, ended: set[Hashable], said: View) -> list[Change]:
        changes: list[Change] = []
        for host in [host for host in self._exports if host in ended]:
            del self._exports[host]
            changes.append(Remove(self._cluster, host))
        former = (self._policies, self._fences, self._gateways, self._network, self._ledger)
        self._policies = tuple(item for item in self._policies if item not in ended)
        self._fences = tuple(item for item in self._fences if item not in ended)
        self._gateways = tuple(item for item in self._gateways if item not in ended)
        if _of_network(self._network) in ended:
            self._network = ""
        if self._ledger in ended:
            self._ledger = ClaimSet()
        view = self.beside(msgspec.structs.replace(said, exports=()))
        facets: tuple[Change, ...] = (
            SetPolicies(self._cluster, view.policies),
            SetFences(self._cluster, view.fences),
            SetGateways(self._cluster, view.gateways, view.gateway_services),
            SetNetwork(self._cluster, view.network),
            SetLedger(self._cluster, view.ledger),
        )
        now = (self._policies, self._fences, self._gateways, self._network, self._ledger)
        changes += (
            change
            for change, before, after in zip(facets, former, now, strict=True)
            if before != after
        )
        return changes

    def _amend(self, change: Change) -> Change:
        match change:
            case Put(export):
                self._exports.pop(export.host, None)
                self._ends.pop(export.host, None)
            case SetPolicies(cluster, policies):
                self._policies = _lacking(self._policies, policies)
                return SetPolicies(cluster, (*policies, *self._policies))
            case SetFences(cluster, fences):
                self._fences = _lacking(self._fences, fences)
                return SetFences(cluster, (*fences, *self._fences))
            case SetGateways() | SetNetwork():
                return self._amend_way_in(change)
            case SetLedger(cluster, ledger):
                self._ledger = _lacking_claims(self._ledger, ledger)
                return SetLedger(cluster, _unite(ledger, self._ledger))
            case _:
                return change
        return change

    def _amend_way_in(self, change: SetGateways | SetNetwork) -> Change:
        match change:
            case SetGateways(cluster, gateways, services):
                self._gateways = () if gateways else self._gateways
                return SetGateways(cluster, gateways or self._gateways, services)
            case SetNetwork(cluster, network):
                self._network = "" if network else self._network
                return SetNetwork(cluster, network or self._network)


def _lacking(remembered: tuple[_Item, ...], said: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Return what is remembered of objects of which nothing was said."""
    spoken = {_identity(item) for item in said}
    return tuple(item for item in remembered if _identity(item) not in spoken)


def _identity(item: _Sourced) -> tuple[str, str, str]:
    return (item.origin.kind, item.origin.namespace, item.origin.name)


def _of_network(network: str) -> tuple[str, str]:
    """Return a network as what ends: no host is like it."""
    return ("network", network)


def _lacking_claims(remembered: ClaimSet, said: ClaimSet) -> ClaimSet:
    """Return what is remembered of the ledger that was read, or of one that was not read yet."""
    if said.marker is None:
        return remembered
    if said.marker != remembered.marker:
        return ClaimSet()
    keys = {claim.key for claim in said.claims}
    claims = tuple(claim for claim in remembered.claims if claim.key not in keys)
    return ClaimSet(said.marker, claims) if claims else ClaimSet()


def _unite(said: ClaimSet, remembered: ClaimSet) -> ClaimSet:
    return msgspec.structs.replace(
        said,
        marker=said.marker or remembered.marker,
        claims=(*said.claims, *remembered.claims),
    )
