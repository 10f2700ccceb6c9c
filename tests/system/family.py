"""The processes of a real server, told apart, killed, and followed by another server's."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.supervisor.hosts import parents
from tests.system.running import Mesh, Server, wait_until


class Family:
    """The processes of a server: the control process has loaded what the workers have not."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.pid = server.process.pid

    def all(self) -> frozenset[int]:
        """Return what runs below the supervisor."""
        return frozenset(pid for pid, parent in parents().items() if parent == self.pid)

    def control(self) -> int:
        """Return the control process; 0: there is none that has come far."""
        return next((pid for pid in self.all() if "_sqlite3" in loaded(pid)), 0)

    def workers(self, count: int = 1) -> frozenset[int]:
        """Return the workers when there are so many, beside a control process."""
        wait_until(lambda: self.control() != 0 and len(self.all()) == count + 1, "all are there")
        return self.all() - {self.control()}

    def kill(self, pid: int) -> None:
        """Kill a process, and wait until another is in its place."""
        count = len(self.all())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.all() and len(self.all()) == count, "another follows")


def loaded(pid: int) -> str:
    """Return which libraries a process has loaded."""
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


def follow(mesh: Mesh, before: Sequence[str] = ()) -> Server:
    """Start a server that takes over."""
    return Server(mesh, before=[*before, "sh", "-c", 'exec "$@" --takeover', "sh"])
