"""All gateways that are watched, and what is to be done about them when.

A gateway whose address is a name is probed at every address that the name has, each by itself;
gateways with one name share its lookup. Of an address of a gateway, and of a name, one thing at
most is under way. Whatever comes of something that was begun for what is not watched any more is
ignored.

Who is cut off from a network sees its gateways die one after the other. So one that is down is
doubted until something else in its network answers: only then is anybody there who could have its
weight::

    A  answers ── fails ── fails ── fails: down, doubted ─────────┬─ dead
    B  answers ─────────────────────────────────────────── answers┘
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import inf
from types import MappingProxyType

import msgspec

from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach
from globaldns.probes.agenda import Agenda
from globaldns.probes.choice import has_name
from globaldns.probes.health import Health, summarise
from globaldns.probes.naming import Naming
from globaldns.probes.schedule import next_due, seed_of

Spot = tuple[Gateway, str]
"""A gateway, and an IP address of it."""


class Target(msgspec.Struct, frozen=True):
    """Where one probe goes."""

    gateway: Gateway
    address: str
    """An IP address."""
    server_name: str = ""
    """The SNI to shake hands with; empty: connecting is all."""


class Turned(msgspec.Struct, frozen=True):
    """A gateway that is reached otherwise than before."""

    gateway: Gateway
    before: Reach
    after: Reach


class Board:
    """What is known of every gateway, and the agenda; ``interval`` 0: nothing is probed.

    ``remembered`` are the last addresses of names in a former run: they stand until a lookup says
    otherwise.
    """

    def __init__(
        self,
        interval: float,
        replica: str,
        remembered: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.reach: Mapping[Gateway, Reach] = {}
        """Of all that are watched; a new map with every change."""
        self._interval = interval
        self._replica = replica
        self._remembered = remembered
        self._health: dict[Gateway, dict[str, Health]] = {}
        """Of the addresses of every gateway that is watched."""
        self._namings: dict[str, Naming] = {}
        self._failing: dict[Spot, float] = {}
        """The steady time at which the first of failures in a row ended."""
        self._answered: dict[str, float] = {}
        """The steady time at which a probe into a network was answered last."""
        self._probes: Agenda[Spot] = Agenda()
        self._lookups: Agenda[str] = Agenda()
        self._probing: set[Spot] = set()
        self._looking: set[str] = set()

    def follow(self, gateways: AbstractSet[Gateway], steady: float) -> bool:
        """Watch these gateways and no others; return whether they are others than before."""
        if gateways == self._health.keys():
            return False
        for gateway in self._health.keys() - gateways:
            for address in self._health.pop(gateway):
                self._forget((gateway, address))
        self._follow_names({one.address for one in gateways if has_name(one)}, steady)
        for gateway in gateways - self._health.keys():
            self._health[gateway] = {}
            self._follow_addresses(gateway, steady)
        self.reach = {gateway: self._reach(gateway) for gateway in sorted(gateways)}
        return True

    def _follow_names(self, names: AbstractSet[str], steady: float) -> None:
        for name in self._namings.keys() - names:
            del self._namings[name]
            self._lookups.drop(name)
        for name in names - self._namings.keys():
            self._namings[name] = Naming(self._remembered.get(name, ()))
            if name not in self._looking:
                self._lookups.put(name, steady)

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses that are known of the names of gateways."""
        return {name: one.addresses for name, one in self._namings.items() if one.addresses}

    def _follow_addresses(self, gateway: Gateway, steady: float) -> None:
        """Probe a gateway at the addresses that it has now; what is known of these stays.

        One that comes to a gateway that is down has to show that it is up: the addresses of a name
        may change with every lookup.
        """
        known, addresses = self._health[gateway], self._addresses(gateway)
        health = summarise(known.values())
        newcomer = health if health.state is GatewayState.DOWN else Health()
        self._health[gateway] = {one: known.get(one, newcomer) for one in addresses}
        for address in self._health[gateway].keys() - known.keys():
            self._plan((gateway, address), steady)
            if newcomer.state is GatewayState.DOWN:
                self._failing[gateway, address] = self._failing_since(gateway, known)
        for address in known.keys() - {*addresses}:
            self._forget((gateway, address))

    def _failing_since(self, gateway: Gateway, addresses: Iterable[str]) -> float:
        """Return since when a gateway that is down at these addresses is failing."""
        return min(self._failing[gateway, address] for address in addresses)

    def _forget(self, spot: Spot) -> None:
        self._probes.drop(spot)
        self._failing.pop(spot, None)

    def obey(self, interval: float, steady: float) -> list[Turned]:
        """Probe at another interval; where nothing is probed any more, nothing is known either."""
        if interval == self._interval:
            return []
        self._interval = interval
        for gateway, address in self._spots():
            if not interval:
                self._health[gateway][address] = Health()
                self._forget((gateway, address))
            self._plan((gateway, address), steady)
        return self._turn(self._health)

    def begin_anew(self, steady: float) -> None:
        """Take nothing for under way: whoever did it has ended."""
        probing, looking = self._probing, self._looking
        self._probing, self._looking = set(), set()
        for spot in probing.intersection(self._spots()):
            self._plan(spot, steady)
        for name in looking & self._namings.keys():
            self._lookups.put(name, steady)

    def _spots(self) -> list[Spot]:
        return [(gateway, one) for gateway, known in self._health.items() for one in known]

    def _plan(self, spot: Spot, after: float) -> None:
        if self._interval and spot not in self._probing:
            gateway, address = spot
            seed = seed_of(msgspec.structs.replace(gateway, address=address), self._replica)
            self._probes.put(spot, next_due(seed, self._interval, after))

    @property
    def next_probe(self) -> float | None:
        """The steady time at which there is a probe to begin; None: there is none."""
        return self._probes.next_due

    @property
    def next_lookup(self) -> float | None:
        """The steady time at which there is a name to look up; None: there is none."""
        return self._lookups.next_due

    def begin_lookup(self, steady: float) -> str | None:
        """Return a name that is to be looked up now; None: there is none."""
        name = self._lookups.pop(steady)
        if name is not None:
            self._looking.add(name)
        return name

    def begin_probe(self, steady: float) -> Spot | None:
        """Return what is to be probed now; None: there is nothing."""
        spot = self._probes.pop(steady)
        if spot is not None:
            self._probing.add(spot)
        return spot

    def target(self, spot: Spot, server_names: Sequence[str]) -> Target:
        """Return where a probe that has begun goes.

        What answers is probed again; with every failure the next service is tried, so that none
        speaks for the gateway while there are others.
        """
        gateway, address = spot
        turn = self._health.get(gateway, {}).get(address, Health()).turn
        name = server_names[turn % len(server_names)] if server_names else ""
        return Target(gateway, address, name)

    def end_probe(
        self, spot: Spot, reason: str | None, *, steady: float, wall: int
    ) -> list[Turned]:
        """Take in why a probe failed, empty: it did not, None: it says nothing."""
        self._probing.discard(spot)
        gateway, address = spot
        known = self._health.get(gateway, {})
        if address not in known:
            return []
        self._plan(spot, steady)
        if reason is None or not self._interval:
            return []
        health = known[address]
        if reason:
            known[address] = health.failed(reason, wall)
            self._failing.setdefault(spot, steady)
            return self._turn((gateway,))
        known[address] = health.succeeded(wall)
        if known[address].state is not GatewayState.DOWN:
            self._failing.pop(spot, None)
            self._answered[gateway.network] = steady
        return self._turn([one for one in self._health if one.network == gateway.network])

    def end_lookup(
        self,
        name: str,
        found: tuple[frozenset[str], int] | str,
        *,
        steady: float,
        pools: Iterable[str] = (),
    ) -> list[Turned]:
        """Take in the addresses of a name and their TTL, or why it has none.

        ``pools``: the CIDRs of virtual IPs, where no gateway is.
        """
        self._looking.discard(name)
        naming = self._namings.get(name)
        if naming is None:
            return []
        naming = naming.failed(found) if isinstance(found, str) else naming.answered(*found, pools)
        self._namings[name] = naming
        self._lookups.put(name, steady + naming.wait)
        named = [one for one in self._health if one.address == name]
        for gateway in named:
            self._follow_addresses(gateway, steady)
        return self._turn(named)

    def _turn(self, gateways: Iterable[Gateway]) -> list[Turned]:
        """Note how some gateways are reached now; return those that are reached otherwise."""
        turned = [
            Turned(gateway, before, after)
            for gateway in gateways
            if (after := self._reach(gateway)) != (before := self.reach[gateway])
        ]
        if turned:
            self.reach = {**self.reach, **{one.gateway: one.after for one in turned}}
        return turned

    def _addresses(self, gateway: Gateway) -> tuple[str, ...]:
        naming = self._namings.get(gateway.address)
        return naming.addresses if naming else (gateway.address,)

    def _reach(self, gateway: Gateway) -> Reach:
        known, naming = self._health[gateway], self._namings.get(gateway.address, Naming())
        health, before = summarise(known.values()), self.reach.get(gateway)
        answered = self._answered.get(gateway.network, -inf)
        down = {
            address: one.reason for address, one in known.items() if one.state is GatewayState.DOWN
        }
        return Reach(
            addresses=tuple(known),
            state=health.state,
            since=before.since if before and before.state is health.state else health.since,
            reason=health.reason,
            down=down,
            doubted=frozenset(one for one in down if self._failing[gateway, one] >= answered),
            unresolved=naming.reason,
            awaited=bool(naming.addresses) and not naming.is_tried,
            left_out=naming.left_out,
        )
