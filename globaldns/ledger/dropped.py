"""Since when clusters with claims in a ledger are not configured any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

_TABLE = """
CREATE TABLE IF NOT EXISTS dropped (
    cluster TEXT PRIMARY KEY, since INTEGER NOT NULL
) WITHOUT ROWID
"""
_CLAIMING = "SELECT DISTINCT cluster FROM claims WHERE retired_at IS NULL"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def note_dropped(
    connection: sqlite3.Connection, configured: Collection[str], now: int
) -> dict[str, int]:
    """Return since when each is dropped, in Unix seconds; those seen first are from ``now`` on.

    Nothing is written where nothing is different; the caller commits.
    """
    tables = {name for (name,) in connection.execute(_TABLES).fetchall()}
    claiming = {cluster for (cluster,) in connection.execute(_CLAIMING).fetchall()}
    if "copied" in tables:
        copied = connection.execute("SELECT cluster FROM copied").fetchall()
        claiming.update(cluster for (cluster,) in copied)
    known: dict[str, int] = {}
    if "dropped" in tables:
        known = dict(connection.execute("SELECT cluster, since FROM dropped").fetchall())
    since = {cluster: known.get(cluster, now) for cluster in sorted(claiming - {*configured})}
    if since != known:
        connection.execute(_TABLE)
        connection.execute("DELETE FROM dropped")
        connection.executemany("INSERT INTO dropped VALUES (?, ?)", since.items())
    return since
