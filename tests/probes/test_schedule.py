"""Spread without a memory: once a slot, at places that differ."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.export import Gateway
from globaldns.probes.schedule import JITTER, next_due, seed_of

SEEDS = st.binary(min_size=8, max_size=8)
INTERVALS = st.floats(1, 3600)


def times(seed: bytes, interval: float, count: int, after: float = 0.0) -> list[float]:
    found = []
    for _ in range(count):
        after = next_due(seed, interval, after)
        found.append(after)
    return found


@given(SEEDS, INTERVALS, st.floats(0, 1e6))
def test_two_in_a_row_are_nearly_an_interval_apart(seed, interval, after):
    found = times(seed, interval, 6, after)
    gaps = [later - former for former, later in pairwise(found)]
    slack = 1e-6 * interval + 1e-9 * after
    assert all((1 - JITTER) * interval - slack <= gap for gap in gaps)
    assert all(gap <= (1 + JITTER) * interval + slack for gap in gaps)


@given(SEEDS, INTERVALS, st.floats(0, 1e6))
def test_the_next_is_later_and_not_later_than_two_intervals(seed, interval, after):
    due = next_due(seed, interval, after)
    assert after < due <= after + 2 * interval


@given(SEEDS, INTERVALS, st.floats(0, 1e6), st.floats(0, 1))
def test_asking_earlier_finds_the_same(seed, interval, after, share):
    due = next_due(seed, interval, after)
    assert next_due(seed, interval, after + share * (due - after) * 0.999) == due


def test_gateways_and_replicas_are_spread_over_the_interval():
    gateways = [Gateway("n2", f"203.0.113.{place}", 15443, "west") for place in range(250)]
    for seeds in (
        [seed_of(gateway, "east/pod-1") for gateway in gateways],
        [seed_of(gateways[0], f"east/pod-{place}") for place in range(250)],
    ):
        assert len({*seeds}) == len(seeds)
        tenths = [int(next_due(seed, 10.0, 0.0)) for seed in seeds]
        assert all(5 <= tenths.count(tenth) <= 45 for tenth in range(10))


def test_nothing_falls_into_step_with_the_interval():
    seed = seed_of(Gateway("n2", "203.0.113.1", 15443, "west"), "east/pod-1")
    places = {round(due % 5.0, 6) for due in times(seed, 5.0, 50)}
    assert len(places) > 45
