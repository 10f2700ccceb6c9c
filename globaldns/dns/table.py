"""All names and addresses in memory that processes share: one writes, others read, nobody waits.

::

    | head | arena | arena |      one arena is in use; the other is where it is written anew

    head      words: version, root, serial, complete; and when that was confirmed last
    arena     rows, shapes, settings, indexes and roots, behind each other as they came
    root      words: where the two indexes are, and where the settings
    index     2^n words | hash 32 | place 32 |: open addressing, of names and of addresses
    row       | changed at 8 | shape 4 | below 4 | VIPs 2 | answering 1 | octets of the name 1 |
              | name, relative to its zones | octets 1, VIP | …
    shape     | octets 4 | what many entries have in common |

Places count in units of 8 octets. A row says what a host has (``shape``), in which zones something
lies below its name (``below``), or both. What stands is never changed: a new row, index or root is
written first, and then one word of an index or of the head points to it. So whoever reads, and
whoever goes on writing for one who died, finds all of it whole at any moment. Hashes are Python's
own, keyed by chance at the start of a program; its forks have the same.

The system gives memory to what is written only: 100,000 hosts take some 10 MB.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from struct import Struct as Layout
from typing import NamedTuple

import msgspec

from globaldns.dns.names import MAX_NAME_OCTETS, encode_label, encode_name, split_labels
from globaldns.errors import InvalidHost
from globaldns.model.address import Address
from globaldns.model.host import Host
from globaldns.model.snapshot import ANSWERINGS, Entry, EntryPort

HEAD_OCTETS = 1 << 16
ARENA_OCTETS = 1 << 30
"""Of which a million hosts take a tenth."""
UNIT = 8
"""Octets of a word, and of what places count."""
WILDCARD = b"\x01*"

VERSION, ROOT, SERIAL, COMPLETE, CONFIRMED = range(5)
"""Words of the head: the version goes up when anything that is answered may differ; of the root it
is where it begins, in octets, and above ``ROOT_BITS`` how many there were before, so that it is
never the same again; of a serial it is one more, and 0 is none; the time of the last confirmation
is a float."""
ROOT_BITS = 40

ROW = Layout("=qIIHBB")
SHAPE = Layout("=I")
SHAPE_AT = 8
"""Where a row has its shape."""
PLACE = 0xFFFF_FFFF
HASH_BITS = 32
GONE = PLACE << HASH_BITS | 1
"""The word of an index at which something was: its place is in the head, where no row is."""

_NORESERVE = 0x4000
"""mmap(2): memory that is never written is not set aside; Python has no name for it."""
_MOST_SHAPES = 4096
_CHUNK = 4096
"""Words of an index that are looked at together."""


class Shape(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What many entries have in common."""

    zones: tuple[str, ...]
    ports: tuple[EntryPort, ...] = ()
    clusters: tuple[str, ...] = ()
    rule: str = ""


NOTHING = Shape(())
_decoder = msgspec.msgpack.Decoder(Shape)


class Root(NamedTuple):
    """Where things are: indexes in words, the settings in octets."""

    names: int
    names_mask: int
    addresses: int
    addresses_mask: int
    wildcards: int
    """Whether there are any."""
    settings: int
    """0: there are none."""


class Row(NamedTuple):
    """One name."""

    changed_at: int
    shape: int
    """Where it is; 0: no host has this name."""
    below: int
    """The same of a shape that has zones alone; 0: nothing lies below."""
    vip_count: int
    answering: int
    name_octets: int


ROOT_LAYOUT = Layout(f"={len(Root._fields)}Q")


