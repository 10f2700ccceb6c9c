"""What a ledger remembers, and what it says when it cannot."""

import functools
import itertools
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from globaldns.errors import LedgerDamaged, LedgerError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.host import Host

START = 1767323045

CLAIMS = st.builds(
    Claim,
    host=st.sampled_from([Host("a.x"), Host("b.x"), Host("*.x")]),
    vip=st.sampled_from([Address(b"\xf0\x80\0\1"), Address(b"\xfd" * 16)]),
    allocated_at=st.integers(START, START + 2),
    cluster=st.sampled_from(["east", "west"]),
    kind=st.sampled_from(ClaimKind),
)
READINGS = st.lists(
    st.builds(
        lambda claim, at, reason: claim if at is None else claim.retire(at, reason),
        CLAIMS,
        st.none() | st.integers(START, START + 5),
        st.sampled_from(["withdrawn", "collision"]),
    ),
    max_size=30,
)


def make_claim(number=1, host="reviews.bookinfo", **fields):
    vip = Address((0xF0800000 + number).to_bytes(4))
    values = {"allocated_at": START, "cluster": "east", "kind": ClaimKind.GIVEN} | fields
    return Claim(Host(host), vip, **values)


def union(readings):
    """The union of all readings of claims, as the model merges them."""
    known = {}
    for claim in readings:
        known[claim.key] = known[claim.key].merge(claim) if claim.key in known else claim
    return set(known.values())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(READINGS, max_size=4), again=st.randoms())
def test_it_holds_the_union_of_all_that_was_written_however_often_and_in_whatever_order(
    ledger, turns, again
):
    ledger._connection.execute("PRAGMA synchronous=OFF")
    ledger._connection.execute("DELETE FROM claims")
    readings = list(itertools.chain.from_iterable(turns))
    again.shuffle(readings)
    for turn in (*turns, readings):
        ledger.write(turn)
    assert set(ledger.claims()) == union(readings)
    assert len(ledger.claims()) == len(union(readings))


def test_what_was_written_is_there_after_opening_it_again(place):
    claims = (make_claim(1), make_claim(2, "old.bookinfo").retire(START + 9, "withdrawn"))
    place.remember(*claims)
    assert set(place.open().claims()) == set(claims)


