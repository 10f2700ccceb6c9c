from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.address import is_address
from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach, are_looked_up, reach_of, usable

A, B = (Gateway("n2", f"203.0.113.{place}", 15443, "west") for place in (1, 2))
NAMED = Gateway("n2", "gw.example", 15443, "west")
UP, DOWN, UNKNOWN = (
    Reach(("203.0.113.1",), state)
    for state in (GatewayState.UP, GatewayState.DOWN, GatewayState.UNKNOWN)
)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, (A, B)),
        ({A: UP, B: UP}, (A, B)),
        ({A: UP, B: DOWN}, (A,)),
        ({A: DOWN, B: UNKNOWN}, (B,)),
        ({A: DOWN}, (B,)),
        ({A: DOWN, B: DOWN}, (A, B)),
    ],
)
def test_a_dead_gateways_weight_goes_to_the_living_unless_all_are_dead(known, expected):
    assert usable((A, B), known) == expected


def test_a_gateway_whose_name_has_no_address_yet_is_passed_over():
    assert usable((A, NAMED), {NAMED: Reach()}) == (A,)
    assert usable((A, NAMED), {}) == (A,)
    assert usable((A, NAMED), {A: DOWN, NAMED: Reach(("203.0.113.9",))}) == (NAMED,)


def test_who_is_not_watched_is_reached_at_its_own_address():
    assert reach_of(A, {}) == Reach(("203.0.113.1",))
    assert reach_of(NAMED, {}) == Reach()
    assert reach_of(A, {A: DOWN}) is DOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [("203.0.113.1", True), ("2001:db8::1", True), ("gw.example", False), ("fe80::1%eth0", False)],
)
def test_an_address_is_told_from_a_name(text, expected):
    assert is_address(text) is expected


GATEWAYS = st.lists(st.sampled_from((A, B, NAMED)), unique=True)
KNOWN = st.dictionaries(st.sampled_from((A, B, NAMED)), st.sampled_from((UP, DOWN, UNKNOWN)))


@given(GATEWAYS, KNOWN)
def test_no_group_is_ever_left_without_a_gateway(group, known):
    found = usable(group, known)
    assert bool(found) is bool(group)
    assert [one for one in group if one in found] == list(found)


def test_who_may_be_cut_off_keeps_those_that_answered_last():
    addresses = ("203.0.113.1", "203.0.113.2")
    down = dict.fromkeys(addresses, "timeout")
    doubted = Reach(addresses, GatewayState.DOWN, down=down, doubted=frozenset(addresses))
    assert usable((A, B), {A: doubted, B: UP}) == (A, B)
    assert (doubted.living, doubted.is_usable) == (addresses, True)
    half = Reach(addresses, GatewayState.DOWN, down=down, doubted=frozenset(addresses[1:]))
    assert (half.living, half.is_usable) == (addresses[1:], True)
    dead = Reach(addresses, GatewayState.DOWN, down=down)
    assert (dead.living, dead.is_usable) == (addresses, False)


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach(), False),
        (Reach(("203.0.113.9",), awaited=True), False),
        (Reach(("203.0.113.9",), unresolved="NXDOMAIN"), True),
        (Reach(unresolved="NXDOMAIN"), True),
        (UP, True),
    ],
)
def test_a_name_is_looked_up_once_there_was_an_answer_or_a_failure(reach, expected):
    assert are_looked_up({A: UP, NAMED: reach}) is expected
    assert are_looked_up({})
