"""What is measured about a process, from outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

import dns.message
import yaml_rs

POLL_SECONDS = 0.002
LOOK_SECONDS = 0.2
CEILING_SECONDS = 300.0
ANSWER_COUNT = slice(6, 8)
"""ANCOUNT in the header (RFC 1035 section 4.1.1)."""


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

    def seconds_until(self, host: str, since: float) -> float:
        """Return how long after a moment a host is answered.

        Raises:
            TimeoutError: it never was.
        """
        question = dns.message.make_query(host, "A", use_edns=False).to_wire()
        while time.monotonic() - since < CEILING_SECONDS:
            if self.has_answer(question):
                return time.monotonic() - since
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"{host} is not answered")


def process_tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(map(int, task.read_text().split()))
    return found


def memory_mib(pid: int) -> float:
    """Return the memory of a process tree in MiB; what several share counts once (proc(5))."""
    total = 0
    for member in process_tree(pid):
        text = Path(f"/proc/{member}/smaps_rollup").read_text()
        match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        total += int(match[1]) if match else 0
    return total / 1024


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


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process tree has used."""
    ticks = 0
    for member in process_tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def dnsperf(
    program: str, port: int, hosts: Iterable[str], folder: Path, cpu: Callable[[], float]
) -> dict[str, float]:
    """Return queries per second and CPU per query of ten seconds of load."""
    queries = folder / "queries"
    queries.write_text("".join(f"{host} A\n" for host in hosts))
    before = cpu()
    done = subprocess.run(
        [program, "-s", "127.0.0.1", "-p", str(port), "-d", str(queries), "-l", "10", "-c", "4"],
        capture_output=True,
        text=True,
        check=True,
    )
    used = cpu() - before

    def figure(label: str) -> float:
        match = re.search(rf"{label}:\s+([\d.]+)", done.stdout)
        return float(match[1]) if match else 0.0

    completed = figure("Queries completed")
    return {
        "queries_per_second": figure("Queries per second"),
        "queries_lost": figure("Queries lost"),
        "cpu_microseconds_per_query": used / completed * 1e6 if completed else 0.0,
    }
