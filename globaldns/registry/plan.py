"""What other pools would move, before anything moves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.model.address import Address, Family
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.occupancy import Occupancy
from globaldns.registry.registry import Registry
from globaldns.registry.settings import RegistrySettings
from globaldns.registry.vip import is_within, make_rooms


class PlannedMove(msgspec.Struct, frozen=True, gc=False):
    """One VIP that is not as the settings would have it."""

    host: Host
    old: Address
    new: Address | None
    """What it would get now; None: nothing is free, or what follows is a number not yet known."""
    reason: str
    """``outside-pools``: stays until ``vip renumber``; ``pinned``: the host's own pin, which moves
    it at once; ``pin-of-another``: a pin takes its VIP at once."""
    by: Host
    """Whose pin it is; the host itself where there is none."""


def plan(registry: Registry, settings: RegistrySettings) -> tuple[PlannedMove, ...]:
    """Return the moves that settings and the pins that are not claimed yet would bring."""
    return tuple(
        sorted(
            (*_out_of_pools(registry, settings), *_by_pins(registry)),
            key=lambda move: (move.host, move.old),
        )
    )


def _out_of_pools(registry: Registry, settings: RegistrySettings) -> Iterator[PlannedMove]:
    rooms = make_rooms(settings.pools, settings.reserved)
    occupancy = Occupancy(rooms, settings.quarantine)
    for vip in registry.claims.vips:
        occupancy.update(vip, registry.claims.of_vip(vip))
    for host in sorted(registry.claims.hosts):
        for claim in registry.claims.held(host):
            if claim.kind is ClaimKind.PINNED or is_within(claim.vip, settings.pools):
                continue
            new = occupancy.take(host, Family(len(claim.vip)))
            yield PlannedMove(host, claim.vip, new, "outside-pools", host)


def _by_pins(registry: Registry) -> Iterator[PlannedMove]:
    for host in sorted(registry.views.hosts):
        pinnings = registry.views.pinnings(host)
        if not pinnings:
            continue
        pins = [pin for pin in pinnings[0].pins if registry.numbering.may_pin(pin)]
        own = [claim for claim in registry.claims.held(host) if claim.vip not in pins]
        for claim in own if pins else ():
            if claim.kind is not ClaimKind.PINNED:
                new = next((pin for pin in pins if len(pin) == len(claim.vip)), None)
                yield PlannedMove(host, claim.vip, new, "pinned", host)
        for pin in pins:
            loser = _loser(registry, host, pin)
            if loser is not None:
                yield PlannedMove(loser.host, pin, None, "pin-of-another", host)


def _loser(registry: Registry, host: Host, pin: Address) -> Claim | None:
    holder = registry.claims.holder(pin)
    if holder is None or holder.host == host or holder.kind is ClaimKind.PINNED:
        return None
    return holder
