"""Who wins where several objects of one cluster offer the same host."""

from __future__ import annotations

from itertools import permutations

import pytest

from globaldns.objects import key
from tests.exports.builders import EXPORTED, cluster, entry, service

HOST = {"hosts": ["reviews.bookinfo.global"]}


def offer(name: str, **parts):
    return entry(name, spec=HOST, **parts)


SERVICE = service(created=1, **EXPORTED)

ROWS = [
    ([offer("a"), SERVICE], "a", "a ServiceEntry beats a Service"),
    ([offer("b", created=1), offer("a", created=2)], "b", "the older counts"),
    ([offer("b", created=1), offer("a")], "b", "the older counts"),
    ([offer("a"), offer("b")], "a", "of one age: the first by namespace and name counts"),
]


@pytest.mark.parametrize(("offers", "winner", "rule"), ROWS)
def test_the_winner_does_not_depend_on_the_order_and_names_its_rival(offers, winner, rule):
    for order in permutations(offers):
        exports = cluster(order)
        (export,) = exports.view().exports
        assert export.origin.name == winner
        loser = next(one.metadata.name for one in offers if one.metadata.name != winner)
        (rival,) = export.rivals
        assert (rival.origin.name, rival.origin.file) == (loser, f"{loser}.yaml")
        assert rival.rule == rule


def test_the_next_best_takes_over_when_the_winner_goes():
    exports = cluster([offer("a"), offer("b"), SERVICE])
    exports.changes()
    for gone, heir in (("a", "b"), ("b", "reviews")):
        exports.remove(key(offer(gone)))
        (put,) = exports.changes()
        assert put.export.origin.name == heir
    assert put.export.rivals == ()


def test_a_loser_that_changes_changes_nothing():
    exports = cluster([offer("a"), SERVICE])
    exports.changes()
    loser = service(created=2, spec={"ports": [{"port": 1, "name": "x"}]}, **EXPORTED)
    exports.put(loser, "reviews.yaml")
    assert exports.changes() == []


def test_the_winner_is_in_the_zones_of_all():
    two = [
        entry("a", spec={"hosts": ["reviews.bookinfo.global"]}),
        entry("b", spec={"hosts": ["reviews.bookinfo.mesh"]}),
    ]
    (export,) = cluster(two, zones=("global", "mesh")).view().exports
    assert (export.origin.name, set(export.zones)) == ("a", {"global", "mesh"})
    (export,) = cluster([two[0], SERVICE], zones=("global", "mesh")).view().exports
    assert (export.origin.name, export.zones) == ("a", ())
