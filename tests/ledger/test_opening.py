"""Which ledger a start finds: as a table of what may have happened to it."""

import re

import pytest

from globaldns.errors import LedgerDamaged, LedgerError
from globaldns.ledger.backup import write_backup
from globaldns.ledger.opening import MARKER, OnLoss
from globaldns.model.claim import parse_claims

START = 1767323045
(CLAIM,) = parse_claims("reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -")


def test_a_first_start_makes_a_ledger_and_remembers_its_marker(place):
    ledger = place.open()
    assert ledger.claims() == ()
    assert ledger.marker.created == START
    assert re.fullmatch(r"[0-9a-f-]{36}", ledger.marker.id)
    assert MARKER in place.state.names()


def test_a_second_start_finds_the_same_ledger(place):
    place.remember(CLAIM)
    with place.open(now=START + 99) as ledger:
        assert ledger.claims() == (CLAIM,)
        marker = ledger.marker
    assert place.open().marker == marker


def test_a_start_after_a_crash_between_ledger_and_marker_finds_the_ledger(place):
    place.remember(CLAIM)
    place.state.remove(MARKER)
    assert place.open().claims() == (CLAIM,)
    assert MARKER in place.state.names()


def test_a_damaged_marker_beside_a_sound_ledger_is_written_anew(place):
    place.remember(CLAIM)
    place.state.write(MARKER, b"?")
    assert place.open().claims() == (CLAIM,)
    assert place.state.read_checked(MARKER)


def test_what_a_crash_left_of_a_first_start_is_no_ledger(place):
    (place.state.path / "ledger.db.new").write_bytes(b"half")
    (place.state.path / "ledger.db.new-journal").write_bytes(b"half")
    assert place.open().claims() == ()


def test_a_lost_ledger_is_no_first_start(place):
    place.remember(CLAIM)
    place.path.unlink()
    for attempt in (place.open, place.read):
        with pytest.raises(LedgerError, match="it is lost: there was a ledger here") as caught:
            attempt()
        assert "serve --new-ledger" in caught.value.hint
    assert not place.path.exists()


def test_a_lost_ledger_is_lost_even_where_its_marker_is_damaged(place):
    place.remember(CLAIM)
    place.path.unlink()
    place.state.write(MARKER, b"?")
    with pytest.raises(LedgerError, match="it is lost"):
        place.open()


def test_the_repair_of_a_lost_ledger_is_the_newest_backup(place):
    place.remember(CLAIM)
    with place.open() as ledger:
        for day in (0, 1):
            write_backup(
                place.state,
                ledger.claims(),
                cluster="east",
                marker=ledger.marker,
                now=START + day * 86400,
            )
    place.path.unlink()
    with pytest.raises(LedgerError) as caught:
        place.open()
    backup = place.state.path / "backups/ledger-2026-01-03.claims"
    assert caught.value.hint == (
        f"globaldns vip import {backup}, or begin a new one with serve --new-ledger"
    )
    assert parse_claims(backup.read_text()) == (CLAIM,)


def test_a_new_ledger_takes_the_place_of_a_lost_one_when_a_person_says_so(place):
    place.remember(CLAIM)
    place.path.unlink()
    with place.open(on_loss=OnLoss.REPLACE) as ledger:
        assert ledger.claims() == ()
    assert place.open().claims() == ()


def test_a_damaged_ledger_stops_the_start_with_path_reason_and_repair(place):
    place.remember(CLAIM)
    place.path.write_bytes(b"x" * 8192)
    for attempt in (place.open, place.read):
        with pytest.raises(LedgerDamaged, match=r"ledger\.db: it is damaged: ") as caught:
            attempt()
        assert caught.value.hint.endswith("serve --new-ledger")


def test_a_damaged_ledger_is_set_aside_when_a_person_says_so_and_never_removed(place):
    place.remember(CLAIM)
    place.path.write_bytes(b"x" * 8192)
    assert place.open(on_loss=OnLoss.REPLACE).claims() == ()
    assert (place.state.path / f"ledger.db.damaged-{START}").read_bytes() == b"x" * 8192


def test_a_log_whose_ledger_is_gone_is_set_aside_and_not_played_into_a_new_one(place):
    (place.state.path / "ledger.db-wal").write_bytes(b"log")
    assert place.open().claims() == ()
    assert (place.state.path / f"ledger.db.damaged-{START}-wal").read_bytes() == b"log"


def test_a_new_ledger_does_not_replace_a_sound_one(place):
    place.remember(CLAIM)
    assert place.open(on_loss=OnLoss.REPLACE).claims() == (CLAIM,)


def test_a_newer_ledger_is_refused_and_never_set_aside(place):
    with place.open() as ledger:
        ledger._connection.execute("PRAGMA user_version=2")
    before = place.files()
    for on_loss in OnLoss:
        with pytest.raises(LedgerError, match="schema 2"):
            place.open(on_loss=on_loss)
    assert place.files() == before


def test_another_ledger_is_refused_until_a_person_says_so(place):
    place.remember(CLAIM)
    place.path.unlink()
    place.state.remove(MARKER)
    first = place.open().marker
    place.opened.pop().close()
    place.path.rename(place.state.path / "other.db")
    place.state.remove(MARKER)
    place.remember(CLAIM)
    (place.state.path / "other.db").replace(place.path)
    with pytest.raises(LedgerError, match="it is another ledger than the last one here"):
        place.open()
    with place.open(on_loss=OnLoss.REPLACE) as ledger:
        assert ledger.marker == first
    assert place.open().marker == first


def test_another_clusters_ledger_is_refused(place):
    place.remember(CLAIM)
    for attempt in (place.open, place.read):
        with pytest.raises(LedgerError, match="the ledger of cluster east, not of west"):
            attempt(cluster="west")


def test_reading_where_there_never_was_a_ledger_finds_none_and_creates_nothing(place):
    before = place.files()
    assert place.read() is None
    assert place.files() == before


def test_reading_beside_a_running_server_sees_what_it_has_written(place):
    server = place.open()
    server.write([CLAIM])
    assert place.read().claims() == (CLAIM,)
