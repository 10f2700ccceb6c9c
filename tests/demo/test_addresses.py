"""Networks are apart but for their gateways, and a cut goes both ways."""

from __future__ import annotations

import itertools

import pytest

from globaldns.demo.addresses import (
    addresses_of,
    change_routes,
    join_node,
    prepare_node,
    reaches,
    routes,
    transit,
)
from globaldns.demo.plan import nodes

EAST_WEST = frozenset({frozenset({"east", "west"})})


@pytest.mark.parametrize(
    ("one", "other", "does"),
    [
        ("east", "flat", True),  # of one network
        ("east", "west", False),
        ("east", "west-gw1", True),
        ("west", "west-gw1", True),
        ("west-gw1", "west-gw2", False),
        ("west-gw1", "east-gw1", False),
        ("east", "outside", True),
        ("west", "machine", True),
        ("west-gw1", "machine", False),
        ("machine", "outside", False),
        ("east", "east", False),
    ],
)
def test_who_reaches_whom(one: str, other: str, *, does: bool) -> None:
    assert reaches(one, other) is does
    assert reaches(other, one) is does


def test_a_cut_is_between_two_clusters_and_their_gateways_alone() -> None:
    lost = {
        frozenset(pair)
        for pair in itertools.combinations(nodes(), 2)
        if reaches(*pair) and not reaches(*pair, EAST_WEST)
    }
    expected = {("east", "west-gw1"), ("east", "west-gw2"), ("west", "east-gw1")}
    assert lost == {frozenset(pair) for pair in expected}


def test_the_pods_of_another_network_are_in_no_table() -> None:
    [east] = {one.table for one in routes() if one.node == "flat" and one.table == 101}
    pods = {f"{address}/32" for address in addresses_of("west")}
    assert not any(one.prefix in pods for one in routes() if one.table == east)


def test_what_is_cut_is_deleted_and_comes_back() -> None:
    lines = [*change_routes(routes(), routes(EAST_WEST))]
    assert lines
    assert all(line.startswith("route del ") for line in lines)
    back = [*change_routes(routes(EAST_WEST), routes())]
    assert back == [line.replace("route del", "route add") for line in lines]
    assert [*change_routes(routes(), routes())] == []


def test_a_namespace_is_tied_by_a_pair_and_drops_what_it_does_not_know() -> None:
    lines = [*join_node("west", 7)]
    assert lines[0] == "link add west type veth peer name eth0 netns 7"
    assert "rule add iif west lookup 102" in lines
    assert lines[-1] == "route add blackhole default table 102"


def test_clusters_alone_take_vips_for_their_own() -> None:
    taking = [node for node in nodes() if any("240." in line for line in prepare_node(node))]
    assert taking == ["east", "west", "flat"]
    assert f"addr add {transit('west')}/30 dev eth0" in [*prepare_node("west")]
