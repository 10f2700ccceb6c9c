"""The one who writes the shared table: deltas in, and now and then all of it anew.

What a change replaces stays where it is until the arena holds half as much of it as of what counts:
then the other arena is written, some rows with every change, and every change into both. When it
has all, it is the one in use. The former is given back once nobody can still be reading it.

A scribe may take over from one that died in the middle of anything.
"""

from __future__ import annotations

import logging
import mmap
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from globaldns.dns.arena import Arena
from globaldns.dns.lastzone import Image
from globaldns.dns.names import encode_name
from globaldns.dns.table import (
    ARENA_OCTETS,
    COMPLETE,
    CONFIRMED,
    HEAD_OCTETS,
    ROOT,
    SERIAL,
    VERSION,
    Table,
    encode_host,
    root_at,
)
from globaldns.errors import InvalidHost
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, ZoneDelta

logger = logging.getLogger(__name__)

SPARE_OCTETS = 1 << 18
"""Of what counts for nothing: so much is let be, and half of what counts."""
STEP = 200
"""Names that are copied with a change: a millisecond."""
GRACE_SECONDS = 60.0
"""For how long a former arena stays: no answer takes as long."""


class Scribe:
    """Writes one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._names: Counter[tuple[str, ...]] = Counter()
        """How many hosts are in which zones."""
        self._next: Arena | None = None
        """The arena that is written anew."""
        self._rest: Iterator[int] = iter(())
        """Words of the index in use that are not yet copied."""
        self._given_up: int | None = None
        """Where the arena begins that is in use no longer."""
        self._given_up_at: float | None = None
        if table.words[ROOT]:
            self._take_over()
        else:
            self._arena = Arena(table, HEAD_OCTETS)
            self._arena.enter()

    def _take_over(self) -> None:
        """Write anew what one who died may have left half changed."""
        table = self.table
        settings = table.settings
        former = _start_of(root_at(table.words[ROOT]))
        self._give_back(_other(former))
        self._arena = Arena(table, _other(former))
        for entry in self.entries():
            self._put(entry)
        self._arena.settle()
        for entry in self.entries():
            name = encode_name(entry.host)
            for vip in entry.vips:
                holder = table.holder(vip)
                if holder and table.name(holder) == name:  # in whichever row of it
                    self._arena.point(vip, name)
        self._arena.set_settings(settings)
        self._enter(former)

    @property
    def serial(self) -> int | None:
        """SOA serial; None until something was written."""
        return self.table.serial

    @property
    def settings(self) -> bytes:
        """What readers are to obey."""
        return self.table.settings

    @settings.setter
    def settings(self, settings: bytes) -> None:
        if settings != self.settings:
            self._arena.set_settings(settings)
            self._arena.enter()
            self.table.words[VERSION] += 1

    def recall(self, image: Image, serial: int) -> int:
        """Have a remembered zone answered; return how many hosts it has.

        It is not complete, and nothing was written before.
        """
        self._names = self._arena.fill(image)
        self._arena.enter()
        self.table.words[SERIAL] = serial + 1
        self.table.words[VERSION] += 1
        return self._names.total()

    def apply(self, delta: ZoneDelta) -> None:
        """Make a change of what is served: what comes is there before what goes is gone."""
        words = self.table.words
        for entry in delta.puts:
            self._put(entry)
        self._settle()
        puts = {entry.host for entry in delta.puts} if delta.deletes else ()
        for host in delta.deletes:
            if host not in puts:
                self._delete(host)
        self._go_on()
        words[COMPLETE] = delta.complete
        words[SERIAL] = delta.serial + 1
        words[VERSION] += 1

    def confirm(self, now: float) -> None:
        """Give the word that this is the zone; ``now`` is monotonic."""
        self.table.times[CONFIRMED] = now
        self._let_go(now)
        if self._next is not None:
            self._go_on()

    def age(self, now: float) -> float:
        """Return the seconds since it was last confirmed; infinite before the first time."""
        return now - self.table.confirmed_at

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once."""
        return self.table.entries()

    def names(self) -> Counter[str]:
        """Return how many hosts each forward zone has."""
        found: Counter[str] = Counter()
        for zones, count in self._names.items():
            found.update(dict.fromkeys(zones, count))
        return found

    def _put(self, entry: Entry) -> None:
        try:
            key = encode_host(entry.host)
        except InvalidHost as error:
            logger.warning("host cannot be served", extra={"reason": str(error)})
            return
        former = self._arena.put(key, entry)
        if former != entry.zones:
            self._names[entry.zones] += 1
            self._forget(former)
        if self._next is not None:
            self._next.put(key, entry)

    def _delete(self, host: Host) -> None:
        try:
            key = encode_name(host)
        except InvalidHost:
            return  # it was refused when it came
        self._forget(self._arena.delete(key))
        if self._next is not None:
            self._next.delete(key)

    def _forget(self, zones: tuple[str, ...] | None) -> None:
        if zones is not None:
            self._names[zones] -= 1

    def _settle(self) -> None:
        self._arena.settle()
        if self._next is not None:
            self._next.settle()

    def _go_on(self) -> None:
        """Copy some names, if the arena is to be written anew."""
        if self._next is None:
            is_free = self._given_up is None
            if is_free and self._arena.waste > self._arena.worth // 2 + SPARE_OCTETS:
                self._next = Arena(self.table, _other(self._arena.start))
                self._rest = self._arena.rows()
            return
        some = tuple(islice(self._rest, STEP))
        for at in some:
            self._copy(self._next, self.table.name(at))
        if len(some) < STEP:
            self._change_over(self._next)

    def _copy(self, arena: Arena, name: bytes) -> None:
        """Copy a name as it is by now, unless a change has brought it already."""
        at = self.table.find(name)
        entry = self.table.entry(at) if at else None
        if entry is not None and not arena.has(name):
            arena.put(name, entry)

    def _change_over(self, arena: Arena) -> None:
        former = self._arena.start
        arena.settle()
        arena.set_settings(self.settings)
        self._arena, self._next = arena, None
        self._enter(former)

    def _enter(self, former: int) -> None:
        """Have the arena read that was written, and not the former any more."""
        self._arena.enter()
        self.table.look()
        self.table.words[VERSION] += 1
        self._given_up, self._given_up_at = former, None

    def _let_go(self, now: float) -> None:
        """Give the former arena back when nobody can still be reading it."""
        if self._given_up is None:
            return
        if self._given_up_at is None:
            self._given_up_at = now
        elif now - self._given_up_at > GRACE_SECONDS:
            self._give_back(self._given_up)
            self._given_up = None

    def _give_back(self, start: int) -> None:
        """Return the memory of an arena to the system."""
        self.table.memory.madvise(mmap.MADV_REMOVE, start, ARENA_OCTETS)


def _start_of(root: int) -> int:
    """Return where the arena begins that a root is in."""
    first = HEAD_OCTETS
    return first if root < first + ARENA_OCTETS else first + ARENA_OCTETS


def _other(start: int) -> int:
    return HEAD_OCTETS + ARENA_OCTETS if start == HEAD_OCTETS else HEAD_OCTETS
