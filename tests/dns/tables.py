"""Shared tables, what is to be in them, and writers that die."""

from __future__ import annotations

import copy
import mmap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import strategies as st

from globaldns.dns import arena, index, scribe, table
from globaldns.dns.names import encode_name, parent
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.model.address import Address, parse_address
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, EntryPort, ZoneDelta

Wanted = dict[Host, Entry]

LABELS = ("a", "b", "*")
HOSTS = (
    *(Host(".".join(labels)) for depth in (1, 2, 3) for labels in product(LABELS, repeat=depth)),
    Host("a.very.deep.name.of.many.labels.b"),
    Host(".".join(["x" * 60] * 4)),
)
VIPS = tuple(
    map(parse_address, ("240.128.0.1", "240.128.0.2", "240.128.0.3", "fd00::1", "fd00::2"))
)
ZONES = (("global",), ("mesh.example",), ("global", "mesh.example"))
PORTS = ((), (EntryPort(80, "http", "tcp"),))


class Step(NamedTuple):
    """What happens to one host."""

    host: Host
    is_put: bool
    vips: tuple[Address, ...]
    zones: tuple[str, ...]
    ports: tuple[EntryPort, ...]
    answering: Answering


steps = st.builds(
    Step,
    st.sampled_from(HOSTS),
    st.booleans() | st.just(value=True),
    st.lists(st.sampled_from(VIPS), max_size=2, unique=True).map(tuple),
    st.sampled_from(ZONES),
    st.sampled_from(PORTS),
    st.sampled_from(Answering),
)
turns = st.lists(steps, max_size=6)


def take(before: Wanted, turn: Iterable[Step]) -> Wanted:
    """Return what there is after a turn: a VIP is one host's, whoever got it last."""
    after = dict(before)
    for step in turn:
        if not step.is_put:
            after.pop(step.host, None)
            continue
        for other in tuple(after.values()):
            if left := set(other.vips) & set(step.vips):
                vips = tuple(vip for vip in other.vips if vip not in left)
                after[other.host] = msgspec.structs.replace(other, vips=vips)
        after[step.host] = Entry(
            *(step.host, step.zones, step.vips, step.ports, step.answering),
            clusters=("east",),
            changed_at=len(after),
            rule="given",
        )
    return after


def difference(before: Wanted, after: Wanted, *, is_reversed: bool = False) -> ZoneDelta:
    """Return what makes one of the other."""
    puts = [entry for host, entry in after.items() if before.get(host) != entry]
    deletes = tuple(host for host in before if host not in after)
    return ZoneDelta(
        7, complete=True, puts=tuple(puts[:: -1 if is_reversed else 1]), deletes=deletes
    )


def reader_of(table: Table) -> Table:
    """The table as a fork has it: the memory is the same, what it knows of it its own."""
    reader = copy.copy(table)
    reader._shapes = {}
    return reader


def found(reader: Table, host: Host) -> Entry | None:
    """Return what a reader finds."""
    at = reader.find(encode_name(host))
    return reader.entry(at) if at else None


def held(reader: Table, address: Address) -> Entry | None:
    """Return who a reader finds to have an address."""
    at = reader.holder(address)
    return reader.entry(at) if at else None


def check(reader: Table, wanted: Wanted) -> None:
    """Find everything as it is wanted, and nothing else."""
    below: dict[bytes, set[str]] = {}
    for entry in wanted.values():
        name = parent(encode_name(entry.host))
        while name:
            below.setdefault(name, set()).update(entry.zones)
            name = parent(name)
    names = {encode_name(host): wanted.get(host) for host in HOSTS}
    for name in {*names, *below}:
        at = reader.find(name)
        assert bool(at) == (names.get(name) is not None or name in below)
        assert (reader.entry(at) if at else None) == names.get(name)
        zones = reader.shape(reader.row(at).below).zones if at else ()
        assert len(zones) == len(set(zones))
        assert set(zones) == below.get(name, set())
    holders = {vip: entry for entry in wanted.values() for vip in entry.vips}
    assert {vip: held(reader, vip) for vip in VIPS} == {vip: holders.get(vip) for vip in VIPS}
    assert reader.has_wildcards == any(host.startswith("*") for host in wanted)


def check_scribe(one: Scribe, wanted: Wanted) -> None:
    """Find that the writer knows what there is."""
    entries = list(one.entries())
    assert len(entries) == len(wanted)
    assert {entry.host: entry for entry in entries} == wanted
    names = Counter(zone for entry in wanted.values() for zone in entry.zones)
    assert one.names() == names


def check_between(reader: Table, before: Wanted, after: Wanted) -> None:
    """Find every host and address as it was or as it is to be."""
    for host in HOSTS:
        assert found(reader, host) in (before.get(host), after.get(host))
    for vip in VIPS:
        entry = held(reader, vip)
        assert entry is None or vip in entry.vips
        assert entry is None or entry in (before.get(entry.host), after.get(entry.host))


@contextmanager
def tight(*, spare: int = -1 << 40, step: int = 2) -> Iterator[None]:
    """Have tables grow and be written anew with few names: as a rule with every change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scribe, "SPARE_OCTETS", spare)
        patch.setattr(scribe, "STEP", step)
        patch.setattr(arena, "FEWEST_WORDS", 4)
        patch.setattr(index, "FEWEST_WORDS", 4)
        patch.setattr(table, "_CHUNK", 3)
        yield


@contextmanager
def small(octets: int) -> Iterator[None]:
    """Have arenas of so many octets."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (table, arena, scribe):
            patch.setattr(module, "ARENA_OCTETS", octets)
        yield


class Death(Exception):
    """A writer is no more."""


class Life:
    """What is written through it ends when it says so."""

    def __init__(self) -> None:
        self.left: int | None = None
        """Writes until death; None: it does not die."""
        self.watch: Callable[[], None] = lambda: None
        """Called before each write."""

    def spend(self) -> None:
        self.watch()
        if self.left is not None:
            if not self.left:
                raise Death
            self.left -= 1


class MortalWords:
    """Words of the memory that somebody mortal writes."""

    def __init__(self, words: memoryview, life: Life) -> None:
        self._words, self._life = words, life

    def __getitem__(self, at: Any) -> Any:
        return self._words[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        self._life.spend()
        self._words[at] = value


def mortal_table() -> tuple[Table, Life]:
    """Return a table of which every write is one of a life."""
    life = Life()

    class Memory(mmap.mmap):
        def __setitem__(self, at: Any, value: Any) -> None:
            life.spend()
            super().__setitem__(at, value)

        def madvise(self, *arguments: int) -> None:
            life.spend()
            super().madvise(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmap, "mmap", Memory)
        made = Table()
    made.words = MortalWords(made.words, life)  # type: ignore[assignment]
    return made, life
