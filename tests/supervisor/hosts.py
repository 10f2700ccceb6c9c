"""The small server of ``host``, as a test sees it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from globaldns.state import StateDirectory

ROOT = Path(__file__).parents[2]
CEILING_SECONDS = 60.0
"""For what must happen; nothing waits it out when it does."""


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until a condition holds.

    Raises:
        AssertionError: it did not hold within the ceiling.
    """
    deadline = time.monotonic() + CEILING_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"it never came true: {what}"
        time.sleep(0.01)


def parents() -> dict[int, int]:
    """Return every process that runs, with its parent; one that is only to be reaped does not."""
    found: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            found[int(stat.parent.name)] = int(parent)
    return found


def is_running(pid: int) -> bool:
    """Whether a process runs."""
    return pid in parents()


def children(pid: int) -> frozenset[int]:
    """Return the processes that one has forked."""
    return frozenset(child for child, parent in parents().items() if parent == pid)


class Event(NamedTuple):
    """What a process of the server has said."""

    pid: int
    at: float
    """Monotonic seconds."""
    word: str


class Server:
    """One server; leaving the ``with`` kills it if it still runs."""

    def __init__(
        self, folder: Path, behaviour: str = "stays", *, workers: int = 1, takeover: bool = False
    ) -> None:
        self.state = StateDirectory(folder)
        self.workers_wanted = workers
        stamp = time.monotonic_ns()
        self._said, self._logged = folder / f"{stamp}.said", folder / f"{stamp}.log"
        arguments = [str(folder), behaviour, str(workers), *(["--takeover"] if takeover else [])]
        with self._said.open("wb") as said, self._logged.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.supervisor.host", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(CEILING_SECONDS)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything it has logged."""
        return self._logged.read_text()

    def events(self, word: str) -> list[Event]:
        """Return what processes have said that begins so, in order."""
        whole = [line for line in self._said.read_text().splitlines(keepends=True) if "\n" in line]
        split = [line.rstrip("\n").split(" ", 2) for line in whole]
        found = [Event(int(pid), float(at), said) for pid, at, said in split]
        return [event for event in found if event.word.startswith(word)]

    def numbers(self, word: str) -> list[int]:
        """Return the numbers that were said with a word."""
        return [int(event.word.split()[1]) for event in self.events(word)]

    def wait_event(self, word: str, count: int = 1) -> Event:
        """Return what was said the so-manieth time, when it was said."""

        def is_said() -> bool:
            is_over = self.process.poll() is not None
            found = len(self.events(word)) >= count
            assert found or not is_over, f"it has ended without {word}: {self.log}"
            return found

        wait_until(is_said, f"{word}, {count} times")
        return self.events(word)[count - 1]

    def wait_log(self, text: str) -> None:
        """Look until the log says something."""
        wait_until(lambda: text in self.log, f"the log says {text!r}")

    def wait_workers(self) -> frozenset[int]:
        """Return its workers, when there are as many as there are to be."""
        self.wait_event("begins")
        wait_until(lambda: len(self.workers()) == self.workers_wanted, "all workers are there")
        return self.workers()

    def workers(self) -> frozenset[int]:
        """Return the workers that there are."""
        return children(self.pid) - {event.pid for event in self.events("begins")}

    @property
    def port(self) -> int:
        """Where it listens."""
        self.wait_event("port")
        return self.numbers("port")[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.wait_exit()

    def wait_exit(self) -> int:
        """Return the exit code once it has ended by itself."""
        return self.process.wait(CEILING_SECONDS)
