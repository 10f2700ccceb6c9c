"""Claims in and out of a table."""

import sqlite3
from contextlib import closing

import pytest

from globaldns.ledger.rows import COLUMNS, READ, decode, delete, insert
from globaldns.model.claim import ClaimKind
from tests.ledger.conftest import START, make_claim


@pytest.fixture
def connection():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t ({COLUMNS}) WITHOUT ROWID")
        yield connection


def read(connection):
    return decode(connection.execute(READ.format(table="t")).fetchone()[0])


def test_claims_are_read_as_they_were_written_however_many_there_are(connection):
    claims = [make_claim(f"h{number}.ns", at=number) for number in range(2500)]
    claims.append(make_claim("v6.ns", "fd00::1", kind=ClaimKind.PINNED).retire(START, "unpinned"))
    insert(connection, "INSERT INTO t VALUES {rows}", claims)
    assert sorted(read(connection)) == sorted(claims)


def test_what_is_deleted_is_gone_whatever_is_known_of_its_end(connection):
    gone, kept = make_claim("a.ns"), make_claim("b.ns")
    insert(connection, "INSERT INTO t VALUES {rows}", [gone, kept])
    delete(connection, "t", [gone.retire(START, "withdrawn")])
    assert read(connection) == (kept,)
    insert(connection, "INSERT INTO t VALUES {rows}", [])
    delete(connection, "t", [])
    assert read(connection) == (kept,)


def test_an_address_of_no_family_is_no_claim():
    with pytest.raises(ValueError, match="5"):
        decode('[["a.ns", "0102030405", 1, "east", 2, null, null]]')
