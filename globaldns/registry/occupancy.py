"""Which addresses are taken: held by an unretired claim, or resting after the last was retired.

Counted per pool as it changes, so that a full pool is known without looking for a free address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

import msgspec

from globaldns.model.address import Address, Family, Prefix
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.registry.vip import Room

_HELD = -1
"""In place of the end of a rest."""


class VipUsage(msgspec.Struct, frozen=True, gc=False):
    """How full a pool is; ``capacity`` = ``held`` + ``resting`` + ``free``."""

    pool: Prefix
    size: int
    reserved: int
    """Addresses that are never given out: first, last, and ``vips.reserved``."""
    held: int
    resting: int
    free: int

    @property
    def capacity(self) -> int:
        """How many addresses can be given out at all."""
        return self.size - self.reserved

    @property
    def filled(self) -> float:
        """The part that is not free, from 0 to 1; 0.8 and more deserves a warning."""
        return 1 - self.free / self.capacity if self.capacity else 1.0


class Occupancy:
    """The taken addresses, inside the pools and outside."""

    def __init__(self, rooms: tuple[Room, ...], quarantine: int) -> None:
        self._rooms = rooms
        self._quarantine = quarantine
        self._taken: dict[Address, int] = {}
        self._held = [0] * len(rooms)
        self._resting = [0] * len(rooms)
        self._ends: list[tuple[int, Address]] = []
        self._overdue: set[Address] = set()

    def __contains__(self, address: object, /) -> bool:
        """Whether an address has an unretired claim or rests."""
        return address in self._taken

    def is_resting(self, address: Address) -> bool:
        """Whether the last claim of an address was retired a short while ago."""
        return self._taken.get(address, _HELD) != _HELD

    @property
    def next_end(self) -> int | None:
        """When the next rest ends."""
        return self._ends[0][0] if self._ends else None

    @property
    def overdue(self) -> frozenset[Address]:
        """The addresses whose rest is held open beyond the quarantine."""
        return frozenset(self._overdue)

    def choose(self, host: Host, family: Family) -> Address | None:
        """Return the host's first free candidate in the first pool with room; None: all full."""
        index = self._with_room(family)
        return None if index is None else self._rooms[index].first_free(host, self)

    def take(self, host: Host, family: Family) -> Address | None:
        """Choose an address, and note that it is held."""
        index = self._with_room(family)
        if index is None:
            return None
        address = self._rooms[index].first_free(host, self)
        self._taken[address] = _HELD
        self._held[index] += 1
        return address

    def _with_room(self, family: Family) -> int | None:
        for index, room in enumerate(self._rooms):
            taken = self._held[index] + self._resting[index]
            if room.pool.family is family and taken < room.capacity:
                return index
        return None

    def update(self, address: Address, claims: Iterable[Claim]) -> None:
        """Note what all claims of an address say of it."""
        end: int | None = None
        for claim in claims:
            if claim.retired_at is None:
                self._set(address, _HELD)
                return
            end = max(end or 0, claim.retired_at + self._quarantine)
        self._set(address, end)

    def end_rests(self, now: int, may_end: Callable[[Address], bool], *, recheck: bool) -> bool:
        """End the rests that are over and may end; return whether any address became free.

        ``recheck`` looks again at those that were over before and might not end then.
        """
        due = set(self._overdue) if recheck else set()
        while self._ends and self._ends[0][0] <= now:
            due.add(heappop(self._ends)[1])
        due = {address for address in due if 0 <= self._taken.get(address, _HELD) <= now}
        ended = {address for address in due if may_end(address)}
        for address in ended:
            self._set(address, None)
        self._overdue = (self._overdue | due) - ended
        return bool(ended)

    def usage(self) -> tuple[VipUsage, ...]:
        """Return how full each pool is."""
        return tuple(
            VipUsage(
                pool=room.pool,
                size=room.pool.size,
                reserved=room.pool.size - room.capacity,
                held=held,
                resting=resting,
                free=room.capacity - held - resting,
            )
            for room, held, resting in zip(self._rooms, self._held, self._resting, strict=True)
        )

    def _set(self, address: Address, state: int | None) -> None:
        old = self._taken.get(address)
        if old == state:
            return
        if state is None:
            del self._taken[address]
        else:
            self._taken[address] = state
            if state != _HELD:
                heappush(self._ends, (state, address))
        self._count(address, old, -1)
        self._count(address, state, +1)

    def _count(self, address: Address, state: int | None, by: int) -> None:
        if state is None:
            return
        counter = self._held if state == _HELD else self._resting
        for index, room in enumerate(self._rooms):
            if address in room.pool:
                if room.is_open(address):
                    counter[index] += by
                return
