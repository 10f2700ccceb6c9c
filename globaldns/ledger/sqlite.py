"""Claims in a SQLite file.

One row per claim; the row is found by the claim's identity, and a second reading of a claim merges
with the first as ``Claim.merge`` does. Calls block, and one thread at a time may make them.

Standards:
    https://www.sqlite.org/wal.html   write-ahead log: readers see the last commit, a crash loses
                                      nothing that was committed with synchronous=FULL
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from globaldns import __version__
from globaldns.errors import LedgerDamaged, LedgerError
from globaldns.ledger import connections, rows
from globaldns.ledger.connections import LOG_SUFFIX, closing_on_error, explained
from globaldns.ledger.copies import read_copies, write_copy
from globaldns.ledger.dropped import note_dropped
from globaldns.ledger.verification import contradictions
from globaldns.model.claim import Claim, Marker
from globaldns.model.finding import Finding, Severity
from globaldns.model.view import ClaimSet
from globaldns.state import is_in_place

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE claims ({rows.COLUMNS}) WITHOUT ROWID;
"""

_MERGE = """
INSERT INTO claims VALUES {rows}
ON CONFLICT DO UPDATE SET retired_at = excluded.retired_at, reason = excluded.reason
WHERE excluded.retired_at IS NOT NULL AND (
    claims.retired_at IS NULL
    OR (excluded.retired_at, excluded.reason) < (claims.retired_at, claims.reason)
)
"""
_PROBE = "INSERT INTO meta VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1"
"""A value that is the same would not be written."""
_META = "SELECT value FROM meta WHERE key = ?"


class SqliteLedger:
    """An open ledger file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        with closing_on_error(connection), explained(path):
            self._file = path.stat()
            self._log: os.stat_result | None = None
            """Of the write-ahead log, once it was seen."""
            self.cluster = str(self._meta("cluster"))
            """Whose ledger it is."""
            self.marker = Marker(str(self._meta("marker")), int(str(self._meta("created"))))
            """Which ledger it is."""

    @classmethod
    def create(cls, path: Path, *, cluster: str, marker: Marker) -> Self:
        """Make an empty ledger where there is none.

        Raises:
            LedgerError: it cannot be written.
        """
        meta: dict[str, str | int] = {
            "cluster": cluster,
            "marker": marker.id,
            "created": marker.created,
            "writer": __version__,
        }
        connections.create(path, SCHEMA, meta)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a ledger for writing; whoever does holds the state directory's lock.

        Raises:
            LedgerDamaged: it is not whole.
            LedgerError: it is too new, or cannot be read or written.
        """
        return cls(path, connections.open_writing(path))

    @classmethod
    def open_reading(cls, path: Path, *, is_held: bool) -> Self:
        """Open a ledger for reading; nothing is created. ``is_held``: some process may write it.

        Raises:
            LedgerDamaged: it is not whole.
            LedgerError: it is too new, or cannot be read.
        """
        return cls(path, connections.open_reading(path, is_held=is_held))

    def close(self) -> None:
        """Close it; the write-ahead log is folded into the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def claims(self) -> tuple[Claim, ...]:
        """Return all claims, those of a host together.

        Raises:
            LedgerDamaged: a row is no claim.
            LedgerError: it cannot be read.
        """
        with explained(self.path):
            (text,) = self._connection.execute(rows.READ.format(table="claims")).fetchone()
            with self._sound():
                return rows.decode(text)

    def copies(self) -> dict[str, ClaimSet]:
        """Return what other clusters said last in ledgers of their own, by cluster.

        Raises:
            LedgerDamaged: a row is no claim.
            LedgerError: they cannot be read.
        """
        with explained(self.path), self._sound():
            return read_copies(self._connection)

    def copy(self, cluster: str, old: ClaimSet, new: ClaimSet) -> None:
        """Replace the copy of what another cluster says in its own ledger.

        Raises:
            LedgerError: the old copy stands.
        """
        with self._transaction():
            write_copy(self._connection, cluster, old, new)

    def check(self) -> None:
        """Make sure that what is written is found by the next who opens this path.

        Raises:
            LedgerError: another file is there, or none.
        """
        if not self._is_in_place():
            raise LedgerError(
                f"{self.path} is not the file that was opened: it was removed or replaced",
                hint="stop this server, put the ledger back or import the newest backup, start it",
            )

    def _is_in_place(self) -> bool:
        log = self.path.with_name(self.path.name + LOG_SUFFIX)
        try:
            if self._log is None and log.exists():
                self._log = log.stat()
            is_cut = self.path.stat().st_size == 0
        except OSError:
            return False
        is_log_there = self._log is None or is_in_place(log, self._log)
        return not is_cut and is_log_there and is_in_place(self.path, self._file)

    def dropped(self, configured: Collection[str], now: int) -> dict[str, int]:
        """Return since when each cluster with claims in it is not among the configured ones.

        Raises:
            LedgerError: it cannot be read, or what is new cannot be noted.
        """
        with self._transaction():
            return note_dropped(self._connection, configured, now)

    def write(self, claims: Iterable[Claim]) -> None:
        """Merge claims into it, all or none; on return they are on the disk.

        Raises:
            LedgerError: they are not written.
        """
        with self._transaction():
            rows.insert(self._connection, _MERGE, claims)

    def probe(self) -> None:
        """Make sure that it can be written: on return something is on the disk.

        Raises:
            LedgerError: it cannot.
        """
        with self._transaction():
            self._connection.execute(_PROBE)

    def forget(self, claims: Iterable[Claim]) -> None:
        """Delete claims that nothing needs any more, all or none.

        Raises:
            LedgerError: nothing is forgotten.
        """
        with self._transaction():
            rows.delete(self._connection, "claims", claims)

    def verify(self) -> tuple[Finding, ...]:
        """Return what is wrong with the file and with what it says.

        Raises:
            LedgerError: it cannot be read at all.
        """
        try:
            with explained(self.path):
                found = self._connection.execute("PRAGMA integrity_check").fetchall()
            damages = [str(reason) for (reason,) in found if reason != "ok"]
            if not damages:
                return contradictions(self.claims(), str(self.path))
        except LedgerDamaged as error:
            damages = [str(error)]
        return tuple(
            Finding(Severity.ERROR, "ledger-damaged", reason, file=str(self.path))
            for reason in damages
        )

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Turn what a row that is no claim raises into a LedgerDamaged."""
        try:
            yield
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            raise LedgerDamaged(f"{self.path}: a row is no claim: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what is done inside, or leave everything as it was."""
        self.check()
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _meta(self, key: str) -> object:
        row = self._connection.execute(_META, (key,)).fetchone()
        if row is None:
            raise LedgerDamaged(f"{self.path}: it does not say its {key}")
        return row[0]
