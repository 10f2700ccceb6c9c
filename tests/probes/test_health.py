"""Hysteresis: no single probe decides, but the first success of a start."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.reach import GatewayState
from globaldns.probes.health import FALL, RISE, Health, summarise

OK, BAD = "+", "-"


def run(probes: str) -> Health:
    health = Health()
    for now, probe in enumerate(probes, 1):
        health = health.succeeded(now) if probe == OK else health.failed(f"failure {now}", now)
    return health


@pytest.mark.parametrize(
    ("probes", "state", "since"),
    [
        ("", "unknown", 0),
        ("+", "up", 1),
        ("-", "unknown", 0),
        ("--", "unknown", 0),
        ("---", "down", 3),
        ("--+", "up", 3),
        ("+--", "up", 1),
        ("+---", "down", 4),
        ("+--+--", "up", 1),
        ("---+", "down", 3),
        ("---+-+", "down", 3),
        ("---++", "up", 5),
        ("---++--", "up", 5),
        ("-----", "down", 3),
    ],
)
def test_the_state_follows_what_happened_in_a_row(probes, state, since):
    health = run(probes)
    assert (health.state, health.since) == (state, since)


def test_only_who_is_down_has_a_reason_which_is_the_last():
    assert run("--").reason == ""
    assert run("----").reason == "failure 4"
    assert run("---+").reason == "failure 3"
    assert run("---++").reason == ""


def test_every_failure_has_the_next_probe_go_another_way_and_success_stays():
    assert [run(probes).turn for probes in ("", "+", "-", "-+", "-+-", "-+-++")] == [
        *(0, 0, 1, 1, 2, 2)
    ]


@given(st.text(alphabet=OK + BAD, max_size=60))
def test_a_change_takes_its_number_of_equal_results(probes):
    """Whatever came before: the state differs only where so many in a row say so."""
    states = [run(probes[:end]).state for end in range(len(probes) + 1)]
    for end, (before, after) in enumerate(pairwise(states), 1):
        if before is after:
            continue
        wanted = {GatewayState.DOWN: (BAD, FALL), GatewayState.UP: (OK, RISE)}[after]
        least = 1 if before is GatewayState.UNKNOWN and after is GatewayState.UP else wanted[1]
        assert probes[:end].endswith(wanted[0] * least)
    if runs := [(kind, len([*group])) for kind, group in groupby(probes)]:
        kind, length = runs[-1]
        if kind == BAD and length >= FALL:
            assert states[-1] is GatewayState.DOWN
        if kind == OK and length >= RISE:
            assert states[-1] is GatewayState.UP


@pytest.mark.parametrize(
    ("states", "expected", "since"),
    [
        ("", "unknown", 0),
        ("unknown", "unknown", 1),
        ("down down", "down", 2),
        ("down unknown", "unknown", 2),
        ("up down unknown up", "up", 4),
        ("down up down", "up", 2),
    ],
)
def test_a_gateway_is_up_with_one_address_and_down_with_all(states, expected, since):
    addresses = [
        Health(GatewayState(state), when, f"reason {when}")
        for when, state in enumerate(states.split(), 1)
    ]
    reason = f"reason {since}" if since else ""
    assert summarise(addresses) == Health(GatewayState(expected), since, reason)
