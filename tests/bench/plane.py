"""The data plane: CPU per query of every server on every set of questions, side by side.

A machine's speed varies, on shared cores by a factor of two within minutes. So all servers run at
once, idle but for the one that is asked, and every round asks each of them each set, the servers
one right after another: figures of one round compare. Ratios are taken within a round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench import certificate, dnsperf, machine, measure, questions, zonefile
from tests.bench.peers import PEERS, Peer, Place
from tests.bench.questions import Questions
from tests.bench.subject import (
    NotAnswering,
    Subject,
    disagreement,
    dns_keys,
    mesh_of,
    run_globaldns,
    run_peer,
    say,
)
from tests.system.running import Mesh

PER_FILE = 100


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked, and for how long in each round: at saturation, and at half of it."""

    services: int
    random_names: int
    rounds: int
    seconds: float
    half_seconds: float


FULL = Size(services=10_000, random_names=400_000, rounds=5, seconds=1.5, half_seconds=1.0)
SMALL = Size(services=1_000, random_names=20_000, rounds=1, seconds=0.2, half_seconds=0.2)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one server did with one set in one round; CPU in microseconds per query."""

    user: float
    system: float
    per_second: float
    busy: float
    """Share of the server's core that it used: well below 1, the load was the limit."""
    lost: int
    octets: int
    """Mean size of a reply."""
    p50: float
    """At half of that load, in milliseconds; so is p99."""
    p99: float
    cpu_at_half: float
    """User and system together; where batches are small, a query costs more."""
    lost_at_half: int

    @property
    def cpu(self) -> float:
        """User and system together."""
        return self.user + self.system


Results = dict[str, dict[str, list[Cost | str]]]
"""By set and server: what each round cost, or why it has no figure."""


@dataclass(frozen=True, slots=True)
class Plane:
    """All that was measured."""

    size: Size
    sets: list[Questions]
    servers: list[Subject]
    results: Results
    memory: dict[str, float]
    """MiB at the end, by server."""
    left_out: dict[str, str]
    """Servers that are not there, and why."""


class SideBySide:
    """All servers on one zone, running at once until the stack is closed."""

    def __init__(self, folder: Path, size: Size, stack: ExitStack) -> None:
        self.folder = folder
        self.missing: dict[str, str] = {}
        self._certificate = certificate.make(folder)
        self._stack = stack
        mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
        self.running = [self._start_ours(mesh)]
        self.vips = zonefile.answered(mesh)
        self._zone = zonefile.write(folder, self.vips)
        for peer in PEERS:
            started = self._start(peer)
            if isinstance(started, str):
                say(f"left out: {peer.name}: {started}")
                self.missing[peer.name] = started
            else:
                self.running.append(started)

    def _start_ours(self, mesh: Mesh) -> Subject:
        made, tls_port, without = self._certificate, 0, {}
        if made is None:
            without = {"dot": "openssl is not installed"}
        elif "tls" not in dns_keys():
            without = {"dot": "the configuration has no dns.tls"}
        else:
            tls_port = machine.take_port()
            listen = [f"{machine.LOOPBACK}:{tls_port}"]
            tls = {"listen": listen, "certificate": str(made.chain), "key": str(made.key)}
            mesh.configure(dns={"tls": tls})
        started = run_globaldns(mesh, tls_port=tls_port, without=without)
        return self._stack.enter_context(started)[0]

    def _start(self, peer: Peer) -> Subject | str:
        """Start a peer on what globaldns answers; return it, or why it is left out."""
        program = peer.find(self.folder)
        if program is None:
            return f"{peer.program} is not installed"
        below = self.folder / peer.name.replace(" ", "-").replace(",", "")
        place = Place.make(below, self._zone, self._certificate)
        started = run_peer(peer, program, place, host=next(iter(self.vips)))
        try:
            subject = self._stack.enter_context(started)
        except NotAnswering as error:
            return str(error)
        return disagreement(subject, self.vips) or subject


def run(folder: Path, size: Size) -> Plane:
    """Start all servers and measure all rounds."""
    with machine.off_the_server_core(), ExitStack() as stack:
        servers = SideBySide(folder, size, stack)
        running = servers.running
        hosts = list(servers.vips)
        sets = questions.write(folder / "questions", hosts, random_names=size.random_names)
        results: Results = {each.key: {it.name: [] for it in running} for each in sets}
        for number in range(size.rounds):
            say(f"… round {number + 1} of {size.rounds}")
            for each in sets:
                for server in rotated(running, number):
                    results[each.key][server.name].append(outcome(server, each, size))
        memory = {server.name: measure.memory_mib(server.pid) for server in running}
    return Plane(size, sets, running, results, memory, servers.missing)


def rotated(servers: Sequence[Subject], by: int) -> list[Subject]:
    """Return the servers beginning with another one each round, so that none is always first."""
    at = by % len(servers)
    return [*servers[at:], *servers[:at]]


def outcome(server: Subject, asked: Questions, size: Size) -> Cost | str:
    """Ask a server one set; return what that cost, or why it cannot be said."""
    if asked.transport not in server.ports:
        return server.without.get(asked.transport, "not served")
    try:
        return cost(server, asked, size)
    except dnsperf.WrongAnswers as error:
        say(f"{server.name}, {asked.title}: {error}")
        return str(error)


def cost(server: Subject, asked: Questions, size: Size) -> Cost:
    """Ask as fast as answers come, then at half of that rate for the latencies.

    Raises:
        WrongAnswers: other response codes than the set must get.
    """
    port = server.ports[asked.transport]
    before, started = measure.cpu(server.pid), time.monotonic()
    full = dnsperf.run(port, asked, seconds=size.seconds, denial=server.denial)
    used = measure.cpu(server.pid).since(before)
    elapsed = time.monotonic() - started
    before = measure.cpu(server.pid)
    half = dnsperf.run(
        port,
        asked,
        seconds=size.half_seconds,
        rate=full.per_second / 2,
        denial=server.denial,
    )
    used_at_half = measure.cpu(server.pid).since(before)
    return Cost(
        user=used.user / full.completed * 1e6,
        system=used.system / full.completed * 1e6,
        per_second=full.per_second,
        busy=used.total / elapsed,
        lost=full.lost,
        octets=full.octets,
        p50=half.p50,
        p99=half.p99,
        cpu_at_half=used_at_half.total / half.completed * 1e6,
        lost_at_half=half.lost,
    )
