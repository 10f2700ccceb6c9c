"""Claims as rows of a SQLite table."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable
from itertools import chain

import msgspec

from globaldns.model.address import Address, Family
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host

COLUMNS = """
    host TEXT NOT NULL CHECK (typeof(host) = 'text'),
    vip BLOB NOT NULL CHECK (typeof(vip) = 'blob' AND length(vip) IN (4, 16)),
    allocated_at INTEGER NOT NULL CHECK (typeof(allocated_at) = 'integer'),
    cluster TEXT NOT NULL CHECK (typeof(cluster) = 'text'),
    kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    retired_at INTEGER CHECK (typeof(retired_at) IN ('integer', 'null')),
    reason TEXT,
    PRIMARY KEY (host, vip, allocated_at, cluster, kind)
"""
_ROW = "(?, ?, ?, ?, ?, ?, ?)"
_ROWS = 1000
"""Rows of one statement. For each statement SQLite lets go of the interpreter and takes it back:
with a row in each, every row would wait for whatever else runs, 5 ms at a time."""
_IDENTITY = "host = ? AND vip = ? AND allocated_at = ? AND cluster = ? AND kind = ?"
"""Finds a row by its first five values."""
READ = """
SELECT json_group_array(
    json_array(host, hex(vip), allocated_at, cluster, kind, retired_at, reason)
) FROM (SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5)
"""
"""All claims as one row, for the same reason."""

_Row = tuple[str, bytes, int, str, int, int | None, str | None]
_ReadRow = tuple[str, str, int, str, int, int | None, str | None]
"""The same with its address in hexadecimal."""
_decoder = msgspec.json.Decoder(list[_ReadRow])
_KINDS = (ClaimKind.PINNED, ClaimKind.CHOSEN, ClaimKind.GIVEN)
"""By the number that stands in the file: never reordered."""
_KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def insert(connection: sqlite3.Connection, statement: str, claims: Iterable[Claim]) -> None:
    """Execute a statement that takes ``{rows}``."""
    encoded = list(map(_encode, claims))
    for start in range(0, len(encoded), _ROWS):
        part = encoded[start : start + _ROWS]
        rows = ", ".join([_ROW] * len(part))
        connection.execute(statement.format(rows=rows), list(chain.from_iterable(part)))


def delete(connection: sqlite3.Connection, table: str, claims: Iterable[Claim]) -> None:
    """Delete claims, whatever is known of their ends."""
    statement = f"DELETE FROM {table} WHERE {_IDENTITY}"  # noqa: S608  # the table's name is ours
    connection.executemany(statement, (_encode(claim)[:5] for claim in claims))


def _encode(claim: Claim) -> _Row:
    return (
        claim.host,
        claim.vip,
        claim.allocated_at,
        claim.cluster,
        _KIND_NUMBERS[claim.kind],
        claim.retired_at,
        claim.reason if claim.is_retired else None,
    )


def decode(text: str) -> tuple[Claim, ...]:
    """Return what ``READ`` found.

    Raises:
        msgspec.DecodeError, ValueError, IndexError: a row is no claim.
    """
    return tuple(map(_decode, _decoder.decode(text)))


def _decode(row: _ReadRow) -> Claim:
    host, digits, allocated_at, cluster, kind, retired_at, reason = row
    vip = bytes.fromhex(digits)
    Family(len(vip))
    return Claim(
        Host(sys.intern(host)),
        Address(vip),
        allocated_at,
        sys.intern(cluster),
        _KINDS[kind],
        retired_at,
        sys.intern(reason or ""),
    )
