"""How gateways are reached: at which addresses, and whether they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from globaldns.model.address import is_address
from globaldns.model.export import Gateway


class GatewayState(StrEnum):
    """Whether a gateway answers."""

    UNKNOWN = "unknown"
    """It is not probed, or not for long enough to say; it counts as up."""
    UP = "up"
    DOWN = "down"


class Reach(msgspec.Struct, frozen=True, gc=False):
    """How one gateway is reached."""

    addresses: tuple[str, ...] = ()
    """IP addresses, sorted; those of a name are the last that it had."""
    state: GatewayState = GatewayState.UNKNOWN
    since: int = 0
    """Unix seconds of the last change of ``state``; 0: there was none."""
    reason: str = ""
    """Why it is down."""
    unresolved: str = ""
    """Why the addresses of its name cannot be learnt now; empty: they can, or it has none."""
    awaited: bool = False
    """Whether its addresses are those of a former run, and its name was not looked up in this."""
    left_out: tuple[str, ...] = ()
    """Why addresses that its name has besides are none of a gateway, one by one."""
    down: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Its addresses that do not answer, and why."""
    doubted: frozenset[str] = frozenset()
    """Of these, those since whose first failure nothing in their network has answered: it may well
    be us who are cut off from it, and it is for nobody to take their weight."""

    @property
    def living(self) -> tuple[str, ...]:
        """The addresses that are not known to be dead; all, where all are."""
        dead = self.down.keys() - self.doubted
        return tuple(one for one in self.addresses if one not in dead) or self.addresses

    @property
    def is_usable(self) -> bool:
        """Whether there is an address, and nobody knows that nothing answers there."""
        return bool(self.addresses) and (self.state is not GatewayState.DOWN or bool(self.doubted))


def reach_of(gateway: Gateway, known: Mapping[Gateway, Reach]) -> Reach:
    """Return how a gateway is reached; one that is not watched counts as up at its IP address."""
    if (reach := known.get(gateway)) is not None:
        return reach
    return Reach((gateway.address,)) if is_address(gateway.address) else Reach()


def usable(group: Sequence[Gateway], known: Mapping[Gateway, Reach]) -> tuple[Gateway, ...]:
    """Return the gateways of a group that may be given weight, in their order.

    A group is what one set of endpoints is reached through. Where no gateway of it is usable all
    are returned: who sees nothing answer is more likely to be cut off than everything to be dead.
    """
    found = tuple(gateway for gateway in group if reach_of(gateway, known).is_usable)
    return found or tuple(group)


def are_looked_up(known: Mapping[Gateway, Reach]) -> bool:
    """Whether every name of a gateway was looked up at least once, in vain or not."""
    return all(
        reach.unresolved or (reach.addresses and not reach.awaited) for reach in known.values()
    )
