"""Copies of what other clusters say in ledgers of their own, beside the claims of ours.

They are for the time after a restart in which such a cluster cannot be read. Nothing is merged: a
copy is what its cluster said last, and what it said in a ledger that was lost stands apart. What a
copy says is not among our claims any more: we made it for that cluster, or knew its end otherwise.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from globaldns.ledger.rows import COLUMNS, READ, decode, delete, insert
from globaldns.model.claim import Claim, Marker
from globaldns.model.finding import Finding
from globaldns.model.head import Uids
from globaldns.model.view import ClaimSet

_COPIED = """
CREATE TABLE IF NOT EXISTS copied (
    cluster TEXT PRIMARY KEY, id TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID
"""
_TABLES = ("copies", "former")
"""What ledgers say, and what those said that were lost."""
_TABLE = f"CREATE TABLE IF NOT EXISTS {{table}} ({COLUMNS}) WITHOUT ROWID"
_REPLACE = "INSERT OR REPLACE INTO {table} VALUES {rows}"
_IS_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'copied'"


def read_copies(connection: sqlite3.Connection) -> dict[str, ClaimSet]:
    """Return the ledgers that were copied, by cluster.

    Raises:
        msgspec.DecodeError, ValueError, IndexError: a row is no claim.
    """
    if connection.execute(_IS_THERE).fetchone() is None:
        return {}
    said, former = (
        _by_cluster(decode(connection.execute(READ.format(table=table)).fetchone()[0]))
        for table in _TABLES
    )
    markers = connection.execute("SELECT cluster, id, created FROM copied").fetchall()
    return {
        cluster: ClaimSet(
            Marker(marker, created), tuple(said.get(cluster, ())), tuple(former.get(cluster, ()))
        )
        for cluster, marker, created in markers
    }


def write_copy(connection: sqlite3.Connection, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
    """Bring the copy of a cluster's ledger up to date; the caller commits."""
    connection.execute(_COPIED)
    for table in _TABLES:
        connection.execute(_TABLE.format(table=table))
    if new.marker is None:
        connection.execute("DELETE FROM copied WHERE cluster = ?", (cluster,))
    else:
        row = (cluster, new.marker.id, new.marker.created)
        connection.execute("INSERT OR REPLACE INTO copied VALUES (?, ?, ?)", row)
    parts = ((old.claims, new.claims), (old.former, new.former))
    for table, (before, now) in zip(_TABLES, parts, strict=True):
        added = {*now} - {*before}
        delete(connection, table, {*before} - {*now})
        delete(connection, "claims", added)
        insert(connection, _REPLACE.replace("{table}", table), added)


def unite_with_copies(claims: Iterable[Claim], copies: Mapping[str, ClaimSet]) -> tuple[Claim, ...]:
    """Return the claims of a ledger and those of its copies, each once: as the copy says it."""
    united = {claim.key: claim for claim in claims}
    for copy in copies.values():
        united |= {claim.key: claim for claim in (*copy.former, *copy.claims)}
    return tuple(united.values())


def _by_cluster(claims: Iterable[Claim]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.cluster, []).append(claim)
    return found


class ReadLedger(msgspec.Struct, frozen=True):
    """All that a ledger says."""

    marker: Marker | None
    """Which one it is; None: none of what stands in its place counts."""
    claims: tuple[Claim, ...]
    copies: Mapping[str, ClaimSet]
    """What other clusters said last in ledgers of their own."""
    uids: Uids = ()
    """Which cluster it takes each name for."""
    findings: tuple[Finding, ...] = ()
    """What is odd about what stands in its place."""

    @property
    def everything(self) -> tuple[Claim, ...]:
        """All claims, with the copies: what nobody may forget when this ledger is lost."""
        return unite_with_copies(self.claims, self.copies)
