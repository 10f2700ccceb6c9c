"""One of the two places of the table in which all names can stand, for writing (see ``table``).

What is not in the table but follows from it: how many hosts lie below a name, how often a shape is
used, how much of the arena still counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock

import msgspec

from globaldns.dns.index import FEWEST_WORDS, Index, size_for, word_of
from globaldns.dns.lastzone import Image
from globaldns.dns.names import parent
from globaldns.dns.table import (
    ARENA_OCTETS,
    GONE,
    ROOT,
    ROOT_BITS,
    ROOT_LAYOUT,
    ROW,
    SHAPE,
    SHAPE_AT,
    UNIT,
    WILDCARD,
    Root,
    Row,
    Shape,
    Table,
    aligned,
    encode_row,
    shape_of,
)
from globaldns.model.address import Address
from globaldns.model.snapshot import Answering, Entry

Zones = tuple[str, ...]
_NO_ROW = Row(0, 0, 0, 0, 0, 0)

_encoder = msgspec.msgpack.Encoder()


class Arena:
    """Writes one arena."""

    def __init__(self, table: Table, start: int) -> None:
        self.start = start
        self.worth = 0
        """Octets that count."""
        self._table = table
        table.forget()
        self._words = table.words
        self._memory = table.memory
        self._end = start
        self._names = self._add_index(FEWEST_WORDS)
        self._addresses = self._add_index(FEWEST_WORDS)
        self._settings = self._root = 0
        self._wildcards = 0
        self._below: dict[bytes, dict[str, int]] = {}
        """How many hosts of which zones lie below a name, at any depth."""
        self._shapes: dict[Shape, int] = {}
        self._uses: Counter[int] = Counter()
        """How many rows say that they are of a shape."""
        self._replaced: list[tuple[Row, int, tuple[Address, ...], bytes, Zones | None]] = []
        """Rows, where they are, which VIPs the next one has, and which zones it is no longer in."""
        self._is_entered = False
        self._fence = Lock()

    @property
    def waste(self) -> int:
        """Octets that count no longer."""
        return self._end - self.start - self.worth

    def enter(self) -> None:
        """Have readers read this arena from now on, or see that its indexes are elsewhere."""
        self._is_entered = True
        names, addresses = self._names, self._addresses
        root = Root(
            *(names.at, names.mask, addresses.at, addresses.mask),
            wildcards=bool(self._wildcards),
            settings=self._settings,
        )
        self.worth -= ROOT_LAYOUT.size if self._root else 0
        self._root = self._append(ROOT_LAYOUT.pack(*root))
        number = (self._words[ROOT] >> ROOT_BITS) + 1 & (1 << UNIT * 8 - ROOT_BITS) - 1
        self._words[ROOT] = number << ROOT_BITS | self._root

    def put(self, name: bytes, entry: Entry) -> Zones | None:
        """Set the entry of a host; return the zones it was in, None if there was none.

        What it had instead counts until ``settle``.
        """
        slot, old = self._find(name)
        row = self._table.row(old) if old else _NO_ROW
        former = self._table.shape(row.shape).zones if row.shape else None
        zones, vips = entry.zones, entry.vips
        shape = self._use(shape_of(entry))
        if row.below:
            self._uses[row.below] += 1
        at = self._append_row(
            (entry.changed_at, shape, row.below, len(vips), entry.answering, len(name)), name, vips
        )
        for vip in vips:
            self._set_address(vip, at)
        self._set_name(name, slot, old, at)
        is_moved = former != zones
        if is_moved:
            self._count(name, zones, 1)
        if old:
            self._replaced.append((row, old, vips, name, former if is_moved else None))
        return former

    def fill(self, image: Image) -> Counter[Zones]:
        """Take a remembered zone, as the first; return how many hosts are in which zones."""
        places = [self._use(shape) for shape in image.shapes]
        rows = bytearray(image.rows)
        base = self._reserve(len(rows))
        hosts: list[int] = []
        addresses: list[int] = []
        parents: Counter[tuple[bytes, Zones]] = Counter()
        zones: Counter[Zones] = Counter()
        for at, row, name, vips in image.each():
            shape, its = places[row.shape], image.shapes[row.shape].zones
            SHAPE.pack_into(rows, at + SHAPE_AT, shape)
            self._uses[shape] += 1
            self._wildcards += name.startswith(WILDCARD)
            hosts.append(word_of(name, base + at))
            addresses += [word_of(vip, base + at) for vip in vips]
            parents[parent(name), its] += 1
            zones[its] += 1
        self._memory[base : base + len(rows)] = bytes(rows)
        self._names = self._replace(self._names, hosts, len(hosts))
        self._addresses = self._replace(self._addresses, addresses, len(addresses))
        for at in places:
            self._uses[at] -= 1
        for (above, its), count in parents.items():
            self._count_below(above, its, count)
        return zones

    def settle(self) -> None:
        """Let what was replaced count no more, now that all is there that comes instead."""
        replaced, self._replaced = self._replaced, []
        for row, at, kept, name, former in replaced:
            self._leave(row, at, kept)
            if former is not None:
                self._count(name, former, -1)

    def delete(self, name: bytes) -> Zones | None:
        """Remove a host; return the zones it was in, None if there was none."""
        slot, old = self._find(name)
        row = self._table.row(old) if old else _NO_ROW
        if not row.shape:
            return None
        former = self._table.shape(row.shape).zones
        at = 0
        if row.below:
            self._uses[row.below] += 1
            at = self._append_row(Row(0, 0, row.below, 0, Answering.DATA, len(name)), name, ())
        self._set_name(name, slot, old, at)
        self._leave(row, old)
        self._count(name, former, -1)
        return former

    def point(self, address: bytes, name: bytes) -> None:
        """Have an address stand for a host, among those that have it."""
        self._set_address(address, self._find(name)[1])

    def has(self, name: bytes) -> bool:
        """Whether a host has a name."""
        old = self._find(name)[1]
        return bool(old and self._table.row(old).shape)

    def set_settings(self, settings: bytes) -> None:
        """Keep what readers are to obey, until ``enter`` for itself."""
        if self._settings:
            self._drop_blob(self._settings)
        self._settings = self._append_blob(settings)

    def rows(self) -> Iterator[int]:
        """Yield where the rows are, as they are when it is their turn."""
        return self._table.rows(self._names.at, self._names.mask)

    def _find(self, name: bytes) -> tuple[int, int]:
        """Return which word is a name's, or may be, and its row; 0: it has none."""
        return self._table.seek_name(self._names.at, self._names.mask, name)

    def _set_name(self, name: bytes, slot: int, old: int, at: int) -> None:
        """Have a name's word point to another row; to none for 0."""
        names = self._names
        self._words[slot] = word_of(name, at) if at else GONE
        if old:
            names.live -= not at
            return
        names.live += 1
        names.used += 1
        if names.is_crowded:
            self._names = self._replace(names, names.each(), names.live)
            self._follow()

    def _find_address(self, address: bytes) -> tuple[int, int]:
        return self._table.seek_address(self._addresses.at, self._addresses.mask, address)

    def _set_address(self, address: bytes, at: int) -> None:
        slot, old = self._find_address(address)
        addresses = self._addresses
        self._words[slot] = word_of(address, at)
        if old:
            return
        addresses.live += 1
        addresses.used += 1
        if addresses.is_crowded:
            self._addresses = self._replace(addresses, addresses.each(), addresses.live)
            self._follow()

    def _count(self, name: bytes, zones: Zones, step: int) -> None:
        """Count a host in the names above it, once more or less."""
        if name.startswith(WILDCARD):
            self._count_wildcard(step)
        self._count_below(parent(name), zones, step)

    def _count_below(self, name: bytes, zones: Zones, step: int) -> None:
        """Count so many hosts more below a name and all above it."""
        while name:
            counts = self._below.setdefault(name, {})
            before = len(counts)
            for zone in zones:
                counts[zone] = counts.get(zone, 0) + step
                if not counts[zone]:
                    del counts[zone]
            if before != len(counts):
                self._set_below(name, tuple(sorted(counts)))
            if not counts:
                del self._below[name]
            name = parent(name)

    def _count_wildcard(self, step: int) -> None:
        before = bool(self._wildcards)
        self._wildcards += step
        if before != bool(self._wildcards):
            self._follow()

    def _set_below(self, name: bytes, zones: Zones) -> None:
        """Say in which zones something lies below a name."""
        slot, old = self._find(name)
        row = self._table.row(old) if old else _NO_ROW
        if zones == self._table.shape(row.below).zones:
            return
        if not (zones or row.shape):
            self._set_name(name, slot, old, 0)
            self._leave(row, old)
            return
        below = self._use(Shape(zones)) if zones else 0
        if row.shape:
            self._uses[row.shape] += 1
        vips = self._table.vips(old) if old else ()
        at = self._append_row(row._replace(below=below, name_octets=len(name)), name, vips)
        for vip in vips:
            if self._find_address(vip)[1] == old:
                self._set_address(vip, at)
        self._set_name(name, slot, old, at)
        if old:
            self._leave(row, old, vips)

    def _use(self, shape: Shape) -> int:
        """Return where a shape is, for one row more."""
        at = self._shapes.get(shape)
        if at is None:
            at = self._shapes[shape] = self._append_blob(_encoder.encode(shape))
        self._uses[at] += 1
        return at

    def _leave(self, row: Row, at: int, kept: tuple[bytes, ...] = ()) -> None:
        """Let a row count no longer, nor its shapes for it, nor its addresses but those kept."""
        vips = self._table.vips(at)
        for vip in vips:
            if vip not in kept:
                slot, holder = self._find_address(vip)
                if holder == at:
                    self._words[slot] = GONE
                    self._addresses.live -= 1
        octets = ROW.size + row.name_octets + len(vips) + sum(map(len, vips))
        self.worth -= aligned(octets)
        for shape_at in (row.shape, row.below):
            if shape_at:
                self._uses[shape_at] -= 1
                if not self._uses[shape_at]:
                    self._drop_shape(shape_at)

    def _drop_shape(self, at: int) -> None:
        del self._uses[at]
        del self._shapes[self._table.shape(at)]
        self._drop_blob(at)

    def _drop_blob(self, at: int) -> None:
        """Let octets that were written with their number count no longer."""
        self.worth -= aligned(SHAPE.size + len(self._table.blob(at)))

    def _append_row(self, row: tuple[int, ...], name: bytes, vips: tuple[bytes, ...]) -> int:
        return self._append(encode_row(row, name, vips))

    def _append_blob(self, data: bytes) -> int:
        return self._append(SHAPE.pack(len(data)) + data)

    def _append(self, data: bytes) -> int:
        """Return where octets were written: before anything that is written from now on.

        Two locks in a row are a barrier, which some processors need and Python has no other name
        for: what was written stays before the first is released, and the rest behind the second.
        """
        at = self._reserve(len(data))
        self._memory[at : at + len(data)] = data
        with self._fence:
            pass
        with self._fence:
            pass
        return at

    def _add_index(self, size: int) -> Index:
        """Return an index without anything in it."""
        index = Index(self._words, self._end // UNIT, size)
        self._reserve(index.octets)
        return index

    def _reserve(self, octets: int) -> int:
        """Return where so many octets may be written."""
        at = self._end
        if at + octets > self.start + ARENA_OCTETS:
            raise MemoryError(f"the zones take more than {ARENA_OCTETS} octets")
        self._end = aligned(at + octets)
        self.worth += self._end - at
        return at

    def _replace(self, index: Index, words: Iterable[int], count: int) -> Index:
        """Return an index of so many words, with as much room again, in place of another."""
        other = self._add_index(size_for(count))
        other.fill(words)
        self.worth -= index.octets
        return other

    def _follow(self) -> None:
        """Have readers see where an index is now, if they read this arena."""
        if self._is_entered:
            self.enter()
