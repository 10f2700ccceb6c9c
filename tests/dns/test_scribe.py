"""Whatever was written and whoever died while writing, the table has what is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.lastzone import encode_image
from globaldns.dns.scribe import GRACE_SECONDS, Scribe
from globaldns.dns.table import ROOT, Table
from globaldns.model.host import Host
from globaldns.model.snapshot import ZoneDelta
from tests.dns.conftest import make_entry
from tests.dns.tables import (
    Death,
    Step,
    Wanted,
    check,
    check_between,
    check_scribe,
    difference,
    mortal_table,
    reader_of,
    take,
    tight,
    turns,
)

BEFORE: Wanted = {
    entry.host: entry
    for entry in (
        make_entry("a.a", "240.128.0.1", "fd00::1"),
        make_entry("b.a", "240.128.0.2", zones=("mesh.example",)),
        make_entry("a.b.a", "240.128.0.3"),
        make_entry("*.b"),
        make_entry("b.b.b", zones=("global",)),
    )
}
AFTER: Wanted = {
    entry.host: entry
    for entry in (
        make_entry("b.a", "240.128.0.1", "240.128.0.2"),  # an address and a zone more
        make_entry("a.a", "240.128.0.3", zones=("global",)),  # that it had, and other's
        BEFORE[Host("b.b.b")],
        make_entry("a.a.a", "fd00::1"),  # below a host
        make_entry("*.a.b"),
    )
}


class Clock:
    """The time of confirmations: with each, what was given up longer ago may be given back."""

    def __init__(self) -> None:
        self.now = 1.0

    def pass_by(self, scribe: Scribe) -> None:
        for _ in range(2):
            self.now += GRACE_SECONDS + 1
            scribe.confirm(self.now)


@given(
    st.lists(st.tuples(turns, st.booleans(), st.booleans()), max_size=6),
    st.sampled_from([-1 << 40, 0, 1 << 20]),
    st.integers(1, 9),
)
def test_whatever_changes_the_table_is_what_a_dict_would_be(
    script: list[tuple[list[Step], bool, bool]], spare: int, step: int
) -> None:
    with tight(spare=spare, step=step):
        table, clock = Table(), Clock()
        scribe, reader = Scribe(table), reader_of(table)
        wanted: Wanted = {}
        for turn, is_reversed, is_followed in script:
            before, wanted = wanted, take(wanted, turn)
            scribe.apply(difference(before, wanted, is_reversed=is_reversed))
            if is_followed:
                scribe = Scribe(table)
            check(reader, wanted)
            clock.pass_by(scribe)
            check(reader, wanted)
            check_scribe(scribe, wanted)


def test_with_each_write_a_reader_sees_every_host_as_it_was_or_as_it_is_to_be() -> None:
    with tight():
        table, life = mortal_table()
        scribe, reader = Scribe(table), reader_of(table)
        scribe.apply(difference({}, BEFORE))
        life.watch = lambda: check_between(reader, BEFORE, AFTER)
        scribe.apply(difference(BEFORE, AFTER))
        Clock().pass_by(scribe)
        check(reader, AFTER)


def die(writes: int, *, is_reversed: bool, rewritten: bool) -> Table | None:
    """Return what one leaves who dies after so many writes; None: nobody has died."""
    table, life = mortal_table()
    scribe = Scribe(table)
    scribe.settings = b"obey"
    scribe.apply(difference({}, BEFORE))
    if rewritten:
        scribe.apply(ZoneDelta(7, complete=True))
    life.left = writes
    try:
        scribe.apply(difference(BEFORE, AFTER, is_reversed=is_reversed))
        scribe.confirm(100.0)
        scribe.confirm(200.0)
    except Death:
        life.left = None
        return table
    return None


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("rewritten", [False, True])
def test_wherever_one_dies_the_next_makes_of_it_what_is_wanted(
    *, is_reversed: bool, rewritten: bool
) -> None:
    deaths = 0
    with tight():
        while (table := die(deaths, is_reversed=is_reversed, rewritten=rewritten)) is not None:
            deaths += 1
            check_between(reader_of(table), BEFORE, AFTER)
            scribe, reader = Scribe(table), reader_of(table)
            check_between(reader, BEFORE, AFTER)
            assert scribe.settings == b"obey"
            left = {entry.host: entry for entry in scribe.entries()}
            scribe.apply(difference(left, AFTER))
            check(reader, AFTER)
            check_scribe(scribe, AFTER)
            assert scribe.serial == 7
    assert deaths > 30


def test_who_dies_while_taking_over_is_followed_as_any_other() -> None:
    with tight():
        for first in range(0, 40, 7):
            for second in range(1000):
                table, life = mortal_table()
                scribe = Scribe(table)
                scribe.apply(difference({}, BEFORE))
                life.left = first
                with pytest.raises(Death):
                    scribe.apply(difference(BEFORE, AFTER))
                life.left = second
                try:
                    Scribe(table)
                except Death:
                    life.left = None
                else:
                    break
                check_between(reader_of(table), BEFORE, AFTER)
                scribe = Scribe(table)
                left = {entry.host: entry for entry in scribe.entries()}
                scribe.apply(difference(left, AFTER))
                check(reader_of(table), AFTER)
                check_scribe(scribe, AFTER)
            assert second > 20


@given(first=turns, second=turns, is_reversed=st.booleans(), writes=st.integers(0, 300))
def test_whatever_one_was_writing_when_it_died_the_next_makes_of_it_what_is_wanted(
    first: list[Step],
    second: list[Step],
    *,
    is_reversed: bool,
    writes: int,
) -> None:
    with tight():
        table, life = mortal_table()
        scribe, reader = Scribe(table), reader_of(table)
        before = take({}, first)
        after = take(before, second)
        scribe.apply(difference({}, before))
        life.left = writes
        try:
            scribe.apply(difference(before, after, is_reversed=is_reversed))
        except Death:
            check_between(reader, before, after)
        life.left = None
        scribe = Scribe(table)
        check_between(reader, before, after)
        left = {entry.host: entry for entry in scribe.entries()}
        scribe.apply(difference(left, after))
        check(reader, after)
        check_scribe(scribe, after)


def test_a_name_that_was_found_stays_where_it_is_until_nobody_can_be_reading_it() -> None:
    with tight():
        table = Table()
        scribe, reader = Scribe(table), reader_of(table)
        scribe.apply(difference({}, BEFORE))
        host = make_entry("a.a", "240.128.0.1", "fd00::1")
        at = reader.find(b"\x01a\x01a")
        root = table.words[ROOT]
        for _ in range(9):
            scribe.apply(ZoneDelta(8, complete=True))
        assert abs(table.words[ROOT] - root) > 1 << 29  # it is read from the other arena
        scribe.confirm(1000.0)
        scribe.confirm(1000.0 + GRACE_SECONDS)
        assert reader.entry(at) == host
        scribe.confirm(1000.1 + GRACE_SECONDS)
        assert table.row(at).shape == 0


def test_settings_stand_until_others_do_whoever_writes() -> None:
    with tight():
        table, clock = Table(), Clock()
        scribe, reader = Scribe(table), reader_of(table)
        assert (scribe.settings, reader.settings) == (b"", b"")
        for settings in (b"one", b"two", b"", b"three" * 1000):
            scribe.settings = settings
            for _ in range(9):
                scribe.apply(ZoneDelta(8, complete=True))
                clock.pass_by(scribe)
            assert reader.settings == scribe.settings == settings
            scribe = Scribe(table)
            assert reader.settings == scribe.settings == settings


def test_settings_that_stand_already_are_nothing_new() -> None:
    scribe = Scribe(Table())
    scribe.settings = b"one"
    version = scribe.table.version
    scribe.settings = b"one"
    assert scribe.table.version == version
    scribe.settings = b"two"
    assert scribe.table.version > version


def test_who_takes_over_has_readers_look_again_and_keeps_what_they_may_say() -> None:
    table = Table()
    scribe = Scribe(table)
    scribe.apply(difference({}, BEFORE))
    scribe.confirm(5.0)
    version = table.version
    follower = Scribe(table)
    assert table.version > version
    assert (table.serial, table.is_complete, table.confirmed_at) == (7, True, 5.0)
    assert follower.age(7.0) == 2.0


def test_before_the_first_change_nothing_is_known() -> None:
    scribe = Scribe(Table())
    assert (scribe.serial, scribe.table.is_complete) == (None, False)
    assert scribe.age(5.0) == float("inf")
    assert (list(scribe.entries()), scribe.names()) == ([], {})
    scribe.confirm(0.0)
    assert scribe.age(5.0) == 5.0


def test_a_serial_may_be_the_largest_and_zero() -> None:
    scribe = Scribe(Table())
    for serial in (0xFFFF_FFFF, 0):
        scribe.apply(ZoneDelta(serial, complete=True))
        assert scribe.serial == serial


@given(turns, turns)
def test_a_zone_that_is_recalled_is_answered_and_goes_on_as_if_it_had_been_written(
    first: list[Step], second: list[Step]
) -> None:
    with tight():
        before = take({}, first)
        scribe = Scribe(Table())
        assert scribe.recall(encode_image(before.values()), 7) == len(before)
        reader = reader_of(scribe.table)
        check(reader, before)
        check_scribe(scribe, before)
        assert (scribe.serial, reader.is_complete) == (7, False)
        after = take(before, second)
        scribe.apply(difference(before, after))
        check(reader, after)
        check_scribe(scribe, after)
        check(reader_of(Scribe(scribe.table).table), after)
