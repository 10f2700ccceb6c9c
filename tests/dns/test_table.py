from __future__ import annotations

import faulthandler
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns import index, table
from globaldns.dns.scribe import GRACE_SECONDS, Scribe
from globaldns.dns.table import NOTHING, Shape, Table
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, EntryPort, ZoneDelta
from tests.dns.conftest import make_entry
from tests.dns.tables import (
    HOSTS,
    VIPS,
    Step,
    Wanted,
    check,
    difference,
    found,
    held,
    reader_of,
    take,
    tight,
    turns,
)


def filled(*hosts: str, serial: int = 7) -> Scribe:
    scribe = Scribe(Table())
    scribe.apply(ZoneDelta(serial, complete=True, puts=tuple(map(make_entry, hosts))))
    return scribe


def test_before_anything_is_written_a_table_has_nothing() -> None:
    scribe = Scribe(Table())
    reader = reader_of(scribe.table)
    check(reader, {})
    assert (reader.serial, reader.is_complete, reader.settings) == (None, False, b"")
    assert reader.confirmed_at == float("-inf")


@pytest.mark.parametrize("answering", Answering)
def test_an_entry_is_read_as_it_was_written(answering: Answering) -> None:
    entry = make_entry(
        "*.a.b",
        *(f"240.128.{n // 250}.{n % 250}" for n in range(300)),
        *(f"fd00::{n:x}" for n in range(100)),
        ports=(EntryPort(80, "http", "tcp"), EntryPort(-1, "\u00e4", "")),
        answering=answering,
    )
    scribe = Scribe(Table())
    scribe.apply(ZoneDelta(7, complete=True, puts=(entry,)))
    reader = reader_of(scribe.table)
    assert found(reader, entry.host) == entry
    assert all(held(reader, vip) == entry for vip in entry.vips)
    at = reader.holder(entry.vips[0])
    assert (reader.name(at), reader.vips(at)) == (b"\x01*\x01a\x01b", entry.vips)


def test_a_name_is_no_other_s_beginning_or_end() -> None:
    reader = reader_of(filled("web.shop").table)
    for name in (
        b"\x03web",
        b"\x03web\x04sho",
        b"\x04shop\x00",
        b"\x03we\x04shop",
        b"\x03WEB\x04shop",
    ):
        assert not reader.find(name)
    assert reader.entry(reader.find(b"\x04shop")) is None  # something is below it, and no more


def test_the_apex_is_no_host_whatever_was_deleted() -> None:
    with tight(spare=1 << 20), pytest.MonkeyPatch.context() as patch:
        for module in (index, table):
            patch.setattr(module, "hash", lambda _: hash(b""), raising=False)
        scribe = filled(*HOSTS)
        scribe.apply(ZoneDelta(8, complete=True, deletes=HOSTS))
        reader = reader_of(scribe.table)
        assert not reader.find(b"")
        check(reader, {})


@given(st.lists(turns, max_size=4), st.integers(0, 0xFFFF_FFFF))
def test_names_of_one_hash_and_addresses_of_one_slot_are_told_apart(
    script: list[list[Step]], number: int
) -> None:
    def collide(octets: bytes) -> int:
        return VIPS.index(octets) << 16 | number & 0xFFFF if octets in VIPS else number

    with tight(), pytest.MonkeyPatch.context() as patch:
        for module in (index, table):
            patch.setattr(module, "hash", collide, raising=False)
        scribe = Scribe(Table())
        wanted: Wanted = {}
        for turn in script:
            before, wanted = wanted, take(wanted, turn)
            scribe.apply(difference(before, wanted))
            check(reader_of(scribe.table), wanted)


def test_who_looked_long_ago_finds_everything_as_it_is_now() -> None:
    with tight(spare=0):
        scribe = Scribe(Table())
        readers = [reader_of(scribe.table)]
        wanted: Wanted = {}
        now = 0.0
        for number in range(300):
            before = wanted
            entry = make_entry(f"h{number}.a", f"240.128.{number // 250}.{number % 250}")
            wanted = {**wanted, entry.host: entry}
            if number > 200:
                wanted.pop(Host(f"h{number - 200}.a"))
            scribe.apply(difference(before, wanted))
            now += GRACE_SECONDS + 1
            scribe.confirm(now)
            readers.append(reader_of(scribe.table))
            readers[-1].find(b"\x01a")
            # each reader is asked again for the first time since it was made
            reader = readers[number // 2]
            for one in wanted.values():
                assert found(reader, one.host) == one
            reader = readers[number // 3]
            for one in wanted.values():
                assert held(reader, one.vips[0]) == one


def test_shapes_are_known_for_as_long_as_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_MOST_SHAPES", 3)
    scribe = Scribe(Table())
    puts = tuple(
        make_entry(f"h{number}", ports=(EntryPort(number, "", "tcp"),)) for number in range(20)
    )
    scribe.apply(ZoneDelta(7, complete=True, puts=puts))
    reader = reader_of(scribe.table)
    for entry in puts:
        assert found(reader, entry.host) == entry
        assert len(reader._shapes) <= 3
    assert reader.shape(0) == NOTHING == Shape(())


def in_a_child(reader: Table, address: int | None) -> int:
    """Return how a process ends that protects a table, reads it, and writes to an address."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            faulthandler.disable()
            reader.protect()
            if found(reader, Host("web.shop")) is not None:
                code = 0
            if address is not None:
                reader.memory[address] = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("address", [0, 1 << 16, (1 << 31) + 5])
def test_who_may_only_read_is_killed_when_it_writes_and_nobody_else_is(address: int) -> None:
    scribe = filled("web.shop")
    assert in_a_child(scribe.table, None) == 0
    assert in_a_child(scribe.table, address) == -signal.SIGSEGV
    scribe.apply(ZoneDelta(8, complete=True, deletes=(Host("web.shop"),)))
    assert found(scribe.table, Host("web.shop")) is None


def test_a_fork_sees_what_is_written_after_it() -> None:
    scribe = filled("web.shop")
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.read(reader, 1)
            if found(scribe.table, Host("new.shop")) == make_entry("new.shop"):
                code = 0
        finally:
            os._exit(code)
    scribe.apply(ZoneDelta(8, complete=True, puts=(make_entry("new.shop"),)))
    os.write(writer, b"1")
    os.close(reader)
    os.close(writer)
    assert os.waitpid(pid, 0)[1] == 0
