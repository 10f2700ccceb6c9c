"""Which gateways are watched, and by which services they are probed."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.model.export import Endpoint, Export, ExportKind, Gateway, Origin, Port, Transport
from globaldns.model.host import Host
from globaldns.probes.choice import (
    MAX_GATEWAYS,
    MAX_SERVER_NAMES,
    has_name,
    server_names,
    watched,
)

EAST = Gateway("network1", "203.0.113.10", 15443, "east")
FLAT = Gateway("network1", "203.0.113.11", 15443, "flat")
WEST = Gateway("network2", "203.0.113.20", 15443, "west")
KNOWN = {"east": (EAST,), "flat": (FLAT,), "west": (WEST,)}


def reaching(*networks):
    return lambda network: network in networks


@pytest.mark.parametrize(
    ("networks", "expected"),
    [(["network1"], {WEST}), (["network2"], {EAST, FLAT}), (["network1", "network2"], set())],
)
def test_the_gateways_of_networks_that_are_reached_directly_are_not_watched(networks, expected):
    assert watched(KNOWN, reaching(*networks)) == expected


def test_of_one_cluster_so_many_are_watched_and_the_others_lose_nothing():
    many = tuple(Gateway("network2", f"203.0.113.{last}", 15443, "west") for last in range(200))
    found = watched({"flat": (FLAT,), "west": many}, reaching())
    assert len(found) == MAX_GATEWAYS + 1
    assert FLAT in found
    assert found == watched({"west": many[::-1], "flat": (FLAT,)}, reaching())


def test_a_name_has_to_be_looked_up():
    assert has_name(Gateway("network2", "gw.example", 15443, "west"))
    assert not has_name(WEST)


SIDECAR = (("security.istio.io/tlsMode", "istio"),)
READY = Endpoint("10.0.0.1", network="network2", labels=SIDECAR)


def export(host="reviews.bookinfo", **parts):
    made = Export(
        cluster="west",
        host=Host(host),
        kind=ExportKind.SERVICE,
        origin=Origin("Service", "bookinfo", "reviews"),
        ports=(Port(9080, "http", "HTTP"),),
        endpoints=(READY,),
    )
    return msgspec.structs.replace(made, **parts)


def names(*exports):
    return server_names({one.host: one for one in exports}, "network2")


def test_the_sni_is_what_a_route_to_the_service_has():
    udp_first = (Port(53, "dns", "", Transport.UDP), Port(9081, "tcp"))
    assert names(export(), export("dns.shop", ports=udp_first)) == (
        "outbound_.9080_._.reviews.bookinfo.svc.cluster.local",
        "outbound_.9081_._.dns.shop.svc.cluster.local",
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": ExportKind.SERVICE_ENTRY},
        {"host": Host("*.tenants")},
        {"host": Host("a.b.c")},
        {"ports": ()},
        {"ports": (Port(53, "dns", "", Transport.UDP),)},
        {"endpoints": ()},
        {"endpoints": (msgspec.structs.replace(READY, ready=False),)},
        {"endpoints": (msgspec.structs.replace(READY, network="network3"),)},
        {"endpoints": (READY, msgspec.structs.replace(READY, labels=()))},
    ],
    ids=str,
)
def test_only_services_that_can_shake_hands_behind_the_gateway_are_asked_for(parts):
    assert names(export(**parts)) == ()


def test_what_is_not_ready_or_elsewhere_is_in_nobodys_way():
    bare = Endpoint("10.0.0.2", network="network2", ready=False)
    assert len(names(export(endpoints=(bare, READY)))) == 1


def test_some_services_are_enough():
    many = [export(f"s{number}.bookinfo") for number in range(100)]
    assert len(names(*many)) == MAX_SERVER_NAMES
