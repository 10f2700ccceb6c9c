"""Load by dnsperf: a closed loop for saturation, or a given rate, with every query's latency.

dnsperf before 2.12 prints no percentiles; ``-v`` prints a line for each query, in every version::

    > NOERROR service-0.team-0.global A 0.000229      answered, after so many seconds
    > T service-1.team-0.global A                     lost
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench import machine
from tests.bench.questions import Questions

CLIENTS = 4
"""Sockets that the queries come from."""
TIMEOUT_SECONDS = 1
"""After which a query is lost; on loopback only what was dropped takes as long."""


class WrongAnswers(Exception):
    """A server answered something else than it must, so that its cost says nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What dnsperf counted; latencies in milliseconds, only where they were asked for."""

    completed: int
    lost: int
    per_second: float
    rcodes: frozenset[str]
    octets: int
    """Mean size of a reply."""
    p50: float = 0.0
    p99: float = 0.0
    slowest: float = 0.0


def run(
    port: int,
    questions: Questions,
    *,
    seconds: float,
    rate: float | None = None,
    denial: str = "NXDOMAIN",
    clients: int = CLIENTS,
    outstanding: int = 100,
    cores: Sequence[int] = (machine.LOAD_CORE,),
) -> Outcome:
    """Ask for some seconds: as fast as answers come, or that many per second with latencies.

    Raises:
        WrongAnswers: response codes other than the questions must get, or none at all.
    """
    options = ["-s", machine.LOOPBACK, "-p", str(port), "-d", str(questions.file)]
    options += ["-m", questions.transport, "-l", f"{seconds:g}", "-t", str(TIMEOUT_SECONDS)]
    options += ["-c", str(clients), "-q", str(outstanding)]
    options += ["-B"] if questions.is_binary else []
    options += ["-v", "-Q", str(max(1, round(rate)))] if rate else []
    said = questions.file.with_suffix(".said")
    with said.open("wb") as output:
        subprocess.run(
            [*machine.pinned(*cores), "dnsperf", *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    outcome = parse(said.read_text(errors="replace"))
    expected = denial if questions.rcode == "NXDOMAIN" else questions.rcode
    if outcome.rcodes != {expected}:
        codes = ", ".join(sorted(outcome.rcodes)) or "nothing"
        raise WrongAnswers(f"answered {codes}, not {expected}")
    return outcome


def parse(text: str) -> Outcome:
    """Return what dnsperf printed as figures."""
    latencies = sorted(map(float, re.findall(r"^> [A-Z]+ .* (\d+\.\d+)$", text, re.MULTILINE)))
    codes = re.search(r"Response codes:(.*)", text)

    def figure(pattern: str) -> float:
        match = re.search(rf"{pattern}\s*([\d.]+)", text)
        return float(match[1]) if match else 0.0

    return Outcome(
        completed=int(figure("Queries completed:")),
        lost=int(figure("Queries lost:")),
        per_second=figure("Queries per second:"),
        rcodes=frozenset(re.findall(r"([A-Z]+) \d+ \(", codes[1] if codes else "")),
        octets=int(figure(r"request \d+, response")),
        p50=percentile(latencies, 50) * 1e3,
        p99=percentile(latencies, 99) * 1e3,
        slowest=percentile(latencies, 100) * 1e3,
    )


def percentile(ordered: list[float], percent: float) -> float:
    """Return the value below which so many of a hundred lie; 0 of nothing."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def version() -> str | None:
    """Return the installed version; None where there is none."""
    found = machine.program("dnsperf")
    return machine.version(found, "-h") if found else None
