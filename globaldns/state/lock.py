"""Who holds a state directory: ``flock`` on a file of ours, never on a database's."""

from __future__ import annotations

import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from globaldns.errors import StateError, StateLocked
from globaldns.state.refusals import explained

_PATIENCE_SECONDS = 0.5
"""An offline command looks at the lock for microseconds; a server that starts outwaits it."""
_PAUSE_SECONDS = 0.02


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a state directory."""

    pid: int
    """0 is unknown."""
    started: int
    """Unix seconds."""

    def __str__(self) -> str:
        """Return it for people."""
        at = datetime.fromtimestamp(self.started, UTC)
        return f"process {self.pid or 'unknown'} (started {at:%Y-%m-%dT%H:%M:%SZ})"


class Lock:
    """One lock file; the kernel gives it up when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, now: int) -> None:
        """Hold it until ``release`` or the process ends; the file is created if it is missing.

        Raises:
            StateLocked: another process holds it; the message names its pid.
            StateError: it cannot be created or written.
        """
        with explained(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._take(descriptor, Holder(os.getpid(), now))
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor

    def _take(self, descriptor: int, holder: Holder) -> None:
        if not _wait_for(descriptor):
            raise StateLocked(
                f"{self.path.parent} is held by {_read_holder(descriptor)}",
                hint="stop that process, or set another directory with the key state",
            )
        _write_holder(descriptor, holder)

    def release(self) -> None:
        """Give it up, for forks too; the file stays, because removing it would race with others."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def check(self) -> None:
        """Make sure that whoever asks for this path finds it held.

        Raises:
            StateError: another file is there, or none: the directory was removed or replaced.
        """
        if self._descriptor is not None and not is_in_place(self.path, os.fstat(self._descriptor)):
            raise StateError(
                f"{self.path} is not the file that is held: it was removed or replaced",
                hint="stop this server, put the state directory back, and start it again",
            )

    def holder(self) -> Holder | None:
        """Return who holds it now; None: nobody, or there is no file.

        Raises:
            StateError: it cannot be looked at.
        """
        with explained(self.path):
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                return None if _try(descriptor, fcntl.LOCK_SH) else _read_holder(descriptor)
            finally:
                os.close(descriptor)


def is_in_place(path: Path, status: os.stat_result) -> bool:
    """Whether a path still leads to a file that is open."""
    try:
        return os.path.samestat(path.stat(), status)
    except OSError:
        return False


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(descriptor: int) -> bool:
    """Take the lock for writing; give up after the patience that a passing reader is worth."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _write_holder(descriptor: int, holder: Holder) -> None:
    """Write over the old holder before cutting the rest: so a full disk has room for it."""
    line = f"{holder.pid} {holder.started}\n".encode()
    os.pwrite(descriptor, line, 0)
    os.ftruncate(descriptor, len(line))


def _read_holder(descriptor: int) -> Holder:
    try:
        pid, started = os.pread(descriptor, 64, 0).split()
        return Holder(int(pid), int(started))
    except ValueError:
        return Holder(0, 0)
