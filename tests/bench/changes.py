"""Answers while the registry is busy: latency with a thousand changed services a second.

Files are rewritten with another port in every entry, as a person's tools would do it: 50 entries in
a file, a file each 50 ms. While it must be quiet, the same files are written where nobody reads, so
that what the writing itself costs is in both figures.
"""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench import dnsperf, machine, questions
from tests.bench.manifests import host
from tests.bench.questions import Questions
from tests.bench.subject import Figures, generated, mesh_of, run_globaldns, say
from tests.system.running import Mesh, Server

PER_FILE = 50
EVERY_SECONDS = 0.05
LOAD = 10_000
"""Queries per second, well below what one core can."""
SETTLING_SECONDS = 1.0
"""How long is written before it is measured, so that the pace is steady."""
CHANGED = re.compile(r'^globaldns_source_events_total\{.*type="put"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: names, rounds, and seconds of each half of a round."""

    services: int
    rounds: int
    seconds: float


FULL = Size(services=10_000, rounds=5, seconds=5.0)
SMALL = Size(services=1_000, rounds=1, seconds=1.0)


class Writer:
    """Writes a mesh's files at a steady pace, each time with other ports."""

    def __init__(self, mesh: Mesh, aside: Path) -> None:
        self._mesh = mesh
        self._aside = aside
        files = generated(mesh)
        texts = [file.read_text() for file in files]
        self._files = list(zip(files, texts, strict=True))
        self._turns = count(1)

    @contextmanager
    def writing(self, *, is_read: bool) -> Iterator[None]:
        """Write meanwhile, into the mesh or where nobody reads."""
        with machine.meanwhile(lambda is_over: self._write(is_over, is_read)):
            yield

    def _write(self, is_over: threading.Event, is_read: bool) -> None:  # noqa: FBT001 - a thread's
        due = time.monotonic()
        while not is_over.wait(max(0.0, due - time.monotonic())):
            due += EVERY_SECONDS
            turn = next(self._turns)
            path, text = self._files[turn % len(self._files)]
            port = 1024 + turn % 60_000
            self._mesh.replace(
                path if is_read else self._aside / path.name,
                text.replace("number: 8080", f"number: {port}"),
            )


def changed(server: Server) -> float:
    """Return how many changed services a running globaldns has counted."""
    return sum(map(float, CHANGED.findall(server.get("/metrics")[1])))


def run(folder: Path, size: Size) -> Figures:
    """Measure quiet and busy in turn; of latencies, and of their difference, the median."""
    aside = folder / "aside"
    aside.mkdir()
    mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
    hosts = [host(number) for number in range(size.services)]
    asked = questions.write(folder / "questions", hosts, random_names=1)[1]
    writer = Writer(mesh, aside)
    rounds = []
    with machine.off_the_server_core(), run_globaldns(mesh) as (_, server):
        for number in range(size.rounds):
            say(f"… round {number + 1} of {size.rounds}")
            quiet, _ = half(writer, server, asked, size.seconds, is_read=False)
            busy, rate = half(writer, server, asked, size.seconds, is_read=True)
            rounds.append((quiet, busy, rate))
    return summary(rounds) | {"names": float(size.services), "queries_per_second": float(LOAD)}


def half(
    writer: Writer, server: Server, asked: Questions, seconds: float, *, is_read: bool
) -> tuple[dnsperf.Outcome, float]:
    """Ask at the fixed rate; return what came of it, and the changes per second meanwhile."""
    with writer.writing(is_read=is_read):
        time.sleep(SETTLING_SECONDS)
        before, started = changed(server), time.monotonic()
        outcome = dnsperf.run(server.mesh.dns_port, asked, seconds=seconds, rate=LOAD)
        return outcome, (changed(server) - before) / (time.monotonic() - started)


def summary(rounds: Sequence[tuple[dnsperf.Outcome, dnsperf.Outcome, float]]) -> Figures:
    """Return medians over rounds of quiet, busy and the rate of changes."""
    median, added = statistics.median, [busy.p99 - quiet.p99 for quiet, busy, _ in rounds]
    return {
        "changes_per_second": median(rate for _, _, rate in rounds),
        "quiet_p50_milliseconds": median(quiet.p50 for quiet, _, _ in rounds),
        "busy_p50_milliseconds": median(busy.p50 for _, busy, _ in rounds),
        "quiet_p99_milliseconds": median(quiet.p99 for quiet, _, _ in rounds),
        "busy_p99_milliseconds": median(busy.p99 for _, busy, _ in rounds),
        "added_p99_milliseconds": median(added),
        "least_added_p99_milliseconds": min(added),
        "lost": float(sum(quiet.lost + busy.lost for quiet, busy, _ in rounds)),
    }
