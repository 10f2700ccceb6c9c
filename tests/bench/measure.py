"""What is measured about a process, from outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import dns.message
import yaml_rs

POLL_SECONDS = 0.002
LOOK_SECONDS = 0.2
CEILING_SECONDS = 300.0
ANSWER_COUNT = slice(6, 8)
"""ANCOUNT in the header (RFC 1035 section 4.1.1)."""
IDLE_SECONDS, IDLE_SHARE = 1.0, 0.05
"""How long a process must use how little of a core to have nothing left to do."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time in seconds, as the kernel accounts it."""

    user: float
    system: float

    def since(self, before: Cpu) -> Cpu:
        """Return what was used after an earlier moment."""
        return Cpu(self.user - before.user, self.system - before.system)

    @property
    def total(self) -> float:
        """Both together."""
        return self.user + self.system


class Probe:
    """Asks for one name until it is answered."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(0.2)

    def close(self) -> None:
        """Close its socket."""
        self._socket.close()

    def has_answer(self, question: bytes) -> bool:
        """Whether a question gets records now; late replies to former ones count for those."""
        try:
            self._socket.send(question)
            while True:
                reply = self._socket.recv(4096)
                if reply[:2] == question[:2]:
                    return reply[ANSWER_COUNT] != b"\0\0"
        except OSError:
            return False

    def seconds_until(
        self,
        host: str,
        since: float,
        *,
        seconds: float = CEILING_SECONDS,
        process: subprocess.Popen[bytes] | None = None,
    ) -> float:
        """Return how long after a moment a host is answered.

        Raises:
            TimeoutError: it never was, or the process has ended that was to answer.
        """
        question = dns.message.make_query(host, "A", use_edns=False).to_wire()
        while time.monotonic() - since < seconds:
            if self.has_answer(question):
                return time.monotonic() - since
            if process is not None and process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"{host} is not answered")


def process_tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):  # it has ended meanwhile
                found.extend(map(int, task.read_text().split()))
    return found


def memory_mib(pid: int) -> float:
    """Return the memory of a process tree in MiB; what several share counts once (proc(5))."""
    return sum(map(memory_alone_mib, process_tree(pid)))


def memory_alone_mib(pid: int) -> float:
    """Return the memory of one process in MiB: of what it shares, its part."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0


class PeakMemory:
    """The most resident memory that a process tree has, looked at again and again."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            with suppress(OSError):  # a process of the tree has ended meanwhile
                self.mib = max(self.mib, memory_mib(self._pid))


def reading_seconds(files: Iterable[Path]) -> float:
    """Return how long yaml-rs takes for the text of files."""
    texts = [file.read_text() for file in files]
    started = time.perf_counter()
    for text in texts:
        yaml_rs.loads(text)
    return time.perf_counter() - started


def cpu(pid: int) -> Cpu:
    """Return the CPU time of a process tree, with that of children that have ended (proc(5))."""
    used = [cpu_alone(member) for member in process_tree(pid)]
    return Cpu(sum(each.user for each in used), sum(each.system for each in used))


def cpu_alone(pid: int) -> Cpu:
    """Return the CPU time of a process, all its threads, and its ended children; 0 if it ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return Cpu(0.0, 0.0)
    user, system, ended_user, ended_system = map(int, text.rpartition(")")[2].split()[11:15])
    return Cpu((user + ended_user) / TICKS, (system + ended_system) / TICKS)


def seconds_until_idle(pid: int, *, ceiling: float) -> float:
    """Return how long a process tree went on working; the ceiling if it did not stop before."""
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < ceiling:
        before = cpu(pid)
        time.sleep(IDLE_SECONDS)
        if cpu(pid).since(before).total < IDLE_SHARE * IDLE_SECONDS:
            break
    return elapsed


def pin(pid: int, *cores: int) -> None:
    """Keep all threads of a process tree on some cores."""
    for member in process_tree(pid):
        for task in Path(f"/proc/{member}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)
