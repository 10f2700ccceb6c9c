"""Starts, memory, and a change's way to its answer, each measured in a run of its own.

Of several starts the shortest time counts, since all that disturbs them makes them longer, and of
their memory the largest.
"""

from __future__ import annotations

import shutil
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import manifests, measure
from tests.bench.subject import Figures, generated, mesh_of, say
from tests.system.running import Server

FULL, SMALL = 100_000, 2_000
PER_FILE = 334
"""Services in a file: 300 files for 100,000."""
CHANGES = 30
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


def nothing() -> None:
    """Leave everything as it is."""


class Starts:
    """A mesh of generated manifests, and one method for each thing that is measured."""

    def __init__(self, folder: Path, services: int, *, times: int) -> None:
        self.services = services
        self.times = times
        self.mesh = mesh_of(folder / "mesh", services, per_file=PER_FILE, has_example=True)
        self.files = generated(self.mesh)
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
        for _ in range(self.times):
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


def run(folder: Path, services: int, *, times: int) -> Figures:
    """Measure everything about starts and changes."""
    say(f"writing {services:,} services")
    starts = Starts(folder, services, times=times)
    figures: Figures = {"services": float(services), "manifests_mb": starts.megabytes}
    runs: dict[str, Callable[[], Figures]] = {
        "cold start": lambda: starts.start("cold", before=starts.forget),
        "start from the last zone": lambda: starts.start("remembered", before=nothing),
        f"{CHANGES} changed files": starts.change,
    }
    for what, measured in runs.items():
        say(f"… {what}")
        figures |= measured()
    return figures
