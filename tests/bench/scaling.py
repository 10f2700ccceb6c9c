"""Two workers on two cores: what a query costs then, and how flows are split between them.

What a query costs depends on what else is done on the machine. So one server with two workers is
compared with two servers with one worker each, on the same two cores, asked in the same way. NSD
does the same beside them, with two processes that answer and with one.

A flow is a client's address and port; the kernel gives each to one worker's socket. Which flows are
whose is seen from outside: while a worker is halted, its flows are not answered, all others are.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import dns.message

from tests.bench import dnsperf, machine, measure, questions, zonefile
from tests.bench.manifests import host
from tests.bench.peers import Peer, Place, nsd
from tests.bench.subject import (
    OURS,
    Figures,
    Subject,
    dns_keys,
    mesh_of,
    run_globaldns,
    run_peer,
    say,
)

FLOWS = 1_024
"""Half of them from each core."""
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
    """CPU per query in microseconds, queries per second, and each process's share of the CPU."""

    cpu: float
    per_second: float
    lost: int
    shares: dict[int, float]


@dataclass(frozen=True, slots=True)
class Scaled:
    """Two servers with one process that answers, and one with two."""

    name: str
    ones: list[Subject]
    two: Subject

    def costs(self, asked: questions.Questions, seconds: float) -> tuple[Cost, Cost]:
        """Measure the two and the one, right after another."""
        return cost(self.ones, asked, seconds), cost([self.two, self.two], asked, seconds)


def run(folder: Path, size: Size) -> Figures | str:
    """Measure one worker and two; or return why that cannot be."""
    if "workers" not in dns_keys():
        return "the configuration has no dns.workers"
    if len(machine.CORES) < 2:
        return "there is one core only"
    machine.allow_open_files(2 * FLOWS)
    hosts = [host(number) for number in range(size.services)]
    asked = questions.write(folder / "questions", hosts, random_names=1)[0]
    with ExitStack() as stack:
        servers = start(folder, size, hosts[0], stack)
        rounds = []
        for number in range(size.rounds):
            say(f"… round {number + 1} of {size.rounds}")
            rounds.append([server.costs(asked, size.seconds) for server in servers])
        ours = servers[0].two
        shares = rounds[-1][0][1].shares
        workers = [pid for pid, share in shares.items() if share > WORKING]
        split = flows(ours.ports["udp"], hosts[0], workers)
    figures: Figures = {}
    for server, costs in zip(servers, zip(*rounds, strict=True), strict=True):
        figures |= summary(server.name, costs)
    figures["flows"] = float(FLOWS)
    for number, pid in enumerate(workers, 1):
        figures[f"worker_{number}_flows_percent"] = split[pid] / FLOWS * 100
        figures[f"worker_{number}_cpu_percent"] = shares[pid] * 100
    return figures


def start(folder: Path, size: Size, name: str, stack: ExitStack) -> list[Scaled]:
    """Start globaldns, and NSD where it is installed; they run until the stack is closed."""
    cores = machine.CORES[:2]
    ours, meshes = [], []
    for number, workers in enumerate((1, 1, 2)):
        mesh = mesh_of(
            folder / f"{number}", size.services, per_file=PER_FILE, dns={"workers": workers}
        )
        meshes.append(mesh)
        ours.append(stack.enter_context(run_globaldns(mesh, cores=cores))[0])
    started = [Scaled(OURS, ours[:2], ours[2])]
    zone = zonefile.write(folder, zonefile.answered(meshes[0]))
    theirs = []
    for number, servers in enumerate((1, 1, 2)):
        peer = Peer("NSD", "nsd", "-v", nsd(servers))
        program = peer.find(folder)
        if program is None:
            say("left out: NSD: it is not installed")
            return started
        place = Place.make(folder / f"nsd-{number}", zone, None)
        theirs.append(stack.enter_context(run_peer(peer, program, place, host=name, cores=cores)))
    return [*started, Scaled("nsd", theirs[:2], theirs[2])]


def summary(name: str, rounds: Sequence[tuple[Cost, Cost]]) -> Figures:
    """Return the least of all costs, and the medians of what two cost in times of one."""
    return {
        f"{name}_one_cpu_microseconds": min(one.cpu for one, _ in rounds),
        f"{name}_two_cpu_microseconds": min(two.cpu for _, two in rounds),
        f"{name}_cost_ratio": statistics.median(two.cpu / one.cpu for one, two in rounds),
        f"{name}_rate_ratio": statistics.median(
            two.per_second / one.per_second for one, two in rounds
        ),
        f"{name}_lost": float(sum(one.lost + two.lost for one, two in rounds)),
    }


def cost(servers: Sequence[Subject], asked: questions.Questions, seconds: float) -> Cost:
    """Ask two servers, or one twice, from both cores, as fast as answers come."""
    members = {pid for server in servers for pid in measure.process_tree(server.pid)}
    before = {member: measure.cpu_alone(member) for member in members}
    loads = list(product(servers, machine.CORES[:2]))
    share = FLOWS // len(loads)

    def ask(number: int) -> dnsperf.Outcome:
        server, core = loads[number]
        own = replace(asked, file=questions.copy(asked.file, f"load-{number}"))
        port = server.ports["udp"]
        return dnsperf.run(
            port, own, seconds=seconds, clients=share, outstanding=share, cores=[core]
        )

    with ThreadPoolExecutor(len(loads)) as threads:
        outcomes = list(threads.map(ask, range(len(loads))))
    used = {member: measure.cpu_alone(member).since(before[member]).total for member in members}
    total, completed = sum(used.values()), sum(outcome.completed for outcome in outcomes)
    return Cost(
        cpu=total / completed * 1e6,
        per_second=sum(outcome.per_second for outcome in outcomes),
        lost=sum(outcome.lost for outcome in outcomes),
        shares={member: seconds / total for member, seconds in used.items()},
    )


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
