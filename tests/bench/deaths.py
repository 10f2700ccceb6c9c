"""Deaths under load: what is lost of 5,000 queries a second, and how long others wait.

A worker or the control process is killed, or another server takes over, in the middle of a load
from the outside, which lasts until whoever follows is ready. Server and load share all cores, so
that a successor's work does not stand in front of the answers; what else the machine does is seen
where nobody dies.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import dnsperf, machine, measure, questions
from tests.bench.dnsperf import Outcome
from tests.bench.manifests import host
from tests.bench.questions import Questions
from tests.bench.subject import Figures, mesh_of, say
from tests.system.family import Family, follow
from tests.system.running import Mesh, Server, wait_until

PER_FILE = 334
RATE = 5_000
KINDS = ("nobody", "worker", "control", "takeover")
CEILING_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: names, deaths of a kind, seconds of load around each."""

    services: int
    times: int
    seconds: float


FULL = Size(services=10_000, times=5, seconds=6.0)
SMALL = Size(services=1_000, times=1, seconds=1.5)


class Stage:
    """A mesh's server, which may be another after each death."""

    def __init__(self, mesh: Mesh, stack: ExitStack) -> None:
        self._mesh = mesh
        self.port = mesh.dns_port
        self._stack = stack
        self.server = stack.enter_context(Server(mesh))
        self.wait()

    def wait(self) -> None:
        """Wait until it is ready and has nothing to do."""
        self.wait_ready()
        measure.seconds_until_idle(self.server.process.pid, ceiling=CEILING_SECONDS)

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        wait_until(self.server.is_ready, "it is ready", seconds=CEILING_SECONDS)

    def worker(self) -> None:
        """Kill the worker."""
        for pid in Family(self.server).workers():
            os.kill(pid, signal.SIGKILL)

    def control(self) -> None:
        """Kill the control process."""
        os.kill(Family(self.server).control(), signal.SIGKILL)

    def takeover(self) -> None:
        """Start another server in place of this one, which ends when that answers."""
        former, self.server = self.server, self._stack.enter_context(follow(self._mesh))
        former.process.wait(CEILING_SECONDS)

    def nobody(self) -> None:
        """Let all live."""


def run(folder: Path, size: Size) -> Figures:
    """Measure what each kind of death costs."""
    mesh = mesh_of(folder / "mesh", size.services, per_file=PER_FILE)
    hosts = [host(number) for number in range(min(size.services, 10_000))]
    asked = questions.write(folder / "questions", hosts, random_names=1)[0]
    figures: Figures = {"names": float(size.services), "queries_per_second": float(RATE)}
    with ExitStack() as stack:
        stage = Stage(mesh, stack)
        for kind in KINDS:
            say(f"… {kind}, {size.times} times")
            outcomes = []
            for _ in range(size.times):
                outcomes.append(during(stage, kind, asked, size.seconds))
                stage.wait()
            figures[f"{kind}_lost_most"] = float(max(outcome.lost for outcome in outcomes))
            figures[f"{kind}_p99_milliseconds"] = max(outcome.p99 for outcome in outcomes)
            figures[f"{kind}_slowest_milliseconds"] = max(one.slowest for one in outcomes)
    return figures


def during(stage: Stage, kind: str, asked: Questions, seconds: float) -> Outcome:
    """Have something happen a third into a load; return what became of the queries."""

    def happen() -> None:
        time.sleep(seconds / 3)
        getattr(stage, kind)()
        stage.wait_ready()

    event = threading.Thread(target=happen)
    event.start()
    outcomes = []
    while event.is_alive() or not outcomes:
        outcomes.append(
            dnsperf.run(stage.port, asked, seconds=seconds, rate=RATE, cores=machine.CORES)
        )
    event.join()
    return worst(outcomes)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return all that was lost, and the worst latencies."""
    return replace(
        outcomes[0],
        lost=sum(outcome.lost for outcome in outcomes),
        p99=max(outcome.p99 for outcome in outcomes),
        slowest=max(outcome.slowest for outcome in outcomes),
    )
