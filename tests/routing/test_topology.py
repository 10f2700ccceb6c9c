from __future__ import annotations

import pytest

from globaldns.model.export import Gateway
from globaldns.routing.topology import Topology, Viewer
from tests.routing.meshes import GATEWAYS, TOPOLOGY


def test_a_clusters_own_gateways_come_before_those_of_its_network() -> None:
    assert TOPOLOGY.ways_to("n2", "c2b") == (("2.2.2.20", 15443), ("2.2.2.21", 15443))
    assert TOPOLOGY.ways_to("n1", "c1b") == (("1.1.1.1", 15443),)
    assert TOPOLOGY.ways_to("n4", "c4") == ()


def test_every_number_of_ways_divides_the_unit() -> None:
    assert TOPOLOGY.unit == 6
    assert Topology.of(()).unit == 1


def test_a_gateway_that_is_said_twice_is_one() -> None:
    assert Topology.of((*GATEWAYS, *GATEWAYS)) == Topology.of(GATEWAYS)


def test_two_ports_of_one_address_are_two_ways() -> None:
    twice = (Gateway("n1", "1.1.1.1", 15443, "c1"), Gateway("n1", "1.1.1.1", 30443, "c1"))
    assert Topology.of(twice).ways["n1"] == (("1.1.1.1", 15443), ("1.1.1.1", 30443))


@pytest.mark.parametrize(
    ("networks", "reached", "splits"),
    [
        ((), ("n1", "n2", ""), False),
        (("",), ("n1", "n2", ""), False),
        (("n1",), ("n1", ""), False),
        (("n1", "n2"), ("n1", "n2", ""), True),
    ],
)
def test_what_is_not_known_to_be_elsewhere_is_in_reach(
    networks: tuple[str, ...], reached: tuple[str, ...], *, splits: bool
) -> None:
    viewer = Viewer("c1", frozenset(networks))
    assert tuple(name for name in ("n1", "n2", "") if viewer.reaches(name)) == reached
    assert viewer.splits_by_itself is splits


def test_a_network_whose_gateways_have_names_alone_keeps_the_ways_that_it_had() -> None:
    former = Topology.of(GATEWAYS)
    nameless = [one for one in GATEWAYS if one.network != "n2"]
    networks = {one.network for one in GATEWAYS}
    named = Topology.of(nameless, networks=networks)
    assert named.ways_to("n2", "c2b") == ()
    assert named.entered - named.ways.keys() == {"n2"}
    kept = named.keep_ways(former)
    assert (kept, kept.unit) == (former, former.unit)
    assert Topology.of(nameless).keep_ways(former) == Topology.of(nameless)
    assert named.keep_ways(named) == named