def test_what_was_written_is_there_after_a_kill(place):
    place.open().close()
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import parse_claims
ledger = SqliteLedger.open(Path({str(place.path)!r}))
ledger.write(parse_claims("a.x 240.128.0.1 2026-01-02T03:04:05Z east given - -"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert [claim.host for claim in place.open().claims()] == ["a.x"]


def test_a_write_is_all_or_nothing(ledger):
    ledger.write([make_claim(1)])
    good, bad = make_claim(2), make_claim(3, host=None)
    with pytest.raises(LedgerError, match="NOT NULL"):
        ledger.write([good, bad])
    assert ledger.claims() == (make_claim(1),)
    ledger.write([good])
    assert len(ledger.claims()) == 2


def test_a_full_disk_is_said_and_what_stood_there_stands_and_it_goes_on_when_there_is_room(ledger):
    ledger.write([make_claim(1)])
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count={pages + 1}")
    many = [make_claim(number, f"host-{number}.x") for number in range(2, 2000)]
    with pytest.raises(LedgerError, match=r"ledger\.db: database or disk is full") as caught:
        ledger.write(many)
    assert caught.value.hint == "free some space on that disk"
    assert ledger.claims() == (make_claim(1),)
    ledger._connection.execute("PRAGMA max_page_count=100000")
    ledger.write(many)
    assert len(ledger.claims()) == 1999


def test_whether_it_can_be_written_is_told_by_writing_every_time(ledger):
    ledger.write([make_claim()])
    log = ledger.path.with_name("ledger.db-wal")
    sizes = [log.stat().st_size]
    for _ in range(3):
        ledger.probe()
        sizes.append(log.stat().st_size)
    assert sizes == sorted(set(sizes))
    ledger._connection.execute("PRAGMA query_only=1")
    with pytest.raises(LedgerError, match="readonly"):
        ledger.probe()
    assert ledger.claims() == (make_claim(),)
    assert ledger.verify() == ()


def test_readers_see_the_last_commit_while_a_writer_writes(ledger):
    ledger.write([make_claim(1)])
    with SqliteLedger.open_reading(ledger.path, is_held=True) as reader:
        ledger.write([make_claim(2, "details.bookinfo")])
        assert len(reader.claims()) == 2
        with pytest.raises(LedgerError, match="readonly"):
            reader.write([make_claim(3)])


@pytest.mark.parametrize("pragma", [("journal_mode", "wal"), ("synchronous", 2)])
def test_it_is_opened_so_that_a_commit_is_on_the_disk(ledger, pragma):
    name, expected = pragma
    assert ledger._connection.execute(f"PRAGMA {name}").fetchone() == (expected,)
    assert ledger._connection.execute("PRAGMA locking_mode").fetchone() == ("normal",)


def test_reading_creates_nothing(place):
    place.remember(make_claim(1))
    place.state.unlock()
    before = place.files()
    assert place.read().claims() == (make_claim(1),)
    assert place.files() == before


def test_reading_after_a_crash_sees_what_the_log_holds_and_changes_nothing(place, tmp_path):
    ledger = place.open()
    ledger.write([make_claim(1)])
    crashed = tmp_path / "crashed"
    shutil.copytree(place.state.path, crashed)
    (crashed / "ledger.db-shm").unlink()
    before = {file.name: file.read_bytes() for file in crashed.iterdir()}
    with SqliteLedger.open_reading(crashed / "ledger.db", is_held=False) as reader:
        assert reader.claims() == (make_claim(1),)
    assert {file.name: file.read_bytes() for file in crashed.iterdir()} == before


def damage_header(content):
    return b"SQLite format 4\0" + content[16:]


def damage_pages(content):
    return content[:4096] + b"\xa5" * (len(content) - 4096)


def cut(content):
    return content[: len(content) // 2]


def empty(_):
    return b""


def overwrite(content):
    return b"x" * len(content)


@pytest.mark.parametrize("damage", [damage_header, damage_pages, cut, empty, overwrite])
def test_a_damaged_file_is_refused_with_its_path(tmp_path, damage):
    path = tmp_path / "ledger.db"
    with SqliteLedger.create(path, cluster="east", marker=Marker("m", START)) as ledger:
        ledger.write(make_claim(number, f"host-{number}.x") for number in range(500))
    path.write_bytes(damage(path.read_bytes()))
    for attempt in (SqliteLedger.open, functools.partial(SqliteLedger.open_reading, is_held=False)):
        with pytest.raises(LedgerDamaged) as caught:
            attempt(path)
        assert str(caught.value).startswith(f"{path}: it is ")


def test_another_database_is_no_ledger(tmp_path):
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE claims (host)")
    connection.close()
    with pytest.raises(LedgerDamaged, match="it is no ledger of globaldns"):
        SqliteLedger.open(path)


def test_a_newer_schema_is_refused_with_the_version_to_install(ledger):
    ledger._connection.execute("PRAGMA user_version=7")
    ledger._connection.execute("UPDATE meta SET value = '9.8.7' WHERE key = 'writer'")
    with pytest.raises(LedgerError, match="it has schema 7, this version reads up to 1") as caught:
        SqliteLedger.open(ledger.path)
    assert caught.value.hint == "install globaldns 9.8.7 or newer"
    assert not isinstance(caught.value, LedgerDamaged)


def test_a_ledger_that_does_not_say_whose_it_is_is_damaged(ledger):
    ledger._connection.execute("DELETE FROM meta WHERE key = 'cluster'")
    with pytest.raises(LedgerDamaged, match="does not say its cluster"):
        SqliteLedger.open(ledger.path)


@pytest.mark.parametrize("row", ["vip = x'00'", "kind = 9", "host = x'41'", "retired_at = 'x'"])
def test_a_row_that_is_no_claim_is_damage_at_the_start(ledger, row):
    ledger.write([make_claim(1)])
    ledger._connection.execute("PRAGMA ignore_check_constraints=ON")
    ledger._connection.execute(f"UPDATE claims SET {row}")
    with pytest.raises(LedgerDamaged, match="it is damaged: CHECK constraint failed in claims"):
        SqliteLedger.open(ledger.path)
    ledger._connection.execute("PRAGMA ignore_check_constraints=OFF")
    assert {finding.code for finding in ledger.verify()} == {"ledger-damaged"}


@pytest.mark.parametrize("row", ["vip = x'00'", "kind = 9"])
def test_a_row_that_is_no_claim_is_damage_while_it_is_open(ledger, row):
    ledger.write([make_claim(1)])
    ledger._connection.execute("PRAGMA ignore_check_constraints=ON")
    ledger._connection.execute(f"UPDATE claims SET {row}")
    with pytest.raises(LedgerDamaged, match="a row is no claim"):
        ledger.claims()


def test_what_is_forgotten_is_gone_and_the_rest_stands(ledger):
    old = make_claim(1, "old.x").retire(START + 1, "withdrawn")
    ledger.write([old, make_claim(2)])
    ledger.forget([old])
    assert ledger.claims() == (make_claim(2),)


def test_verifying_a_sound_ledger_finds_nothing(ledger):
    ledger.write([make_claim(1), make_claim(2, "details.bookinfo")])
    assert ledger.verify() == ()


def test_verifying_finds_contradictions_with_the_file(ledger):
    ledger.write([make_claim(1), make_claim(2)])
    (finding,) = ledger.verify()
    assert (finding.code, finding.file) == ("host-numbered-twice", str(ledger.path))


def test_verifying_finds_damage_that_came_while_it_was_open(ledger):
    ledger.write(make_claim(number, f"host-{number}.x") for number in range(500))
    ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with ledger.path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xa5" * 4096)
    ledger._connection.execute("PRAGMA shrink_memory")
    findings = ledger.verify()
    assert {finding.code for finding in findings} == {"ledger-damaged"}


def test_a_hundred_thousand_claims_are_one_write_and_few_octets(tmp_path):
    claims = [make_claim(n, f"service-{n}.namespace-{n % 300}") for n in range(100_000)]
    path = tmp_path / "ledger.db"
    with SqliteLedger.create(path, cluster="east", marker=Marker("m", START)) as ledger:
        ledger.write(claims)
        assert len(ledger.claims()) == len(claims)
    assert path.stat().st_size < 70 * len(claims)


def test_a_file_that_was_removed_or_replaced_is_not_written_any_more(ledger):
    ledger.write([make_claim(1)])
    away = ledger.path.with_name("away.db")
    ledger.path.rename(away)
    for replace in (lambda: None, ledger.path.touch):
        replace()
        with pytest.raises(LedgerError, match="removed or replaced"):
            ledger.write([make_claim(2)])
        with pytest.raises(LedgerError, match="removed or replaced"):
            ledger.forget([make_claim(1)])
    away.rename(ledger.path)
    ledger.write([make_claim(2)])
    assert len(ledger.claims()) == 2
