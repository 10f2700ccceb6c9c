"""What a ledger keeps of other clusters' ledgers."""

import pytest

from globaldns.errors import LedgerDamaged
from globaldns.model.claim import Marker
from globaldns.model.view import ClaimSet
from tests.ledger.conftest import START, make_claim

ONE = make_claim("a.ns", "240.128.0.1", cluster="west")
TWO = make_claim("b.ns", "240.128.0.2", cluster="west")
ENDED = TWO.retire(START, "withdrawn")
FIRST, SECOND = Marker("first", START), Marker("second", START + 1)
NOTHING = ClaimSet()


def test_a_ledger_without_copies_has_none(ledger):
    assert ledger.copies() == {}


@pytest.mark.parametrize(
    "chain",
    [
        [ClaimSet(FIRST, (ONE, TWO))],
        [ClaimSet(FIRST, (ONE, TWO)), ClaimSet(FIRST, (ONE, ENDED))],
        [ClaimSet(FIRST, (ONE, ENDED)), ClaimSet(FIRST, (ONE, TWO))],
        [ClaimSet(FIRST, (ONE, TWO)), ClaimSet(FIRST, (ONE,))],
        [ClaimSet(FIRST, (ONE, TWO)), ClaimSet(SECOND, (TWO,), (ONE,))],
        [ClaimSet(SECOND, (TWO,), (ONE,)), ClaimSet(SECOND, (ONE, TWO))],
        [ClaimSet(FIRST), ClaimSet(FIRST, (ONE,))],
    ],
    ids=["new", "retired", "taken back", "dropped", "lost", "said again", "begun"],
)
def test_a_copy_is_what_its_cluster_said_last(place, chain):
    with place.open() as ledger:
        for old, new in zip([NOTHING, *chain], chain, strict=False):
            ledger.copy("west", old, new)
    with place.open() as ledger:
        assert ledger.copies() == {"west": chain[-1]}
        assert ledger.claims() == ()
    assert place.read().copies() == {"west": chain[-1]}


def test_clusters_are_copied_apart_and_one_that_keeps_no_ledger_has_no_copy(ledger):
    west = ClaimSet(FIRST, (ONE,))
    flat = ClaimSet(SECOND, (make_claim("a.ns", "240.128.0.1", cluster="flat"),))
    ledger.copy("west", NOTHING, west)
    ledger.copy("flat", NOTHING, flat)
    assert ledger.copies() == {"west": west, "flat": flat}
    ledger.copy("west", west, NOTHING)
    assert ledger.copies() == {"flat": flat}
    ledger.copy("west", NOTHING, ClaimSet(SECOND))
    assert ledger.copies() == {"west": ClaimSet(SECOND), "flat": flat}


def test_a_copied_row_that_is_no_claim_is_damage(ledger):
    ledger.copy("west", NOTHING, ClaimSet(FIRST, (ONE,)))
    ledger._connection.execute("PRAGMA ignore_check_constraints=1")
    ledger._connection.execute("UPDATE copies SET vip = x'0102'")
    with pytest.raises(LedgerDamaged, match="a row is no claim"):
        ledger.copies()


def test_what_a_copy_says_is_among_our_claims_no_more(place):
    """We made one for that cluster before, and knew another's end that was taken back."""
    kept = make_claim("c.ns", "240.128.0.3", cluster="west")
    with place.open() as ledger:
        ledger.write([ONE, ENDED, kept])
        ledger.copy("west", NOTHING, ClaimSet(FIRST, (ONE,), (TWO,)))
        assert ledger.claims() == (kept,)
        ledger.write([ENDED])
        ledger.copy("west", ClaimSet(FIRST, (ONE,), (TWO,)), ClaimSet(FIRST, (ONE, TWO)))
        assert ledger.claims() == (kept,)
        ledger.copy("west", ClaimSet(FIRST, (ONE, TWO)), NOTHING)
        ledger.write([ONE, TWO])
        assert ledger.claims() == (ONE, TWO, kept)
