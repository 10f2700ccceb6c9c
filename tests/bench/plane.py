"""The data plane: CPU per query of every server on every set of questions, side by side.

A machine's speed varies, on shared cores by a factor of two within minutes. So all servers run at
once, idle but for the one that is asked, and every round asks each of them each set, the servers
one right after another: figures of one round compare. Ratios are taken within a round.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import certificate, dnsperf, machine, measure, questions, zonefile
from tests.bench.peers import PEERS, Place
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


@contextmanager
def side_by_side(folder: Path, size: Size) -> Iterator[tuple[list[Subject], dict[str, str], Path]]:
    """Start globaldns, and all peers on what it answers; yields them and who is missing, why."""
    made = certificate.make(folder)
    has_tls = made is not None and "tls" in dns_keys()
    mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
    tls_port = 0
    if made and has_tls:
        tls_port = machine.take_port()
        listen = [f"{machine.LOOPBACK}:{tls_port}"]
        tls = {"listen": listen, "certificate": str(made.chain), "key": str(made.key)}
        mesh.configure(dns={"tls": tls})
    reason = "the configuration has no dns.tls" if made else "openssl is not installed"
    without = {} if tls_port else {"dot": reason}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        ours, _ = stack.enter_context(run_globaldns(mesh, tls_port=tls_port, without=without))
        vips = zonefile.answered(mesh)
        zone = zonefile.write(folder, vips)
        running = [ours]
        for peer in PEERS:
            program = peer.find(folder)
            if program is None:
                missing[peer.name] = f"{peer.program} is not installed"
                continue
            below = folder / peer.name.replace(" ", "-").replace(",", "")
            below.mkdir()
            place = Place(below, machine.take_port(), machine.take_port(), zone, made)
            started = run_peer(peer, program, place, host=next(iter(vips)), certificate=made)
            try:
                subject = stack.enter_context(started)
            except NotAnswering as error:
                missing[peer.name] = str(error)
                continue
            if differs := disagreement(subject, vips):
                missing[peer.name] = differs
            else:
                running.append(subject)
        yield running, missing, zone.hosts


def run(folder: Path, size: Size) -> Plane:
    """Start all servers and measure all rounds."""
    with machine.off_the_server_core(), side_by_side(folder, size) as (servers, missing, hosts):
        for name, reason in missing.items():
            say(f"left out: {name}: {reason}")
        names = [line.split()[1] for line in hosts.read_text().splitlines()]
        sets = questions.write(folder / "questions", names, random_names=size.random_names)
        results: Results = {each.key: {it.name: [] for it in servers} for each in sets}
        for number in range(size.rounds):
            say(f"… round {number + 1} of {size.rounds}")
            for each in sets:
                for server in rotated(servers, number):
                    results[each.key][server.name].append(outcome(server, each, size))
        memory = {server.name: measure.memory_mib(server.pid) for server in servers}
    return Plane(size, sets, servers, results, memory, missing)


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
