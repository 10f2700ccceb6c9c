"""The laws of forgetting: whatever is forgotten, who holds what stays the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.holders import holders, standing_claims
from globaldns.registry.registry import Registry
from globaldns.registry.retention import KEPT_PER_HOST, MAX_AGE_SECONDS, expired
from tests.registry.mesh import claim as made
from tests.registry.mesh import export, ledger, reset, settings, settled

DAY = 86400
QUARANTINE = 7 * DAY
NOW = 1000 * DAY

DAYS = st.integers(1, 1000).map(lambda day: day * DAY)


@st.composite
def any_claim(draw):
    claim = Claim(
        Host(draw(st.sampled_from("abcd")) + ".x"),
        Address(b"\xf0\x80\0" + bytes([draw(st.integers(1, 3))])),
        draw(DAYS),
        draw(st.sampled_from(["east", "west"])),
        draw(st.sampled_from(ClaimKind)),
    )
    until = draw(st.none() | DAYS)
    return claim if until is None else claim.retire(until, "withdrawn")


SETS = st.lists(any_claim(), max_size=40, unique_by=lambda claim: claim.key).map(frozenset)


def prune(claims, *, now=NOW, resting=frozenset()):
    return claims - set(expired(claims, now=now, quarantine=QUARANTINE, resting=resting))


def standing(claims):
    return {
        claim
        for vip in {claim.vip for claim in claims}
        for claim in standing_claims(claim for claim in claims if claim.vip == vip)
    }


@given(SETS)
def test_forgetting_makes_no_claim_void_and_raises_none(claims):
    kept = prune(claims)
    assert standing(kept) == standing(claims) & kept


@given(SETS)
def test_forgetting_changes_no_holder(claims):
    assert holders(prune(claims)) == holders(claims)


@given(SETS)
def test_nothing_is_forgotten_that_stands_or_rests(claims):
    for claim in claims - prune(claims):
        assert claim.retired_at is not None
        assert claim.retired_at < NOW - QUARANTINE


@given(SETS)
def test_what_is_kept_beyond_history_makes_another_claim_void(claims):
    kept = prune(claims)
    for claim in kept:
        if claim.retired_at is None or NOW - claim.retired_at <= MAX_AGE_SECONDS:
            continue
        assert any(
            other.vip == claim.vip
            and other.host != claim.host
            and claim.allocated_at <= other.allocated_at < claim.retired_at
            for other in kept
        )


@given(SETS)
def test_forgetting_twice_forgets_nothing_more(claims):
    assert prune(prune(claims)) == prune(claims)


@given(SETS, st.integers(0, 3))
def test_a_vip_whose_rest_is_held_open_keeps_all_its_claims(claims, last):
    vip = Address(b"\xf0\x80\0" + bytes([last]))
    kept = prune(claims, resting={vip})
    assert {claim for claim in claims if claim.vip == vip} <= kept


def make_history(length, *, until):
    """One host's claims, retired a day after another, the last of them at ``until``."""
    return [
        Claim(
            Host("a.x"),
            Address(b"\xf0\x80\1" + bytes([number])),
            until - (number + 1) * DAY,
            "east",
            ClaimKind.GIVEN,
            until - number * DAY,
            "replaced",
        )
        for number in range(length)
    ]


def test_a_host_keeps_the_last_of_its_history():
    history = make_history(20, until=NOW - QUARANTINE - 1)
    assert prune(frozenset(history)) == set(history[:KEPT_PER_HOST])


def test_the_quarantine_keeps_more_than_the_history():
    history = make_history(7, until=NOW)
    older = make_history(20, until=NOW - QUARANTINE - 1)
    kept = prune(frozenset(history + older))
    assert kept == {*history, *older[:KEPT_PER_HOST]}


@pytest.mark.parametrize(("beyond", "kept"), [(0, 1), (1, 0)])
def test_history_ends_after_a_year(beyond, kept):
    history = frozenset(make_history(1, until=NOW - MAX_AGE_SECONDS - beyond))
    assert len(prune(history)) == kept


def test_a_claim_that_makes_another_void_outlives_its_year_until_the_other_is_forgotten():
    vip = Address(b"\xf0\x80\0\1")
    first = Claim(Host("a.x"), vip, DAY, "east", ClaimKind.GIVEN, 3 * DAY, "withdrawn")
    second = Claim(Host("b.x"), vip, 2 * DAY, "west", ClaimKind.GIVEN)
    assert prune(frozenset([first, second])) == {first, second}
    assert prune(frozenset([first, second.retire(4 * DAY, "collision")])) == set()


def test_a_registry_may_forget_what_it_wrote_and_leaves_other_ledgers_alone():
    ours = made("a.ns", "240.128.0.7", 5, retired_at=50)
    theirs = made("a.ns", "240.128.0.8", 5, "west", retired_at=50)
    registry = Registry(settings(), [ours])
    own = ledger("west", theirs)
    settled(registry, reset("east", export("b.ns")), reset("west", ledger=own))
    assert registry.forgettable(tuple(registry.claims), 60) == ()
    assert registry.forgettable(tuple(registry.claims), 60 + MAX_AGE_SECONDS) == (ours,)
    assert theirs in registry.claims.of_host(Host("a.ns"))
