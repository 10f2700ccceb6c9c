"""Opening a ledger file, and what is wrong with it when that fails.

Standards:
    https://www.sqlite.org/pragma.html   application_id, user_version, integrity_check
    https://www.sqlite.org/uri.html      mode=ro, immutable=1
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile

from globaldns.errors import LedgerDamaged, LedgerError

logger = logging.getLogger(__name__)

VERSION = 1
"""Of the schema; a newer one is refused."""
APPLICATION_ID = 0x67646E73
"""``gdns``: tells a ledger from any other SQLite file."""
LOG_SUFFIX = "-wal"
SUFFIXES = ("", LOG_SUFFIX, "-shm")
"""Of the files that make up a ledger: the database, its write-ahead log, the log's index."""

_BUSY_SECONDS = 5.0
"""Nobody else writes: only a reader's first look at the log can be in the way, for a moment."""
_DURABLE = (
    "PRAGMA synchronous=FULL",
    "PRAGMA journal_size_limit=16777216",
)
_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT", "SQLITE_ERROR"})
_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR"})
_UNWRITABLE = "make it and its directory writable for this user"
_REMEDIES = {
    "SQLITE_FULL": "free some space on that disk",
    "SQLITE_READONLY": _UNWRITABLE,
    "SQLITE_CANTOPEN": _UNWRITABLE,
    "SQLITE_PERM": _UNWRITABLE,
    "SQLITE_IOERR": "look at the disk: the kernel log says more",
    "SQLITE_BUSY": "another program has it open: stop it",
}


def create(path: Path, schema: str, meta: Mapping[str, str | int]) -> None:
    """Make a new ledger: whole under its name, or not at all.

    Raises:
        LedgerError: it cannot be written.
    """
    new = path.with_name(f"{path.name}.new")
    with explained(path):
        for suffix in SUFFIXES:
            new.with_name(new.name + suffix).unlink(missing_ok=True)
        with closing(_connect(new, "mode=rwc")) as connection:
            new.chmod(0o600)
            connection.executescript(f"BEGIN; {schema}")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={VERSION}")
            connection.execute("COMMIT")
        new.replace(path)


def open_writing(path: Path) -> sqlite3.Connection:
    """Return a connection that may write.

    On a full disk there is no room for the log's index, which lets others read at the same time.
    Then it is kept in memory: what the ledger holds is answered all the same.

    Raises:
        LedgerDamaged: it is not whole.
        LedgerError: it is too new, or cannot be written.
    """
    with explained(path):
        try:
            return _open_writing(path, ())
        except sqlite3.OperationalError as error:
            if _code(error) not in _NO_ROOM:
                raise
            logger.warning(
                "nothing can be written beside the ledger: no command reads it until a next start",
                extra={
                    "file": str(path),
                    "reason": str(error),
                    "fix": f"{_REMEDIES['SQLITE_FULL']}, then start again",
                },
            )
            return _open_writing(path, ("PRAGMA locking_mode=EXCLUSIVE",))


def _open_writing(path: Path, locking: Iterable[str]) -> sqlite3.Connection:
    with closing_on_error(_connect(path, "mode=rw")) as connection:
        for pragma in locking:
            connection.execute(pragma)
        _check(path, connection)
        for pragma in _DURABLE:
            connection.execute(pragma)
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise LedgerError(
                f"{path}: this file system cannot hold a write-ahead log",
                hint="set a directory on a local disk with the key state",
            )
    return connection


def open_reading(path: Path, *, is_held: bool) -> sqlite3.Connection:
    """Return a connection that creates nothing beside the file.

    SQLite makes its side files even to read, unless it is told that nothing changes: that is so
    where nobody may write and no log was left. A log that a crash left is read in a copy.

    Raises:
        LedgerDamaged: it is not whole.
        LedgerError: it is too new, or cannot be read.
    """
    log = path.with_name(path.name + LOG_SUFFIX)
    with explained(path):
        if is_held:
            connection = _connect(path, "mode=ro")
        elif log.exists() and log.stat().st_size:
            connection = _load_copy(path, log)
        else:
            connection = _connect(path, "immutable=1")
        with closing_on_error(connection):
            _check(path, connection)
    return connection


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # transactions begin where the code says so
        check_same_thread=False,  # opened by one thread, used by another: never by two at once
    )


def _load_copy(path: Path, log: Path) -> sqlite3.Connection:
    """Return a ledger in memory, with what its log holds."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with closing_on_error(memory), tempfile.TemporaryDirectory(prefix="globaldns-") as folder:
        for file in (path, log):
            copyfile(file, Path(folder, file.name))
        with closing(_connect(Path(folder, path.name), "mode=rw")) as copy:
            copy.backup(memory)
    return memory


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close a connection if what follows fails."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LedgerDamaged(f"{path}: it is no ledger of globaldns")
    if version > VERSION:
        (writer,) = connection.execute("SELECT value FROM meta WHERE key = 'writer'").fetchone()
        raise LedgerError(
            f"{path}: it has schema {version}, this version reads up to {VERSION}",
            hint=f"install globaldns {writer} or newer",
        )
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise LedgerDamaged(f"{path}: it is damaged: {verdict}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite or the system refuses into a LedgerError with the path and a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        code = _code(error)
        if code in _DAMAGED:
            raise LedgerDamaged(f"{path}: it is damaged: {error}") from error
        raise LedgerError(f"{path}: {error}", hint=_REMEDIES.get(code, "")) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LedgerError(f"{error.filename or path}: {reason}", hint=_UNWRITABLE) from error


def _code(error: sqlite3.Error) -> str:
    """Return the primary result code, such as SQLITE_IOERR."""
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
