"""The last run of each part, kept as JSON and as a picture beside the machine it ran on."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from tests.bench import picture, ratios, tables
from tests.bench.plane import Cost, Plane
from tests.bench.subject import OURS

FOLDER = Path(__file__).parent / "results"
SMALL = "-small"
"""Ends the names of what a small run leaves; such files are not kept."""
Machine = dict[str, str | int]


def keep(part: str, known: dict[str, Any], machine: Machine, *, is_small: bool) -> Path:
    """Write a part's figures, with the machine's."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{part}{SMALL if is_small else ''}.json"
    text = json.dumps({"machine": machine, **_rounded(known)}, indent=1)
    path.write_text(f"{text}\n")
    return path


def draw(measured: Plane, machine: Machine, *, is_small: bool) -> Path:
    """Draw the data plane's costs, least of rounds."""
    groups = {}
    for asked in measured.sets:
        costs = {
            server.name: tables.known(measured, asked.key, server.name)
            for server in measured.servers
        }
        groups[asked.title] = [
            picture.Bar(name, least.user, least.system, name == OURS)
            for name, least in (
                (name, min(known, key=ratios.cpu)) for name, known in costs.items() if known
            )
        ]
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"plane{SMALL if is_small else ''}.svg"
    footer = ", ".join(f"{key} {value}" for key, value in machine.items() if key != "globaldns")
    path.write_text(picture.draw("CPU per query on one core, µs", footer, groups))
    return path


def plane(measured: Plane) -> dict[str, Any]:
    """Return the data plane's figures: of each set and server a list with a value a round."""
    return {
        "servers": {server.name: server.version for server in measured.servers},
        "left_out": measured.left_out,
        "names": measured.size.services,
        "rounds": measured.size.rounds,
        "seconds_at_saturation": measured.size.seconds,
        "seconds_at_half": measured.size.half_seconds,
        "memory_mib": measured.memory,
        "sets": {
            asked.key: {
                name: _columns(costs) for name, costs in measured.results[asked.key].items()
            }
            for asked in measured.sets
        },
        "ratios": {asked.key: _ratios(measured, asked.key) for asked in measured.sets},
    }


def _columns(costs: list[Cost | str]) -> dict[str, Any]:
    known = [cost for cost in costs if isinstance(cost, Cost)]
    reasons = sorted({cost for cost in costs if isinstance(cost, str)})
    if not known:
        return {"none": reasons}
    return {
        "user_us": _line(cost.user for cost in known),
        "system_us": _line(cost.system for cost in known),
        "per_second": _line(cost.per_second for cost in known),
        "busy": _line(cost.busy for cost in known),
        "cpu_us_at_half": _line(cost.cpu_at_half for cost in known),
        "p50_ms": _line(cost.p50 for cost in known),
        "p99_ms": _line(cost.p99 for cost in known),
        "lost": sum(cost.lost for cost in known),
        "lost_at_half": sum(cost.lost_at_half for cost in known),
        "reply_octets": statistics.median(cost.octets for cost in known),
        **({"none": reasons} if reasons else {}),
    }


def _line(values: Any) -> str:
    """Return one value a round, in one line so that the file stays short."""
    return " ".join(f"{value:.4g}" for value in values)


def _ratios(measured: Plane, key: str) -> dict[str, Any]:
    found = {peer: ratios.ratio(measured.results[key], peer) for peer in ratios.AGAINST}
    found["p99 of NSD"] = ratios.ratio(measured.results[key], "NSD", ratios.p99)
    wanted = {**ratios.WANTED.get(key, {})}
    return {
        name: {"median": each.median, "least": each.least}
        | ({"wanted": wanted[name]} if name in wanted else {})
        for name, each in found.items()
        if each
    }


def _rounded(value: Any) -> Any:
    """Return figures with four digits that mean something."""
    if isinstance(value, dict):
        return {key: _rounded(below) for key, below in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
