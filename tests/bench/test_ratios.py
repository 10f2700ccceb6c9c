from __future__ import annotations

import pytest

from tests.bench import ratios
from tests.bench.plane import Cost


def cost(cpu: float) -> Cost:
    return Cost(
        user=cpu / 2,
        system=cpu / 2,
        per_second=1.0,
        busy=1.0,
        lost=0,
        octets=60,
        p50=0.1,
        p99=cpu / 10,
        cpu_at_half=cpu,
        lost_at_half=0,
    )


def rounds(**servers: tuple[float | str, ...]) -> dict[str, list[Cost | str]]:
    return {
        name.replace("_", " "): [each if isinstance(each, str) else cost(each) for each in known]
        for name, known in servers.items()
    }


def test_figures_of_one_round_are_compared_with_each_other() -> None:
    known = rounds(globaldns=(5.0, 10.0, 6.0), NSD=(5.0, 8.0, 4.0))
    assert ratios.ratio(known, "NSD") == ratios.Ratio(median=1.25, least=1.25)


def test_the_cheapest_of_a_round_is_not_always_the_same() -> None:
    known = rounds(globaldns=(5.0, 5.0), CoreDNS_file=(10.0, 40.0), CoreDNS_hosts=(20.0, 20.0))
    assert ratios.ratio(known, ratios.CHEAPEST) == ratios.Ratio(median=0.375, least=0.5)


def test_a_round_without_a_figure_does_not_count() -> None:
    known = rounds(globaldns=(5.0, 5.0), NSD=("answered SERVFAIL, not NOERROR", 4.0))
    assert ratios.ratio(known, "NSD") == ratios.Ratio(median=1.25, least=1.25)


@pytest.mark.parametrize("peer", ["NSD", ratios.CHEAPEST])
def test_who_was_not_there_is_not_compared(peer: str) -> None:
    assert ratios.ratio(rounds(globaldns=(5.0,)), peer) is None
