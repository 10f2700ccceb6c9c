"""How globaldns compares with each peer, and what was wanted of it; nothing passes or fails."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.plane import Cost
from tests.bench.subject import OURS

COREDNS = "CoreDNS"
CHEAPEST = "cheapest CoreDNS"
Rounds = Mapping[str, Sequence[Cost | str]]
"""Of one set, by server."""
Read = Callable[[Cost], float]

WANTED: dict[str, dict[str, float]] = {
    "hot": {"NSD": 1.05, "Knot DNS": 1.05, CHEAPEST: 0.55, "CoreDNS file": 0.3},
    "all": {"NSD": 1.2, CHEAPEST: 0.55, "CoreDNS file": 0.3},
    "case": {"NSD": 1.35, CHEAPEST: 0.55, "CoreDNS file": 0.3},
    "none": {"NSD": 1.35, CHEAPEST: 0.55, "CoreDNS file": 0.3},
}
"""The most CPU per query in times of a peer's, by set."""
WANTED_P99 = 1.5
"""The highest p99 at half load, in times of NSD's."""
AGAINST = ("NSD", "Knot DNS", CHEAPEST, "CoreDNS file")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours in times of a peer's: the median of the rounds' ratios, and that of the least of all."""

    median: float
    least: float


def cpu(cost: Cost) -> float:
    """Return CPU per query."""
    return cost.cpu


def p99(cost: Cost) -> float:
    """Return the latency that one of a hundred exceeds at half load."""
    return cost.p99


def ratio(rounds: Rounds, peer: str, read: Read = cpu) -> Ratio | None:
    """Compare within each round; None where one of both has no figure in any round."""
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(values(rounds, OURS, read), values(rounds, peer, read), strict=True)
        if mine and theirs
    ]
    if not pairs:
        return None
    least = min(mine for mine, _ in pairs) / min(theirs for _, theirs in pairs)
    return Ratio(statistics.median(mine / theirs for mine, theirs in pairs), least)


def values(rounds: Rounds, server: str, read: Read) -> list[float]:
    """Return a figure of each round, 0 where there is none."""
    if server == CHEAPEST:
        variants = [values(rounds, name, read) for name in rounds if name.startswith(COREDNS)]
        count = len(rounds[OURS])
        columns = zip(*variants, strict=True) if variants else [()] * count
        return [min(filter(None, column), default=0.0) for column in columns]
    known = rounds.get(server, [""] * len(rounds[OURS]))
    return [read(cost) if isinstance(cost, Cost) else 0.0 for cost in known]
