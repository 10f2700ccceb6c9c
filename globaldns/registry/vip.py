"""Pools, and which address of them a host gets.

``candidate(k) = pool[(a + k * b) mod size]``, k = 0, 1, 2, …, where ``a`` and ``b`` are two 64-bit
halves of a keyed BLAKE2b over the host. Every pool's size is a power of two and ``b`` is odd, so
the probe visits every address; and clusters that never spoke give almost every host the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from globaldns.config import special
from globaldns.model.address import Address, Prefix, parse_prefix
from globaldns.model.host import Host

_KEYED = blake2b(key=b"globaldns vip 1", digest_size=16)
"""The version of the numbering: another key gives every host of the world another VIP."""

_HALF = 8  # octets

SPECIAL: tuple[Prefix, ...] = tuple(parse_prefix(str(network)) for network in special.SPECIAL)
"""Where neither pool nor pin may lie unless ``vips.allow_special`` says so."""


def is_within(address: Address, prefixes: Iterable[Prefix]) -> bool:
    """Whether an address lies in any of the prefixes."""
    return any(address in prefix for prefix in prefixes)


def may_be_pinned(
    address: Address, allowed: Iterable[Prefix], allow_special: Iterable[Prefix]
) -> bool:
    """Whether a person's address may be answered: ``allowed`` are the pools and ``vips.pins``."""
    return is_within(address, allowed) and not is_barred(address, allow_special)


def is_barred(address: Address, allow_special: Iterable[Prefix]) -> bool:
    """Whether an address can be no VIP at all, whoever claims it."""
    return is_within(address, SPECIAL) and not is_within(address, allow_special)


class Taken(Protocol):
    """Which addresses nobody may be given now."""

    def __contains__(self, address: object, /) -> bool:
        """Whether an address has an unretired claim or rests."""


class Room(msgspec.Struct, frozen=True):
    """A pool as the numbering sees it: what in it may be given out at all."""

    pool: Prefix
    closed: tuple[tuple[int, int], ...]
    """Places that are never given, as ranges, both ends included, ascending and apart."""
    capacity: int
    """How many addresses are left beside those."""
    base: int
    """The pool's first address as a number."""
    size: int

    def is_open(self, address: Address) -> bool:
        """Whether an address of the pool may be given out at all."""
        return self._is_open(int.from_bytes(address) - self.base)

    def _is_open(self, place: int) -> bool:
        return all(not first <= place <= last for first, last in self.closed)

    def first_free(self, host: Host, taken: Taken) -> Address:
        """Return the host's first free candidate; there must be one."""
        octets, base = len(self.pool.first), self.base
        for place in places(host, self.size):
            address = Address((base + place).to_bytes(octets))
            if address not in taken and self._is_open(place):
                return address
        raise AssertionError("the probe visits every place for ever")  # pragma: no cover


def make_room(pool: Prefix, reserved: Iterable[Prefix]) -> Room:
    """Return a pool without its first and last address and its reserved ranges."""
    last = pool.size - 1
    ranges = [(0, 0), (last, last)]
    for prefix in reserved:
        if prefix.overlaps(pool):
            start = prefix.base - pool.base
            ranges.append((max(start, 0), min(start + prefix.size - 1, last)))
    closed = _unite(ranges)
    capacity = pool.size - sum(end - start + 1 for start, end in closed)
    return Room(pool, closed, capacity, pool.base, pool.size)


def _unite(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    united: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if united and start <= united[-1][1] + 1:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return tuple(united)


def places(host: Host, size: int) -> Iterator[int]:
    """Return a host's places in a pool of a size that is a power of two, in order, for ever."""
    hashed = _KEYED.copy()
    hashed.update(host.encode())
    digest = hashed.digest()
    mask = size - 1
    place = int.from_bytes(digest[:_HALF]) & mask
    step = int.from_bytes(digest[_HALF:]) | 1
    while True:
        yield place
        place = (place + step) & mask


def make_rooms(pools: Sequence[Prefix], reserved: Sequence[Prefix]) -> tuple[Room, ...]:
    """Return the rooms of all pools, in the order in which they are tried."""
    return tuple(make_room(pool, reserved) for pool in pools)
