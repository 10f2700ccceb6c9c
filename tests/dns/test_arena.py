from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.arena import Arena
from globaldns.dns.names import encode_name
from globaldns.dns.scribe import GRACE_SECONDS, Scribe
from globaldns.dns.table import HEAD_OCTETS, ROOT_LAYOUT, ROW, SHAPE, Table
from globaldns.model.host import Host
from globaldns.model.snapshot import EntryPort, ZoneDelta
from tests.dns.conftest import make_entry
from tests.dns.tables import (
    Step,
    Wanted,
    check,
    check_scribe,
    difference,
    found,
    reader_of,
    small,
    take,
    tight,
    turns,
)

NEVER = 1 << 40
"""Of octets that are let be: the arena is not written anew."""


def aligned(octets: int) -> int:
    return -(-octets // 8) * 8


def what_counts(table: Table, arena: Arena) -> int:
    """Return the octets of what is read."""
    root = table.look()
    indexes = 8 * (root.names_mask + root.addresses_mask + 2)
    rows = list(arena.rows())
    used = {at for row in map(table.row, rows) for at in (row.shape, row.below)} - {0}
    if root.settings:
        used.add(root.settings)
    vips = {at: sum(1 + len(vip) for vip in table.vips(at)) for at in rows}
    return (
        indexes
        + ROOT_LAYOUT.size
        + sum(aligned(ROW.size + len(table.name(at)) + vips[at]) for at in rows)
        + sum(aligned(SHAPE.size + len(table.blob(at))) for at in used)
    )


@given(st.lists(st.tuples(turns, st.booleans()), max_size=6))
def test_what_counts_is_what_is_read_and_the_rest_is_waste(
    script: list[tuple[list[Step], bool]],
) -> None:
    with tight(spare=NEVER):
        scribe = Scribe(Table())
        wanted: Wanted = {}
        for number, (turn, is_set) in enumerate(script):
            before, wanted = wanted, take(wanted, turn)
            scribe.apply(difference(before, wanted))
            if is_set:
                scribe.settings = b"obey" * number
            assert scribe._arena.worth == what_counts(scribe.table, scribe._arena)


@given(st.lists(turns, max_size=6))
def test_what_was_written_anew_takes_what_it_takes_at_once(script: list[list[Step]]) -> None:
    with tight(spare=NEVER):
        scribe = Scribe(Table())
        wanted: Wanted = {}
        for turn in script:
            before, wanted = wanted, take(wanted, turn)
            scribe.apply(difference(before, wanted))
    entries = list(scribe.entries())
    with tight():
        former = scribe._arena
        while scribe._arena is former:
            scribe.apply(ZoneDelta(8, complete=True))
        check(reader_of(scribe.table), wanted)
        check_scribe(scribe, wanted)
        at_once = Arena(Table(), HEAD_OCTETS)
        for entry in entries:
            at_once.put(encode_name(entry.host), entry)
        at_once.settle()
        at_once.set_settings(b"")
        at_once.enter()
        anew = scribe._arena
        assert anew.worth == at_once.worth


def test_what_many_have_in_common_stands_there_once() -> None:
    scribe = Scribe(Table())
    puts = tuple(make_entry(f"h{number}") for number in range(100))
    scribe.apply(ZoneDelta(7, complete=True, puts=puts))
    places = {scribe.table.row(at).shape for at in scribe._arena.rows()}
    assert len(places) == 1


def test_a_shape_that_nobody_has_is_dropped_and_written_again_for_the_next() -> None:
    scribe = Scribe(Table())
    ports = (EntryPort(80, "http", "tcp"),)
    places = []
    for number in range(3):
        host = f"h{number}"
        scribe.apply(ZoneDelta(7, complete=True, puts=(make_entry(host, ports=ports),)))
        places.append(scribe.table.row(scribe.table.find(encode_name(host))).shape)
        assert len(scribe._arena._shapes) == len(scribe._arena._uses) == 1
        scribe.apply(ZoneDelta(7, complete=True, deletes=(Host(host),)))
        assert not scribe._arena._shapes
        assert not +scribe._arena._uses
    assert len(set(places)) == 3


def everlasting(scribe: Scribe, change: int) -> None:
    """Make a change of a kind that must not fill an arena, with time enough between two."""
    match change % 4:
        case 0:
            scribe.apply(ZoneDelta(7, complete=True, puts=(make_entry("*.wild"),)))
        case 1:
            scribe.apply(ZoneDelta(7, complete=True, deletes=(Host("*.wild"),)))
        case 2:
            scribe.settings = b"%d" % change * 100
        case 3:
            ports = (EntryPort(change, "http", "tcp"),)
            puts = (make_entry("web.shop", "240.128.0.1", ports=ports),)
            scribe.apply(ZoneDelta(7, complete=True, puts=puts))


@pytest.mark.parametrize("kinds", [(0, 1), (2, 2), (3, 3), (0, 1, 2, 3)])
def test_what_changes_for_ever_does_not_fill_an_arena(kinds: tuple[int, ...]) -> None:
    with small(1 << 15), tight(spare=1 << 10, step=200):
        scribe = Scribe(Table())
        for turn in range(250):
            for kind in kinds:
                everlasting(scribe, 4 * turn + kind)
            for seconds in (0.0, GRACE_SECONDS + 1):
                scribe.apply(ZoneDelta(7, complete=True))
                scribe.confirm(turn * 2 * (GRACE_SECONDS + 1) + seconds)
            assert scribe._arena.worth + scribe._arena.waste < 1 << 15


def test_a_full_arena_is_an_error_and_what_stands_stands() -> None:
    with small(1 << 12), tight(spare=NEVER):
        scribe = Scribe(Table())
        wanted: Wanted = {}
        entry = make_entry("h0.a")
        with pytest.raises(MemoryError, match="the zones take more than 4096 octets"):  # noqa: PT012
            for number in range(1000):
                entry = make_entry(f"h{number}.a", f"240.128.0.{number}")
                scribe.apply(ZoneDelta(7, complete=True, puts=(entry,)))
                wanted[entry.host] = entry
        assert len(wanted) > 10
        reader = reader_of(scribe.table)
        for host, one in wanted.items():
            assert found(reader, host) == one
        assert found(reader, entry.host) in (None, entry)
        assert bytes(scribe.table.memory[HEAD_OCTETS + (1 << 12) :]) == bytes(1 << 12)


def test_who_takes_over_a_full_arena_writes_what_counts_of_it() -> None:
    with small(1 << 13), tight(spare=NEVER):
        scribe = Scribe(Table())
        web = make_entry("web.shop", "240.128.0.1")
        with pytest.raises(MemoryError):  # noqa: PT012
            while True:
                scribe.apply(ZoneDelta(7, complete=True, puts=(web,)))
        follower = Scribe(scribe.table)
        assert list(follower.entries()) == [web]
        assert follower._arena.worth < 1 << 12


def test_zones_that_a_host_leaves_are_told_to_who_counts_them() -> None:
    arena = Arena(Table(), HEAD_OCTETS)
    name = encode_name("web.shop")
    assert not arena.has(name)
    assert arena.put(name, make_entry("web.shop")) is None
    assert arena.put(name, make_entry("web.shop", zones=("global",))) == ("global", "mesh.example")
    assert arena.has(name)
    assert not arena.has(encode_name("shop"))
    assert arena.delete(encode_name("shop")) is None
    assert arena.delete(name) == ("global",)
    assert arena.delete(name) is None
