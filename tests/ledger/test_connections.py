"""How a ledger file is made and opened, and what is said when that fails."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from globaldns.errors import LedgerDamaged, LedgerError
from globaldns.ledger.connections import (
    APPLICATION_ID,
    VERSION,
    closing_on_error,
    create,
    explained,
    open_reading,
    open_writing,
)

SCHEMA = "CREATE TABLE meta (key TEXT PRIMARY KEY, value);"
META = {"writer": "1.2.3", "cluster": "east"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    create(path, SCHEMA, META)
    return path


def everything(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM meta"))


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_new_ledger_is_marked_as_ours_and_is_for_its_owner_only(path: Path) -> None:
    assert names(path.parent) == {"ledger.db"}
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(open_reading(path, is_held=False)) as connection:
        assert everything(connection) == META
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize("schema", ["CREATE TABLE", "CREATE TABLE other (key)"])
def test_a_ledger_that_cannot_be_made_whole_is_not_made(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "ledger.db"
    with pytest.raises(LedgerError):
        create(path, schema, META)
    assert not path.exists()


def test_what_stands_is_replaced_by_a_whole_new_ledger_or_stands(path: Path) -> None:
    with pytest.raises(LedgerError):
        create(path, "CREATE TABLE", {})
    with closing(open_reading(path, is_held=False)) as connection:
        assert everything(connection) == META
    create(path, SCHEMA, {"writer": "2"})
    with closing(open_reading(path, is_held=False)) as connection:
        assert everything(connection) == {"writer": "2"}


def test_where_nothing_can_be_made_the_path_and_a_remedy_are_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "ledger.db"
    for attempt in (
        lambda: create(path, SCHEMA, META),
        lambda: open_writing(path),
        lambda: open_reading(path, is_held=False),
    ):
        with pytest.raises(LedgerError) as caught:
            attempt()
        assert str(caught.value).startswith(str(path))
        assert caught.value.hint == "make it and its directory writable for this user"
        assert not isinstance(caught.value, LedgerDamaged)


def test_opening_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        open_writing(tmp_path / "ledger.db")
    assert names(tmp_path) == set()


def write(connection: sqlite3.Connection, writer: str) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'writer'", (writer,))


def test_who_may_write_writes_at_once_and_who_reads_may_not(path: Path) -> None:
    with closing(open_writing(path)) as writing:
        write(writing, "new")
        with closing(open_reading(path, is_held=True)) as reading:
            assert everything(reading)["writer"] == "new"
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                write(reading, "newer")


def test_a_log_that_a_crash_left_is_read_in_a_copy_that_changes_nothing(
    path: Path, tmp_path: Path
) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(open_writing(path)) as writing:
        write(writing, "logged")
        for file in (path, path.with_name("ledger.db-wal")):
            shutil.copy(file, crashed)
    before = {file: file.read_bytes() for file in crashed.iterdir()}
    with closing(open_reading(crashed / path.name, is_held=False)) as reading:
        assert everything(reading)["writer"] == "logged"
        write(reading, "of no consequence")
    assert {file: file.read_bytes() for file in crashed.iterdir()} == before


def test_reading_what_nobody_writes_creates_nothing(path: Path) -> None:
    open_writing(path).close()
    before = names(path.parent)
    with closing(open_reading(path, is_held=False)) as reading:
        assert everything(reading) == META
        assert names(path.parent) == before


def test_what_a_crash_left_of_another_attempt_is_in_nobodys_way(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"ledger.db.new{suffix}").write_bytes(b"half")
    create(path, SCHEMA, META)
    assert names(path.parent) == {"ledger.db"}


def test_an_empty_log_is_no_log(path: Path) -> None:
    log = path.with_name("ledger.db-wal")
    log.touch()
    with closing(open_reading(path, is_held=False)) as reading:
        assert everything(reading) == META
    assert names(path.parent) == {"ledger.db", "ledger.db-wal"}


CHECKS = [
    ("application_id=1", LedgerDamaged, "it is no ledger of globaldns", ""),
    (
        f"user_version={VERSION + 1}",
        LedgerError,
        f"it has schema {VERSION + 1}, this version reads up to {VERSION}",
        "install globaldns 1.2.3 or newer",
    ),
]


@pytest.mark.parametrize(("pragma", "kind", "reason", "hint"), CHECKS)
def test_what_is_not_ours_or_too_new_is_opened_by_nobody(
    path: Path, pragma: str, kind: type[LedgerError], reason: str, hint: str
) -> None:
    with closing(open_writing(path)) as connection:
        connection.execute(f"PRAGMA {pragma}")
    for attempt in (lambda: open_writing(path), lambda: open_reading(path, is_held=False)):
        with pytest.raises(LedgerError) as caught:
            attempt()
        assert type(caught.value) is kind
        assert (str(caught.value), caught.value.hint) == (f"{path}: {reason}", hint)


def test_an_older_schema_is_read(path: Path) -> None:
    with closing(open_writing(path)) as connection:
        connection.execute("PRAGMA user_version=0")
    with closing(open_reading(path, is_held=False)) as reading:
        assert everything(reading) == META


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorname = name
    return error


UNWRITABLE = "make it and its directory writable for this user"
ERRORS = [
    (sqlite_error("SQLITE_CORRUPT"), LedgerDamaged, "it is damaged: as SQLite says it", ""),
    (sqlite_error("SQLITE_CORRUPT_INDEX"), LedgerDamaged, "it is damaged: as SQLite says it", ""),
    (sqlite_error("SQLITE_NOTADB"), LedgerDamaged, "it is damaged: as SQLite says it", ""),
    (sqlite_error("SQLITE_FULL"), LedgerError, "as SQLite says it", "free some space on that disk"),
    (sqlite_error("SQLITE_READONLY_DBMOVED"), LedgerError, "as SQLite says it", UNWRITABLE),
    (sqlite_error("SQLITE_CANTOPEN"), LedgerError, "as SQLite says it", UNWRITABLE),
    (
        sqlite_error("SQLITE_IOERR_WRITE"),
        LedgerError,
        "as SQLite says it",
        "look at the disk: the kernel log says more",
    ),
    (
        sqlite_error("SQLITE_BUSY"),
        LedgerError,
        "as SQLite says it",
        "another program has it open: stop it",
    ),
    (sqlite3.ProgrammingError("closed"), LedgerError, "closed", ""),
    (PermissionError(13, "Permission denied"), LedgerError, "permission denied", UNWRITABLE),
]


@pytest.mark.parametrize(("error", "kind", "reason", "hint"), ERRORS, ids=range(len(ERRORS)))
def test_what_is_refused_is_explained_with_the_path_and_a_remedy(
    error: Exception, kind: type[LedgerError], reason: str, hint: str
) -> None:
    with pytest.raises(LedgerError) as caught, explained(Path("/state/ledger.db")):
        raise error
    assert type(caught.value) is kind
    assert (str(caught.value), caught.value.hint) == (f"/state/ledger.db: {reason}", hint)


def test_an_error_of_the_system_names_the_file_that_it_is_about() -> None:
    with pytest.raises(LedgerError, match=r"^/state/ledger\.db\.new: "), explained(Path("/other")):
        raise PermissionError(13, "Permission denied", "/state/ledger.db.new")


def test_a_connection_is_closed_only_if_what_follows_fails() -> None:
    connection = sqlite3.connect(":memory:")
    with closing_on_error(connection):
        pass
    connection.execute("SELECT 1")
    with pytest.raises(KeyboardInterrupt), closing_on_error(connection):
        raise KeyboardInterrupt
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_where_nothing_can_be_written_beside_it_a_ledger_is_opened_for_one(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_writing(path).close()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))  # the log's index has 32 KiB
    try:
        connection = open_writing(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with closing(connection):
        (record,) = caplog.records
        assert record.__dict__["fix"] == "free some space on that disk, then start again"
        assert everything(connection) == META
        connection.execute("INSERT INTO meta VALUES ('new', 'one')")
    with closing(open_reading(path, is_held=False)) as reading:
        assert everything(reading) == META | {"new": "one"}
