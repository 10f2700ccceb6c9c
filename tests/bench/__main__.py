"""Measure globaldns: ``python -m tests.bench [--small] [--services N]``, from the project's top.

Every line is measured in a run of its own; of starts the shortest of several counts, since all that
disturbs them makes them longer, and of their memory the largest. Progress goes to stderr, the table
to stdout, and the same figures to ``tests/bench/results/``. Nothing passes or fails here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import manifests, measure
from tests.system.running import Mesh, Server

FULL, SMALL = 100_000, 2_000
PER_FILE = 334
"""Services in a file: 300 files for 100,000."""
CHANGES = 30
STARTS = 3
STARTED = (
    "first_answer_seconds",
    "every_name_seconds",
    "ready_seconds",
    "first_answer_to_yaml_alone",
    "peak_mib",
    "mib",
)
"""What is measured of a start; machines differ, so the first answer also in times of what reading
the same files with yaml-rs takes, and nothing else, just before."""
SETTLING_SECONDS = 5.0
"""After which memory is looked at: the first backup is written by then."""
HOT = 1_000
RESULTS = Path(__file__).parent / "results"
Figures = dict[str, float]


def nothing() -> None:
    """Leave everything as it is."""


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """A mesh of generated manifests, and one method for each thing that is measured."""

    def __init__(self, folder: Path, services: int) -> None:
        self.folder = folder
        self.services = services
        self.mesh = Mesh(folder / "mesh", vips={"pools": ["240.128.0.0/10"]}, grace="60s")
        directories = {name: self.mesh.cluster(name) for name in manifests.CLUSTERS}
        count = max(len(directories), -(-services // PER_FILE))
        self.files = manifests.write(directories, services=services, files=count)
        self.megabytes = sum(file.stat().st_size for file in self.files) / 1e6

    @property
    def first(self) -> str:
        """The service that is numbered first."""
        return "details.bookinfo.global"

    @property
    def last(self) -> str:
        """The service that is numbered last."""
        return max(map(manifests.host, range(self.services)), key=lambda host: host.split("."))

    @contextmanager
    def serving(self) -> Iterator[tuple[Server, measure.Probe, float]]:
        """Run a server; yields it, a probe, and when it was started."""
        started = time.monotonic()
        with Server(self.mesh) as server:
            probe = measure.Probe(self.mesh.dns_port)
            try:
                yield server, probe, started
            finally:
                probe.close()
                server.signal(signal.SIGTERM)
                server.wait_exit()

    def start(self, kind: str, *, before: Callable[[], None]) -> Figures:
        """Start to the first answer, to every name's and to ready, with the memory it took."""
        runs = []
        for _ in range(STARTS):
            before()
            alone = measure.reading_seconds(self.files)
            with self.serving() as (server, probe, started):
                pid = server.process.pid
                with measure.PeakMemory(pid) as peak:
                    first = probe.seconds_until(self.first, started)
                    every = probe.seconds_until(self.last, started)
                    server.wait_ready()
                    ready = time.monotonic() - started
                    time.sleep(SETTLING_SECONDS)
                memory = (peak.mib, measure.memory_mib(pid))
                runs.append((first, every, ready, first / alone, *memory))
        columns = zip(STARTED, zip(*runs, strict=True), strict=True)
        return {
            f"{kind}_{name}": max(column) if name.endswith("mib") else min(column)
            for name, column in columns
        }

    def forget(self) -> None:
        """Have the next start be the first."""
        shutil.rmtree(self.mesh.state, ignore_errors=True)

    def change(self) -> Figures:
        """One more service in one file of all, to its answer."""
        seconds = []
        with self.serving() as (server, probe, _):
            server.wait_ready()
            for index in range(CHANGES):
                number = self.services + index
                file = self.files[index % len(self.files)]
                text = f"{file.read_text()}---\n{manifests.entry(number)}"
                changed = time.monotonic()
                self.mesh.replace(file, text)
                seconds.append(probe.seconds_until(manifests.host(number), changed))
        return {
            "change_p50_milliseconds": statistics.median(seconds) * 1e3,
            "change_slowest_milliseconds": max(seconds) * 1e3,
        }

    def load(self, kind: str, count: int) -> Figures:
        """Queries for that many names, as fast as they are answered."""
        program = shutil.which("dnsperf")
        if program is None:
            say("skipped: dnsperf is not installed")
            return {}
        step = max(1, self.services // count)
        hosts = [manifests.host(number) for number in range(0, self.services, step)]
        with self.serving() as (server, _, _):
            server.wait_ready()
            pid = server.process.pid
            figures = measure.dnsperf(
                *(program, self.mesh.dns_port, hosts, self.folder),
                lambda: measure.cpu_seconds(pid),
            )
        return {f"{kind}_{name}": value for name, value in figures.items()}

    def run(self) -> Figures:
        """Measure everything."""
        figures: Figures = {"services": float(self.services), "manifests_mb": self.megabytes}
        runs: dict[str, Callable[[], Figures]] = {
            "cold start": lambda: self.start("cold", before=self.forget),
            "start from the last zone": lambda: self.start("remembered", before=nothing),
            f"{CHANGES} changed files": self.change,
            f"load on {HOT} names": lambda: self.load("hot", HOT),
            "load on every name": lambda: self.load("all", self.services),
        }
        for what, measured in runs.items():
            say(f"… {what}")
            figures |= measured()
        return figures


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--small", action="store_true", help=f"{SMALL:,} services, not {FULL:,}")
    parser.add_argument("--services", type=int, help="that many services")
    arguments = parser.parse_args()
    services = arguments.services or (SMALL if arguments.small else FULL)
    with tempfile.TemporaryDirectory(prefix="globaldns-bench-") as folder:
        say(f"writing {services:,} services")
        figures = Bench(Path(folder), services).run()
    print("| figure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name.replace('_', ' ')} | {value:,.{0 if value >= 1000 else 2}f} |")
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
    result = json.dumps({**machine, **figures}, indent=2)
    (RESULTS / f"{services}.json").write_text(f"{result}\n")


if __name__ == "__main__":
    main()
