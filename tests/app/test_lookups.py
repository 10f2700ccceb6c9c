"""The addresses of gateways' names, asked of a real resolver on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from globaldns.app.lookups import look_up_gateways
from globaldns.app.offline import read_offline
from globaldns.model.export import Gateway
from globaldns.model.reach import Reach
from tests.app.meshes import START, Place
from tests.nameserver import NameServer
from tests.probes.gateways import answer, free_port
from tests.sources.manifests import entry

NAMED = Gateway("network2", "lb.example", 15443, "west")


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def looked_up(place: Place, cluster: str, port: int, *addresses: str) -> dict[Gateway, Reach]:
    gateways = [{"address": one} for one in addresses]
    for one in ("east", "west"):
        place.write(one, entry(one[0]))
    place.configure(
        clusters={
            "east": place.cluster("east", network="network1"),
            "west": place.cluster("west", network="network2", gateways=gateways),
        },
        routing={"probes": {"resolvers": [f"127.0.0.1:{port}"]}},
    )
    return look_up_gateways(read_offline(place.config, START), cluster)


def test_names_are_looked_up_and_addresses_are_what_they_are(
    place: Place, server: NameServer
) -> None:
    records = ("lb.example. 60 A 203.0.113.8", "lb.example. 60 A 203.0.113.7")
    server.over_udp = lambda query: [answer(query, *records)]
    found = looked_up(place, "east", server.port, "lb.example", "203.0.113.20")
    assert found == {NAMED: Reach(("203.0.113.7", "203.0.113.8"))}


def test_a_name_that_has_no_address_has_a_reason(place: Place, server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, rcode="NXDOMAIN")]
    (reach,) = looked_up(place, "east", server.port, "lb.example").values()
    assert reach.addresses == ()
    assert "does not exist" in reach.unresolved
    (reach,) = looked_up(place, "east", free_port(), "lb.example").values()
    assert "does not answer" in reach.unresolved


def test_nobody_is_asked_for_what_is_not_needed(place: Place, server: NameServer) -> None:
    assert looked_up(place, "west", server.port, "lb.example") == {}, "its own gateway"
    assert looked_up(place, "east", server.port, "203.0.113.20") == {}
    assert looked_up(place, "north", server.port, "lb.example") == {}, "no cluster"
    assert server.asked == []


def test_addresses_where_no_gateway_can_be_are_left_out(place: Place, server: NameServer) -> None:
    records = ("lb.example. 60 A 0.0.0.0", "lb.example. 60 A 240.128.0.7")
    server.over_udp = lambda query: [answer(query, *records, "lb.example. 60 A 203.0.113.7")]
    (reach,) = looked_up(place, "east", server.port, "lb.example").values()
    assert reach.addresses == ("203.0.113.7",)
    assert [fault.split()[0] for fault in reach.left_out] == ["0.0.0.0", "240.128.0.7"]
    server.over_udp = lambda query: [answer(query, *records)]
    (reach,) = looked_up(place, "east", server.port, "lb.example").values()
    assert reach.addresses == ()
    assert reach.unresolved.startswith("no gateway is there: 0.0.0.0 lies in 0.0.0.0/8")
