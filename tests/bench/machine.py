"""What the figures depend on: the machine, its cores, and the ports that are used on it."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.running import COMMAND, ROOT

LOOPBACK = "127.0.0.1"
PORTS = range(21_000, 22_000)
"""Below the ephemeral ports, so that no load generator's socket takes one."""
CORES = tuple(sorted(os.sched_getaffinity(0)))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
"""What is measured has the first to itself; load and everything else run on the last."""
VERSION = re.compile(r"\d+\.\d+(\.\d+)?\S*")


def program(name: str) -> str | None:
    """Return the path of an installed program; servers are often where only root looks."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def version(*command: str) -> str:
    """Return the first version number that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    match = VERSION.search(done.stdout + done.stderr)
    return match[0] if match else "unknown"


def describe() -> dict[str, str | int]:
    """Return processor, kernel, Python and this project's version."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(CORES),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "globaldns": version(*COMMAND, "version"),
    }


def _free_ports() -> Iterator[int]:
    for port in PORTS:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        ):
            try:
                stream.bind((LOOPBACK, port))
                datagram.bind((LOOPBACK, port))
            except OSError:
                continue
        yield port


_unused = _free_ports()


def take_port() -> int:
    """Return a port that is free for UDP and TCP, another one each time."""
    return next(_unused)


@contextmanager
def off_the_server_core() -> Iterator[None]:
    """Stay on the core of the load meanwhile."""
    os.sched_setaffinity(0, {LOAD_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def allow_open_files(count: int) -> None:
    """Let this process, and what it starts, hold that many files and sockets open.

    Raises:
        ValueError: more than the machine allows.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def pinned(*cores: int) -> tuple[str, ...]:
    """Return what to put before a command so that all of it stays on some cores."""
    return ("taskset", "-c", ",".join(map(str, cores)))


@contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have a thread work until the event that it is given is set, at the end of the block."""
    is_over = threading.Event()
    thread = threading.Thread(target=work, args=(is_over,))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
