from __future__ import annotations

from globaldns.istio.endpoints import each_once, write_endpoints, write_external
from globaldns.istio.ports import route_ports
from globaldns.routing.horizon import Rank, Target
from globaldns.routing.topology import Viewer
from tests.istio.sites import TCP
from tests.routing.meshes import HTTP

PORTS = route_ports((HTTP, TCP))
VIEWER = Viewer("c1", frozenset({"n1"}))
SPLITTING = Viewer("c1", frozenset({"n1", "n2"}))
NEAR = Target(Rank.DEMOTED, "10.0.0.1", network="n1", ports=(("http", 8080),), locality="eu/a")
GATEWAY = Target(Rank.DEMOTED, "2.2.2.2", 15443, network="n2")


def test_an_endpoint_says_no_more_than_it_must() -> None:
    plain = Target(Rank.DEMOTED, "10.0.0.2", network="n1", ports=(("http", 80),))
    assert write_endpoints([plain], PORTS, VIEWER) == [{"address": "10.0.0.2"}]
    assert write_endpoints([NEAR], PORTS, VIEWER) == [
        {"address": "10.0.0.1", "ports": {"http": 8080}, "locality": "eu/a"}
    ]


def test_a_gateway_has_every_port_and_a_network_that_nobody_knows() -> None:
    expected = {
        "address": "2.2.2.2",
        "ports": {"http": 15443, "mysql": 15443},
        "network": "globaldns-remote",
    }
    for viewer in (VIEWER, SPLITTING):
        assert write_endpoints([GATEWAY], PORTS, viewer) == [expected]


def test_where_istiod_splits_by_itself_endpoints_have_their_real_network() -> None:
    (written,) = write_endpoints([NEAR], PORTS, SPLITTING)
    assert written["network"] == "n1"


def test_weights_are_small_and_said_only_where_they_differ() -> None:
    one, two, three = (
        Target(Rank.OWN, f"10.0.0.{number}", weight=weight)
        for number, weight in ((1, 6), (2, 6), (3, 12))
    )
    assert ["weight" in each for each in write_endpoints([one, two], PORTS, VIEWER)] == [False] * 2
    found = write_endpoints([one, two, three], PORTS, VIEWER)
    assert [each["weight"] for each in found] == [1, 1, 2]


def test_outside_of_the_mesh_an_endpoint_is_as_it_was_written() -> None:
    target = Target(Rank.OWN, "rates.example", network="n1", labels=(("tier", "a"),), cluster="c1")
    assert write_external([target], PORTS) == [
        {"address": "rates.example", "labels": {"tier": "a"}}
    ]


def test_an_address_stands_once_with_the_nearest_rank() -> None:
    far = Target(Rank.OTHER, "10.0.0.1", network="n1", ports=NEAR.ports)
    near = Target(Rank.OWN, "10.0.0.1", network="n1", ports=NEAR.ports)
    other = Target(Rank.OTHER, "10.0.0.1", ports=(("http", 8081),))
    assert list(each_once([near, far, other])) == [near, other]


def test_an_address_of_two_networks_stands_for_both_and_a_gateway_of_both_once() -> None:
    pods = [Target(Rank.OWN, "10.0.0.1", network=network) for network in ("n1", "n2")]
    assert list(each_once(pods)) == pods
    ways = [Target(Rank.OTHER, "1.1.1.1", 15443, network=network) for network in ("n1", "n2")]
    assert list(each_once(ways)) == ways[:1]
