"""Ten minutes of all that comes over a network: does memory stay, do descriptors?

Names that are there in any case, names that are not and are ever new (water torture), packets that
are no queries, TCP connections that are left open, cut, or speak an octet at a time; and a file of
the mesh that changes all the while. At first much changes, until everything has happened once that
happens now and then: zones written anew while they are saved while files are read. From then on
memory and descriptors of all processes are looked at every few seconds; what is compared are the
means of the first and of the last quarter.
"""

from __future__ import annotations

import random
import re
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import dns.message

from tests.bench import dnsperf, machine, measure, questions
from tests.bench.manifests import host
from tests.bench.subject import Figures, generated, mesh_of, run_globaldns, say
from tests.system.running import Mesh

PER_FILE = 100
RATE = 5_000
ODD_PER_SECOND = 200
"""Packets that are no queries."""
OPEN_CONNECTIONS = 100
NUMBER = re.compile(r"number: \d+")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: names, seconds before and while it is looked at, and between looks."""

    services: int
    random_names: int
    warming: float
    seconds: float
    look: float


FULL = Size(services=10_000, random_names=400_000, warming=120.0, seconds=600.0, look=5.0)
SMALL = Size(services=1_000, random_names=20_000, warming=2.0, seconds=8.0, look=0.5)
WARMING_CHANGES, CHANGES = 10, 1
"""Files changed in a second."""


def run(folder: Path, size: Size) -> Figures:
    """Load a server with everything, and compare how it stands early and late."""
    mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
    hosts = [host(number) for number in range(size.services)]
    sets = questions.write(folder / "questions", hosts, random_names=size.random_names)
    over_udp = cycle([each for each in sets if each.transport == "udp"])
    change = changes(mesh)
    looks: list[tuple[float, int]] = []
    with run_globaldns(mesh) as (subject, _):
        pid, port = subject.pid, mesh.dns_port
        with (
            again_and_again(odd_packets(port), 1 / ODD_PER_SECOND),
            again_and_again(odd_connections(port), 0.05),
        ):
            with again_and_again(change, 1 / WARMING_CHANGES):
                ask(port, over_udp, size.warming)
            with (
                again_and_again(lambda: looks.append(look(pid)), size.look),
                again_and_again(change, 1 / CHANGES),
            ):
                completed, lost = ask(port, over_udp, size.seconds)
    return compare(looks) | {"answered": float(completed), "lost": float(lost)}


def ask(port: int, sets: Iterator[questions.Questions], seconds: float) -> tuple[int, int]:
    """Ask one set after another for so long; return how many were answered, and lost."""
    until = time.monotonic() + seconds
    completed = lost = 0
    while time.monotonic() < until:
        asked = next(sets)
        say(f"… {asked.title}, {until - time.monotonic():.0f} s left")
        outcome = dnsperf.run(port, asked, seconds=min(10.0, seconds / 8), rate=RATE)
        completed, lost = completed + outcome.completed, lost + outcome.lost
    return completed, lost


def compare(looks: list[tuple[float, int]]) -> Figures:
    """Return memory and descriptors, early and late, and by how much memory grew."""
    quarter = len(looks) // 4
    early, late = looks[:quarter], looks[-quarter:]
    memory = [statistics.mean(mib for mib, _ in part) for part in (early, late)]
    return {
        "memory_early_mib": memory[0],
        "memory_late_mib": memory[1],
        "memory_growth_percent": (memory[1] / memory[0] - 1) * 100,
        "descriptors_early": statistics.mean(count for _, count in early),
        "descriptors_late": statistics.mean(count for _, count in late),
    }


def look(pid: int) -> tuple[float, int]:
    """Return the memory of a process tree in MiB, and how many descriptors it has open."""
    count = 0
    for member in measure.process_tree(pid):
        with suppress(OSError):
            count += sum(1 for _ in Path(f"/proc/{member}/fd").iterdir())
    return measure.memory_mib(pid), count


@contextmanager
def again_and_again(do: Callable[[], object], every: float) -> Iterator[None]:
    """Do something all the while, with pauses of so many seconds."""

    def work(is_over: threading.Event) -> None:
        while not is_over.wait(every):
            with suppress(OSError):
                do()

    with machine.meanwhile(work):
        yield


def odd_packets(port: int) -> Callable[[], object]:
    """Return what sends a packet that is no query, or not quite."""
    chance = random.Random(7)
    good = dns.message.make_query("service-0.team-0.global", "A", use_edns=0).to_wire()
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((machine.LOOPBACK, port))

    def send() -> None:
        octets = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        client.send(bytes(octets[: chance.randrange(len(octets) + 1)]))

    return send


def odd_connections(port: int) -> Callable[[], object]:
    """Return what opens a connection and misuses it; so many are open at once."""
    chance = random.Random(8)
    kept: list[socket.socket] = []
    query = dns.message.make_query("service-0.team-0.global", "A").to_wire()
    framed = len(query).to_bytes(2) + query

    def misuse() -> None:
        connection = socket.create_connection((machine.LOOPBACK, port), timeout=1)
        kept.append(connection)
        match chance.randrange(4):
            case 0:
                connection.send(framed[: chance.randrange(len(framed))])
            case 1:
                connection.send(framed * 20)  # whose replies nobody reads
            case 2:
                connection.send(chance.randbytes(200))
        for old in kept[:-OPEN_CONNECTIONS]:
            old.close()
        del kept[:-OPEN_CONNECTIONS]
        with suppress(OSError):
            kept[chance.randrange(len(kept))].send(framed[:1])

    return misuse


def changes(mesh: Mesh) -> Callable[[], object]:
    """Return what changes a file of a mesh."""
    files = cycle(generated(mesh))
    ports = cycle(range(1000, 2000))

    def change() -> None:
        file = next(files)
        file.write_text(NUMBER.sub(f"number: {next(ports)}", file.read_text()))

    return change
