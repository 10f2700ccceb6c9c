"""Clusters that a ledger knows and the configuration does not."""

from globaldns.model.claim import Marker
from globaldns.model.view import ClaimSet
from tests.ledger.conftest import START, make_claim

WEST, FLAT = (make_claim(cluster=name) for name in ("west", "flat"))


def test_a_cluster_is_dropped_since_it_was_missed_first(place):
    with place.open() as ledger:
        assert ledger.dropped({"east"}, 1) == {}
        ledger.write([make_claim(), WEST, FLAT])
        assert ledger.dropped({"east", "west", "flat"}, 2) == {}
        assert ledger.dropped({"east", "flat"}, 3) == {"west": 3}
    with place.open() as ledger:
        assert ledger.dropped({"east"}, 4) == {"flat": 4, "west": 3}
        assert ledger.dropped({"east", "west"}, 5) == {"flat": 4}
        assert ledger.dropped({"east"}, 6) == {"flat": 4, "west": 6}


def test_a_cluster_of_which_nothing_is_claimed_any_more_is_not_dropped(ledger):
    ledger.write([WEST])
    assert ledger.dropped({"east"}, 1) == {"west": 1}
    ledger.write([WEST.retire(START, "dropped")])
    assert ledger.dropped({"east"}, 2) == {}


def test_a_cluster_whose_own_ledger_is_copied_may_be_dropped_too(ledger):
    copy = ClaimSet(Marker("m", 1), (WEST,))
    ledger.copy("west", ClaimSet(), copy)
    assert ledger.dropped({"east"}, 1) == {"west": 1}
    ledger.copy("west", copy, ClaimSet())
    assert ledger.dropped({"east"}, 2) == {}


def test_where_nothing_is_different_nothing_is_written(ledger):
    ledger.write([WEST])
    ledger.dropped({"east"}, 1)
    before = ledger._connection.total_changes
    assert ledger.dropped({"east"}, 2) == {"west": 1}
    assert ledger._connection.total_changes == before
