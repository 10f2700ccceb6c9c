from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.host import Host
from globaldns.model.view import (
    ClaimSet,
    Freshness,
    Put,
    Remove,
    Reset,
    SetFences,
    SetFreshness,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SourceState,
    View,
    missing,
)
from tests.model.values import export
from tests.registry.mesh import NO_LEDGER, claim, ledger


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (SourceState.WAITING, False),
        (SourceState.REMEMBERED, True),
        (SourceState.SYNCED, True),
        (SourceState.SILENT, True),
    ],
)
def test_a_view_is_known_unless_nothing_was_ever_read(state, expected):
    assert Freshness("west", state).is_known is expected


@pytest.mark.parametrize(
    ("state", "zones", "expected"),
    [
        (SourceState.SYNCED, ("mesh", "global"), True),
        (SourceState.REMEMBERED, ("global",), False),
        (SourceState.SYNCED, (), False),
        (SourceState.WAITING, ("global", "mesh"), False),
    ],
)
def test_names_are_known_in_the_zones_with_which_all_was_read(state, zones, expected):
    freshness = Freshness("west", state, zones=zones)
    assert freshness.is_known_in(("global", "mesh")) is expected


@pytest.mark.parametrize(
    "change",
    [
        Reset(View("west")),
        Put(export("west")),
        Remove("west", Host("a.b")),
        SetGateways("west", ()),
        SetNetwork("west", "n1"),
        SetLedger("west", ClaimSet()),
        SetPolicies("west", ()),
        SetFences("west", ()),
        SetFreshness(Freshness("west", SourceState.SYNCED)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_every_change_names_its_cluster(change):
    assert change.cluster == "west"


ONE, TWO, ENDED = (
    claim("a.ns", "240.128.0.1", 1, "west"),
    claim("b.ns", "240.128.0.2", 2, "west"),
    claim("c.ns", "240.128.0.3", 3, "west", retired_at=9),
)
OTHER_ONE = claim("a.ns", "240.128.0.9", 4, "west")


@pytest.mark.parametrize(
    ("old", "new", "former"),
    [
        (NO_LEDGER, ledger("west", ONE), ()),
        (ledger("west", ONE), NO_LEDGER, ()),
        (ledger("west", ONE, TWO), ledger("west", ONE), (TWO,)),
        (ledger("west", ONE, ENDED), ledger("west", ONE), ()),
        (ledger("west", TWO, ONE, ENDED), ledger("west", marker="new"), (ONE, TWO)),
        (ledger("west", ONE, TWO), ledger("west", OTHER_ONE, marker="new"), (TWO,)),
    ],
    ids=["first", "gone", "an older one", "forgotten", "lost", "says another number"],
)
def test_what_a_lost_ledger_said_stands_until_the_next_says_anything_of_the_host(old, new, former):
    assert new.following(old) == ClaimSet(new.marker, new.claims, former)


def test_a_ledger_follows_one_that_followed_a_lost_one():
    lost = ledger("west", ONE, TWO)
    second = ledger("west", marker="second").following(lost)
    assert ledger("west", OTHER_ONE, marker="second").following(second).former == (TWO,)
    assert ledger("west", OTHER_ONE, marker="third").following(second).former == (TWO,)
    assert second.following(second) == second


def test_a_view_follows_with_its_ledger():
    view = View("west", ledger=ledger("west", marker="new"))
    assert view.following(ledger("west", ONE)).ledger.former == (ONE,)


def test_a_ledger_of_which_a_part_is_refused_lacks_nothing_that_it_said_before():
    old = ledger("west", ONE, TWO, ENDED)
    partial = ClaimSet(old.marker, (TWO.retire(20, "withdrawn"),), is_partial=True)
    followed = partial.following(old)
    assert set(followed.claims) == {ONE, TWO.retire(20, "withdrawn"), ENDED}
    assert followed.following(followed) == followed
    assert ClaimSet(old.marker, (ONE,)).following(followed) == ClaimSet(old.marker, (ONE,))


LEDGER = tuple(
    claim(f"h{number}.ns", f"240.128.{number >> 8}.{number & 255}", 1) for number in range(2000)
)


@given(
    st.sets(st.integers(0, 1999), max_size=40),
    st.sets(st.integers(0, 1999), max_size=40),
    st.integers(0, 1999),
    st.booleans(),
)
def test_what_a_ledger_lacks_is_found_wherever_it_stood(
    dropped: set[int],
    added: set[int],
    cut: int,
    is_repeated: bool,  # noqa: FBT001
) -> None:
    before = tuple(one for number, one in enumerate(LEDGER) if number not in added)
    now = tuple(one for number, one in enumerate(LEDGER) if number not in dropped)
    now = (*now[cut:], *now[:cut])
    if is_repeated:
        before = (*before, *before[:600])
    assert {*missing(before, now)} == {*before} - {*now}
    assert {*missing(now, before)} == {*now} - {*before}
    assert missing(before, before) == []
