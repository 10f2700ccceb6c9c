"""Measure globaldns: ``python -m tests.bench [--small] [--only PART]``, from the project's top.

Parts, of which the first two run where none is named:

- ``starts``: starts, memory, a change's way to its answer;
- ``plane``: CPU per query, rate and latency beside other DNS servers on the same zone;
- ``routes``: the routes of a cluster with ten thousand services, twice;
- ``changes``: latency while a thousand services a second change;
- ``scaling``: two workers on two cores;
- ``deaths``: what is lost when processes are killed, or another server takes over, under load;
- ``soak``: ten minutes of everything, and whether memory and descriptors stay;
- ``clusters``: a hundred thousand services of three real clusters; takes many minutes;
- ``million``: starts, memory and hot names with a million of names; takes many minutes.

Progress goes to stderr, tables to stdout, and the same figures to ``tests/bench/results/``. No
figure passes or fails; only what cannot be measured at all, though all it needs is here, makes the
exit code 1. All traffic is on loopback.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import (
    changes,
    clusters,
    deaths,
    dnsperf,
    last_run,
    machine,
    million,
    plane,
    routes,
    scaling,
    soak,
    starts,
    tables,
)
from tests.bench.subject import Figures, NotAnswering, say

PARTS = (
    "starts",
    "plane",
    "routes",
    "changes",
    "scaling",
    "deaths",
    "soak",
    "clusters",
    "million",
)
DEFAULT = ("starts", "plane")
ASKING = ("plane", "changes", "scaling", "deaths", "soak", "million")
"""Parts that need dnsperf."""
STARTS = 3
Kept = tuple[str, dict[str, Any]]
"""What a part prints, and its figures for JSON."""


def part_starts(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure starts."""
    services = arguments.services or (starts.SMALL if arguments.small else starts.FULL)
    times = 1 if arguments.small else STARTS
    return of_figures(starts.run(folder, services, times=times))


def part_plane(folder: Path, arguments: argparse.Namespace, about: last_run.Machine) -> Kept:
    """Measure the data plane, and draw it."""
    measured = plane.run(folder, plane.SMALL if arguments.small else plane.FULL)
    last_run.draw(measured, about, is_small=arguments.small)
    return tables.plane(measured), last_run.plane(measured)


def part_routes(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure routes."""
    services = arguments.services or (routes.SMALL if arguments.small else routes.FULL)
    return of_figures(routes.run(folder, services, times=1 if arguments.small else STARTS))


def part_changes(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure answers while much changes."""
    return of_figures(changes.run(folder, changes.SMALL if arguments.small else changes.FULL))


def part_scaling(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure two workers."""
    found = scaling.run(folder, scaling.SMALL if arguments.small else scaling.FULL)
    return (
        (f"not measured: {found}", {"none": found}) if isinstance(found, str) else of_figures(found)
    )


def part_deaths(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure deaths."""
    size = deaths.SMALL if arguments.small else deaths.FULL
    if arguments.services:
        size = replace(size, services=arguments.services, times=1)
    return of_figures(deaths.run(folder, size))


def part_soak(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure ten minutes of everything."""
    return of_figures(soak.run(folder, soak.SMALL if arguments.small else soak.FULL))


def part_million(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure a million names."""
    return of_figures(million.run(folder, million.SMALL if arguments.small else million.FULL))


def part_clusters(folder: Path, arguments: argparse.Namespace, _: last_run.Machine) -> Kept:
    """Measure three clusters."""
    for name in ("etcd", "kube-apiserver"):
        if machine.program(name) is None:
            found = f"{name} is not installed"
            return f"not measured: {found}", {"none": found}
    size = clusters.SMALL if arguments.small else clusters.FULL
    if arguments.services:
        size = msgspec.structs.replace(size, services=arguments.services)
    return of_figures(clusters.run(folder, size))


def of_figures(figures: Figures) -> Kept:
    """Return named figures as table and for JSON."""
    return tables.figures(figures), figures


MEASURED: dict[str, Callable[[Path, argparse.Namespace, last_run.Machine], Kept]] = {
    "starts": part_starts,
    "plane": part_plane,
    "routes": part_routes,
    "changes": part_changes,
    "scaling": part_scaling,
    "deaths": part_deaths,
    "soak": part_soak,
    "clusters": part_clusters,
    "million": part_million,
}


def parse_arguments() -> argparse.Namespace:
    """Read the command line; ``parts``: what is to be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--small", action="store_true", help="less of everything, within a minute")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--million", action="store_true", help="also the part of that name")
    parser.add_argument(
        "--services",
        type=int,
        help="that many in starts, in routes, and in deaths, of which there is one each",
    )
    arguments = parser.parse_args()
    more = ["million"] if arguments.million and "million" not in (arguments.only or ()) else []
    arguments.parts = [*(arguments.only or DEFAULT), *more]
    return arguments


def main() -> None:
    """Measure each part, print it, and keep its figures."""
    arguments = parse_arguments()
    asking = dnsperf.version()
    about: last_run.Machine = {**machine.describe(), "dnsperf": asking or "not installed"}
    say(", ".join(f"{key} {value}" for key, value in about.items()))
    failed = False
    for part in arguments.parts:
        print(f"\n## {part}\n", flush=True)
        if part in ASKING and asking is None:
            print("not measured: dnsperf is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="globaldns-bench-") as folder:
            try:
                text, figures = MEASURED[part](Path(folder), arguments, about)
            except (NotAnswering, dnsperf.WrongAnswers) as error:
                print(f"not measured: {error}")
                failed = True
                continue
        print(text, flush=True)
        name = f"{part}-{arguments.services}" if arguments.services else part
        last_run.keep(name, figures, about, is_small=arguments.small)
    print("\n" + ", ".join(f"{key} {value}" for key, value in about.items()))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
