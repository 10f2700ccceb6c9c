"""What was measured as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from tests.bench import ratios
from tests.bench.plane import Cost, Plane

NONE = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with its cells aligned, so that it reads well as plain text too."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = (
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def figure(value: float) -> str:
    """Return a number with as many digits as mean something."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def figures(known: dict[str, float]) -> str:
    """Return named figures, a line each."""
    rows = ((name.replace("_", " "), figure(value)) for name, value in known.items())
    return table(("figure", "value"), rows)


def plane(measured: Plane) -> str:
    """Return all tables of the data plane."""
    return "\n\n".join(
        (
            "CPU per query in µs, least of rounds (user + system):\n\n" + _costs(measured),
            "CPU per query in µs at half of saturation, least of rounds:\n\n" + _halves(measured),
            "Queries per second at saturation, most of rounds:\n\n" + _rates(measured),
            "Latency at half of that in ms, p50/p99, median of rounds:\n\n" + _latencies(measured),
            "globaldns in times of a peer, median of rounds (least to least), and the most that "
            "is wanted:\n\n" + _ratios(measured),
            _notes(measured),
        )
    )


def known(measured: Plane, key: str, server: str) -> list[Cost]:
    """Return what the rounds of a set cost a server, without those that have no figure."""
    return [cost for cost in measured.results[key][server] if isinstance(cost, Cost)]


def _by_server(measured: Plane, cell: dict[tuple[str, str], str]) -> str:
    names = [server.name for server in measured.servers]
    rows = (
        [asked.title, *(cell.get((asked.key, name), NONE) for name in names)]
        for asked in measured.sets
    )
    return table(["", *names], rows)


def _costs(measured: Plane) -> str:
    cells = {}
    for asked, server in _pairs(measured):
        if costs := known(measured, asked, server):
            least = min(costs, key=ratios.cpu)
            parts = f"{least.user:.1f} + {least.system:.1f}"
            cells[asked, server] = f"{least.cpu:.1f} ({parts})"
    memory = [f"{measured.memory[server.name]:.0f}" for server in measured.servers]
    names = [server.name for server in measured.servers]
    return f"{_by_server(measured, cells)}\n\n" + table(
        ["", *names], [["memory, MiB", *memory], ["version", *_versions(measured)]]
    )


def _halves(measured: Plane) -> str:
    cells = {}
    for asked, server in _pairs(measured):
        if costs := known(measured, asked, server):
            cells[asked, server] = f"{min(cost.cpu_at_half for cost in costs):.1f}"
    return _by_server(measured, cells)


def _versions(measured: Plane) -> list[str]:
    return [server.version for server in measured.servers]


def _rates(measured: Plane) -> str:
    cells = {}
    for asked, server in _pairs(measured):
        if costs := known(measured, asked, server):
            best = max(costs, key=lambda cost: cost.per_second)
            lost = sum(cost.lost for cost in costs)
            said = f", {lost} lost" if lost else ""
            cells[asked, server] = f"{best.per_second:,.0f} ({best.busy:.0%} of a core{said})"
    return _by_server(measured, cells)


def _latencies(measured: Plane) -> str:
    cells = {}
    for asked, server in _pairs(measured):
        if costs := known(measured, asked, server):
            p50 = statistics.median(cost.p50 for cost in costs)
            p99 = statistics.median(cost.p99 for cost in costs)
            lost = sum(cost.lost_at_half for cost in costs)
            cells[asked, server] = f"{p50:.3f}/{p99:.3f}{f', {lost} lost' if lost else ''}"
    return _by_server(measured, cells)


def _pairs(measured: Plane) -> Iterable[tuple[str, str]]:
    for asked in measured.sets:
        for server in measured.servers:
            yield asked.key, server.name


def _ratios(measured: Plane) -> str:
    rows = []
    for asked in measured.sets:
        rounds, wanted = measured.results[asked.key], ratios.WANTED.get(asked.key, {})
        cells = [_ratio(ratios.ratio(rounds, peer), wanted.get(peer)) for peer in ratios.AGAINST]
        latency = ratios.ratio(rounds, "NSD", ratios.p99)
        cells.append(_ratio(latency, ratios.WANTED_P99 if asked.transport == "udp" else None))
        rows.append([asked.title, *cells])
    return table(["", *ratios.AGAINST, "p99 of NSD"], rows)


def _ratio(found: ratios.Ratio | None, wanted: float | None) -> str:
    if found is None:
        return NONE
    limit = f", wanted ≤ {wanted:g}" if wanted else ""
    return f"{found.median:.2f} ({found.least:.2f}){limit}"


def _notes(measured: Plane) -> str:
    """Say what the tables leave out, and why."""
    notes = [f"- {name} is left out: {reason}" for name, reason in measured.left_out.items()]
    for asked in measured.sets:
        for server in measured.servers:
            reasons = {
                cost for cost in measured.results[asked.key][server.name] if isinstance(cost, str)
            }
            notes += [f"- {server.name}, {asked.title}: {reason}" for reason in sorted(reasons)]
    notes += [
        f"- {server.name} answers names that do not exist with {server.denial}"
        for server in measured.servers
        if server.denial != "NXDOMAIN"
    ]
    return "\n".join(notes)