class Table:
    """Names and addresses, for reading."""

    def __init__(self) -> None:
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | _NORESERVE
        self.memory = mmap.mmap(-1, HEAD_OCTETS + 2 * ARENA_OCTETS, flags=flags)
        view = memoryview(self.memory)
        self.words = view.cast("Q")
        self.times = view.cast("d")
        self.times[CONFIRMED] = float("-inf")
        self._root = Root(0, 0, 0, 0, 0, 0)
        self._root_word = 0
        self._names = self._names_mask = 0
        self._shapes: dict[int, Shape] = {}

    def protect(self) -> None:
        """Make writing to it impossible for this process (mprotect(2)): one that strangers reach.

        Raises:
            OSError: the system does not do it.
        """
        library = ctypes.CDLL(None, use_errno=True)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        octets = ctypes.c_size_t(len(self.memory))
        if library.mprotect(ctypes.c_void_p(address), octets, mmap.PROT_READ):
            raise OSError(ctypes.get_errno(), "the zones cannot be protected from being written")

    @property
    def version(self) -> int:
        """Goes up when anything that is answered may differ."""
        return self.words[VERSION]

    @property
    def serial(self) -> int | None:
        """SOA serial; None until something was written."""
        word = self.words[SERIAL]
        return word - 1 if word else None

    @property
    def is_complete(self) -> bool:
        """Whether a name that is not here is known to be absent."""
        return bool(self.words[COMPLETE])

    @property
    def confirmed_at(self) -> float:
        """The monotonic time when all of it was last known to be current."""
        return self.times[CONFIRMED]

    @property
    def has_wildcards(self) -> bool:
        """Whether any host is a wildcard."""
        return bool(self.look().wildcards)

    @property
    def settings(self) -> bytes:
        """What the writer wants readers to obey; empty: nothing yet."""
        at = self.look().settings
        return self.blob(at) if at else b""

    def find(self, name: bytes) -> int:
        """Return where the row of a folded relative name is; 0: nowhere."""
        while True:
            if self.words[ROOT] != self._root_word:
                self.look()
            row = self.seek_name(self._names, self._names_mask, name)[1]
            if row or self.words[ROOT] == self._root_word:
                return row

    def holder(self, address: bytes) -> int:
        """Return where the row of the host is that has an address; 0: nowhere."""
        while True:
            root = self.look()
            row = self.seek_address(root.addresses, root.addresses_mask, address)[1]
            if row or self.words[ROOT] == self._root_word:
                return row

    def seek_name(self, index: int, mask: int, name: bytes) -> tuple[int, int]:
        """Return which word of an index is a name's, or may be, and its row; 0: it has none."""
        words, memory = self.words, self.memory
        wanted = hash(name) & PLACE
        slot = wanted & mask
        while word := words[index + slot]:
            if word >> HASH_BITS == wanted:
                row = (word & PLACE) * UNIT
                start = row + ROW.size
                if memory[start - 1] == len(name) and memory[start : start + len(name)] == name:
                    return index + slot, row
            slot = slot + 1 & mask
        return index + slot, 0

    def seek_address(self, index: int, mask: int, address: bytes) -> tuple[int, int]:
        """Return which word of an index is an address's, or may be, and its holder's row; 0."""
        words = self.words
        wanted = hash(address) & PLACE
        slot = wanted & mask
        while word := words[index + slot]:
            row = (word & PLACE) * UNIT
            if word >> HASH_BITS == wanted and address in self.vips(row):
                return index + slot, row
            slot = slot + 1 & mask
        return index + slot, 0

    def row(self, at: int) -> Row:
        """Return the row at a place, without its name and VIPs."""
        return Row._make(ROW.unpack_from(self.memory, at))

    def vips(self, at: int) -> tuple[Address, ...]:
        """Return the VIPs of the row at a place."""
        row = self.row(at)
        return read_vips(self.memory, at + ROW.size + row.name_octets, row.vip_count)[0]

    def name(self, at: int) -> bytes:
        """Return the name of the row at a place."""
        start = at + ROW.size
        return self.memory[start : start + self.memory[start - 1]]

    def shape(self, at: int) -> Shape:
        """Return the shape at a place; that at 0 is empty."""
        found = self._shapes.get(at)
        if found is None:
            if not at:
                return NOTHING
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            found = self._shapes[at] = _decoder.decode(self.blob(at))
        return found

    def entry(self, at: int) -> Entry | None:
        """Return what the host has whose row is at a place; None: it is no host's."""
        row = self.row(at)
        if not row.shape:
            return None
        return entry_of(row, self.name(at), self.vips(at), self.shape(row.shape))

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once."""
        root = self.look()
        for at in self.rows(root.names, root.names_mask):
            if (entry := self.entry(at)) is not None:
                yield entry

    def rows(self, index: int, mask: int) -> Iterator[int]:
        """Yield where the rows are that an index of names has, as it is when it is their turn."""
        return ((word & PLACE) * UNIT for word in live_words(self.words, index, mask))

    def forget(self) -> None:
        """Forget shapes: others are about to be written where some were."""
        self._shapes.clear()

    def blob(self, at: int) -> bytes:
        """Return the octets at a place that begin with their number."""
        start = at + SHAPE.size
        (octets,) = SHAPE.unpack_from(self.memory, at)
        return self.memory[start : start + octets]

    def look(self) -> Root:
        """Return where things are now."""
        word = self.words[ROOT]
        if word != self._root_word:
            self._root_word = word
            root = Root._make(ROOT_LAYOUT.unpack_from(self.memory, root_at(word)))
            self._root = root
            self._names, self._names_mask = root.names, root.names_mask
            self._shapes.clear()
        return self._root


def encode_host(host: Host) -> bytes:
    """Return the name of a host, as rows have it.

    Raises:
        InvalidHost: it can be none.
    """
    name = encode_name(host)
    if not 0 < len(name) < MAX_NAME_OCTETS:
        raise InvalidHost(f"{host[:80]!r} has {len(name)} octets as a name: 1 to 254 are allowed")
    return name


def encode_row(row: tuple[int, ...], name: bytes, vips: tuple[bytes, ...]) -> bytes:
    """Return a row with its name and VIPs, as it stands in the table."""
    return b"".join((ROW.pack(*row), name, *map(encode_label, vips)))


def read_vips(memory: bytes | mmap.mmap, start: int, count: int) -> tuple[tuple[Address, ...], int]:
    """Return so many VIPs that stand from an offset on, and where they end."""
    vips = []
    for _ in range(count):
        end = start + 1 + memory[start]
        vips.append(Address(memory[start + 1 : end]))
        start = end
    return tuple(vips), start


def entry_of(row: Row, name: bytes, vips: tuple[Address, ...], shape: Shape) -> Entry:
    """Return what a host has; one string is the host for all who hold it."""
    return Entry(
        Host(sys.intern(b".".join(split_labels(name)).decode())),
        shape.zones,
        vips,
        shape.ports,
        ANSWERINGS[row.answering],
        shape.clusters,
        row.changed_at,
        shape.rule,
    )


def shape_of(entry: Entry) -> Shape:
    """Return what an entry has in common with others."""
    return Shape(entry.zones, entry.ports, entry.clusters, entry.rule)


def aligned(octets: int) -> int:
    """Return the octets up to the next place."""
    return -(-octets // UNIT) * UNIT


def live_words(words: memoryview, at: int, mask: int) -> Iterator[int]:
    """Yield the words of an index that stand for something, as they are when it is their turn."""
    end = at + mask + 1
    for start in range(at, end, _CHUNK):
        for word in words[start : min(start + _CHUNK, end)]:
            if word and word != GONE:
                yield word


def root_at(word: int) -> int:
    """Return where the root begins that a word of the head tells of."""
    return word & (1 << ROOT_BITS) - 1
