"""A name's addresses: kept while they cannot be had, looked up in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.probes.naming import MAX_ADDRESSES, MAX_SECONDS, MIN_SECONDS, Naming

ONE = frozenset({"203.0.113.2", "203.0.113.1"})


@pytest.mark.parametrize(
    ("ttl", "wait"), [(0, 5), (1, 5), (5, 5), (60, 60), (3600, 3600), (2**31 - 1, 3600)]
)
def test_the_ttl_is_followed_within_bounds(ttl, wait):
    assert Naming().answered(ONE, ttl) == Naming(("203.0.113.1", "203.0.113.2"), wait)


def test_failures_keep_the_addresses_and_are_tried_again_less_and_less_often():
    naming = Naming().answered(ONE, 60)
    waits = []
    for _ in range(7):
        naming = naming.failed("no such name")
        waits.append(naming.wait)
    assert waits == [5, 10, 20, 40, 60, 60, 60]
    assert naming.addresses == ("203.0.113.1", "203.0.113.2")
    assert naming.reason == "no such name"
    again = naming.answered(frozenset({"203.0.113.9"}), 60)
    assert again == Naming(("203.0.113.9",), 60)
    assert again.failed("silent").wait == 5


def test_so_many_addresses_are_used():
    many = frozenset(f"203.0.{third}.{last}" for third in (112, 113) for last in range(200))
    assert len(Naming().answered(many, 60).addresses) == MAX_ADDRESSES


STEPS = st.lists(st.one_of(st.integers(0, 2**31 - 1), st.just("failed")), min_size=1, max_size=30)


@given(STEPS)
def test_whatever_happens_it_is_looked_up_again_within_the_bounds(steps):
    naming, last = Naming(), ()
    for step in steps:
        if isinstance(step, str):
            naming = naming.failed(step)
        else:
            naming = naming.answered(ONE, step)
            last = tuple(sorted(ONE))
        assert MIN_SECONDS <= naming.wait <= MAX_SECONDS
        assert naming.addresses == last


def test_addresses_where_no_gateway_can_be_are_left_out_and_told():
    found = ONE | {"0.0.0.0", "240.128.0.7"}
    naming = Naming().answered(found, 60, ["240.128.0.0/10"])
    assert (naming.addresses, naming.wait, naming.reason) == (tuple(sorted(ONE)), 60, "")
    assert naming.left_out == (
        "0.0.0.0 lies in 0.0.0.0/8 (this network)",
        "240.128.0.7 lies in 240.128.0.0/10 (a pool of virtual IPs)",
    )
    assert naming.answered(ONE, 60).left_out == ()


def test_an_answer_of_nothing_else_is_a_failure():
    naming = Naming().answered(ONE, 60).answered(frozenset({"224.0.0.1"}), 60)
    assert naming.addresses == tuple(sorted(ONE))
    assert naming.reason == ("no gateway is there: 224.0.0.1 lies in 224.0.0.0/4 (multicast)")
    assert (naming.wait, naming.failures) == (MIN_SECONDS, 1)
