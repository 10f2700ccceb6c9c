"""Files in the state directory: replaced as a whole, read only when they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from globaldns.errors import StateError
from globaldns.state.checked import format_header, read_payload
from globaldns.state.lock import Holder, Lock
from globaldns.state.refusals import explained
from globaldns.state.replacing import NEW, replace_file

LOCK = "lock"


class StateDirectory:
    """One instance's directory; nothing is created before ``lock``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path / LOCK)

    def lock(self, now: int) -> None:
        """Create the directory if it is missing, and hold it until ``unlock`` or the process ends.

        Raises:
            StateLocked: another process holds it; the message names its pid.
            StateError: it cannot be created or written.
        """
        with explained(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.take(now)

    def unlock(self) -> None:
        """Give it up."""
        self._lock.release()

    def check_lock(self) -> None:
        """Make sure that no other process can take the directory.

        Raises:
            StateError: it was removed or replaced.
        """
        self._lock.check()

    def holder(self) -> Holder | None:
        """Return who holds it now; None: nobody, or there is no such directory.

        Raises:
            StateError: the lock cannot be looked at.
        """
        return self._lock.holder()

    def write(self, name: str, *parts: bytes) -> None:
        """Replace a file as a whole; on return it is on the disk.

        Raises:
            StateError: it cannot be written, or the directory that is held was removed or replaced;
                the old file stands.
        """
        self._lock.check()
        path = self._place(name)
        with explained(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, *parts, mode=0o600)

    def read(self, name: str, octets: int = -1) -> bytes | None:
        """Return a file's content, or so much of its beginning; None: there is none.

        Raises:
            StateError: it cannot be read.
        """
        path = self._place(name)
        with explained(path):
            try:
                with path.open("rb") as file:
                    return file.read(octets)
            except FileNotFoundError:
                return None

    def write_checked(self, name: str, payload: bytes, *, version: int = 1) -> None:
        """Replace a checked file; ``version`` is the format of what it holds.

        Raises:
            StateError: it cannot be written; the old file stands.
        """
        self.write(name, format_header(payload, version), payload)

    def read_checked(self, name: str, *, version: int = 1) -> bytes | None:
        """Return what a checked file holds; None: there is none.

        Raises:
            StateError: it cannot be read, is damaged, or its format is newer than ``version``.
        """
        path = self._place(name)
        with explained(path):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                return None
            with file:
                return _read(path, file, version)

    def names(self, folder: str = "") -> tuple[str, ...]:
        """Return the names of the files in a folder, sorted; none if there is no such folder.

        Raises:
            StateError: the folder cannot be read.
        """
        path = self._place(folder)
        with explained(path):
            try:
                found = [entry.name for entry in path.iterdir() if entry.is_file()]
            except FileNotFoundError:
                return ()
        prefix = f"{folder}/" if folder else ""
        return tuple(sorted(prefix + name for name in found if not name.endswith(NEW)))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StateError: it cannot be removed.
        """
        path = self._place(name)
        with explained(path):
            path.unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        path = self.path / name
        if ".." in Path(name).parts or not path.is_relative_to(self.path):
            raise StateError(f"{name!r} leads out of the state directory")
        return path


def _read(path: Path, file: BinaryIO, version: int) -> bytes:
    try:
        return read_payload(file, version)
    except StateError as error:
        raise StateError(f"{path} {error}", hint=error.hint) from None
