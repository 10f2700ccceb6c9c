"""Two workers on two cores: what a query costs then, and how flows are split between them.

A flow is a client's address and port; the kernel gives each to one worker's socket. Which flows are
whose is seen from outside: while a worker is halted, its flows are not answered, all others are.
The load shares the two cores, so that rates say little; CPU per query is comparable.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message

from tests.bench import dnsperf, machine, measure, questions
from tests.bench.manifests import host
from tests.bench.subject import Figures, dns_keys, mesh_of, run_globaldns, say

FLOWS = 1_024
PER_FILE = 100
HALT_SECONDS = 0.25
"""How long a worker is halted: enough for the others to answer, too short to be taken for dead."""
WORKING = 0.05
"""Share of the tree's CPU under load, above which a process is a worker."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: names, rounds, seconds of load."""

    services: int
    rounds: int
    seconds: float


FULL = Size(services=10_000, rounds=5, seconds=2.0)
SMALL = Size(services=1_000, rounds=1, seconds=0.5)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU per query in microseconds, and the processes that had a part in it, with their share."""

    cpu: float
    shares: dict[int, float]


def run(folder: Path, size: Size) -> Figures | str:
    """Measure one worker and two; or return why that cannot be."""
    if "workers" not in dns_keys():
        return "the configuration has no dns.workers"
    if len(machine.CORES) < 2:
        return "there is one core only"
    machine.allow_open_files(2 * FLOWS)
    hosts = [host(number) for number in range(size.services)]
    asked = questions.write(folder / "questions", hosts, random_names=1)[0]
    costs: dict[int, list[Cost]] = {1: [], 2: []}
    one = mesh_of(folder / "one", size.services, per_file=PER_FILE, dns={"workers": 1})
    two = mesh_of(folder / "two", size.services, per_file=PER_FILE, dns={"workers": 2})
    with (
        run_globaldns(one, cores=machine.CORES) as (single, _),
        run_globaldns(two, cores=machine.CORES) as (both, _),
    ):
        for number in range(size.rounds):
            say(f"… round {number + 1} of {size.rounds}")
            for count, subject in ((1, single), (2, both)):
                costs[count].append(cost(subject.pid, subject.ports["udp"], asked, size.seconds))
        shares = costs[2][-1].shares
        workers = [pid for pid, share in shares.items() if share > WORKING]
        split = flows(both.ports["udp"], hosts[0], workers)
    least = {count: min(each.cpu for each in known) for count, known in costs.items()}
    figures = {
        "one_worker_cpu_microseconds": least[1],
        "two_workers_cpu_microseconds": least[2],
        "cost_ratio_least": least[2] / least[1],
        "flows": float(FLOWS),
    }
    for number, pid in enumerate(workers, 1):
        figures[f"worker_{number}_flows_percent"] = split[pid] / FLOWS * 100
        figures[f"worker_{number}_cpu_percent"] = shares[pid] * 100
    return figures


def cost(pid: int, port: int, asked: questions.Questions, seconds: float) -> Cost:
    """Ask from as many sockets as there are flows, as fast as answers come."""
    members = measure.process_tree(pid)
    before = {member: measure.cpu_alone(member) for member in members}
    outcome = dnsperf.run(
        port, asked, seconds=seconds, clients=FLOWS, outstanding=FLOWS, cores=machine.CORES
    )
    used = {member: measure.cpu_alone(member).since(before[member]).total for member in members}
    total = sum(used.values())
    shares = {member: seconds / total for member, seconds in used.items()}
    return Cost(total / outcome.completed * 1e6, shares)


def flows(port: int, name: str, workers: Sequence[int]) -> dict[int, int]:
    """Return how many of all flows each worker has."""
    question = dns.message.make_query(name, "A", use_edns=False).to_wire()
    with clients(port) as sockets:
        answered(sockets, question)
        return {pid: len(sockets) - answered(sockets, question, halted=pid) for pid in workers}


@contextmanager
def clients(port: int, *, count: int = FLOWS) -> Iterator[list[socket.socket]]:
    """Open a socket for each flow."""
    opened = []
    try:
        for _ in range(count):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.append(client)
            client.connect((machine.LOOPBACK, port))
        yield opened
    finally:
        for client in opened:
            client.close()


def answered(sockets: Sequence[socket.socket], question: bytes, *, halted: int = 0) -> int:
    """Ask from every socket, one worker being halted or none; return how many have a reply."""
    if halted:
        os.kill(halted, signal.SIGSTOP)
    try:
        for client in sockets:
            client.send(question)
        time.sleep(HALT_SECONDS)
        found = sum(map(_drain, sockets))
    finally:
        if halted:
            os.kill(halted, signal.SIGCONT)
    time.sleep(HALT_SECONDS)
    for client in sockets:
        _drain(client)
    return found


def _drain(client: socket.socket) -> bool:
    """Take what has come to a socket; return whether there was anything."""
    has_reply = False
    poll = select.poll()
    poll.register(client, select.POLLIN)
    while poll.poll(0):
        client.recv(4096)
        has_reply = True
    return has_reply
