"""A million names: starts, memory, and whether a hot name still costs what it costs among few."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import dnsperf, machine, measure, questions
from tests.bench.manifests import host
from tests.bench.questions import Questions
from tests.bench.subject import Figures, NotAnswering, mesh_of, run_globaldns, say
from tests.system.running import Mesh, Server

PER_FILE = 334
FIRST = host(0)
"""The name that is numbered first."""
CEILING_SECONDS = 1800.0
"""After which a start is given up; a million names are read for minutes."""
IDLE_CEILING = 600.0
"""Seconds after which a server that still works is measured as it is."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many names, those that they are compared with, and how long that is done."""

    services: int
    few: int
    rounds: int
    seconds: float


FULL = Size(services=1_000_000, few=10_000, rounds=5, seconds=2.0)
SMALL = Size(services=20_000, few=1_000, rounds=1, seconds=0.3)


@contextmanager
def started(mesh: Mesh) -> Iterator[tuple[Server, float, float]]:
    """Start on all cores; yields the server, and its seconds to the first answer and to ready.

    Raises:
        NotAnswering: it ended, or took too long.
    """
    begun = time.monotonic()
    with Server(mesh) as server:
        probe = measure.Probe(mesh.dns_port)
        try:
            first = probe.seconds_until(
                FIRST, begun, seconds=CEILING_SECONDS, process=server.process
            )
        except TimeoutError as error:
            raise NotAnswering(f"{error}: {server.log[-500:]}") from error
        finally:
            probe.close()
        while not server.is_ready():
            if time.monotonic() - begun > CEILING_SECONDS:
                raise NotAnswering(f"not ready: {server.log[-500:]}")
            time.sleep(0.2)
        yield server, first, time.monotonic() - begun
        server.signal(signal.SIGTERM)
        server.process.wait(CEILING_SECONDS)


def settled(kind: str, pid: int, first: float, ready: float) -> Figures:
    """Return a start's seconds and, once there is no work left, the memory of each process."""
    figures = {
        f"{kind}_first_answer_seconds": first,
        f"{kind}_ready_seconds": ready,
        f"{kind}_work_after_ready_seconds": measure.seconds_until_idle(pid, ceiling=IDLE_CEILING),
        f"{kind}_memory_mib": measure.memory_mib(pid),
    }
    for number, member in enumerate(measure.process_tree(pid)):
        figures[f"{kind}_process_{number}_mib"] = measure.memory_alone_mib(member)
    return figures


def run(folder: Path, size: Size) -> Figures:
    """Measure a cold start, one from the last zone, and hot names beside a small server."""
    say(f"writing {size.services:,} services")
    mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
    figures: Figures = {"names": float(size.services), "few_names": float(size.few)}
    say("… cold start")
    with started(mesh) as (server, first, ready):
        figures |= settled("cold", server.process.pid, first, ready)
    say("… start from the last zone")
    with started(mesh) as (server, first, ready):
        pid = server.process.pid
        figures |= settled("remembered", pid, first, ready)
        measure.pin(pid, machine.SERVER_CORE)
        return figures | hot(folder, mesh.dns_port, pid, size)


def hot(folder: Path, port: int, pid: int, size: Size) -> Figures:
    """Compare hot names of a large and of a small server, one right after the other."""
    say("… hot names, beside a small server")
    few = mesh_of(folder / "few", size.few, per_file=PER_FILE)
    hosts = [host(number) for number in range(size.few)]
    asked = questions.write(folder / "questions", hosts, random_names=1)[0]
    costs = []
    with machine.off_the_server_core(), run_globaldns(few) as (small, _):
        for _ in range(size.rounds):
            pair = (cpu(port, pid, asked, size), cpu(small.ports["udp"], small.pid, asked, size))
            costs.append(pair)
    least = [min(column) for column in zip(*costs, strict=True)]
    return {
        "hot_cpu_microseconds": least[0],
        "hot_cpu_microseconds_of_few": least[1],
        "hot_cost_ratio_median": statistics.median(many / few for many, few in costs),
        "hot_cost_ratio_least": least[0] / least[1],
    }


def cpu(port: int, pid: int, asked: Questions, size: Size) -> float:
    """Return CPU per query at saturation, in microseconds."""
    before = measure.cpu(pid)
    outcome = dnsperf.run(port, asked, seconds=size.seconds)
    return measure.cpu(pid).since(before).total / outcome.completed * 1e6
