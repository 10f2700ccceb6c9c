"""A cluster's gateways."""

from __future__ import annotations

import pytest

from globaldns.config.schema import GatewayAddress
from globaldns.model.export import Gateway
from tests.exports.builders import balanced, cluster, findings, gateway, namespace

NAMED = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}, {"ip": "203.0.113.1"}]}}


def at(address: str, port: int = 15443, network: str = "network1") -> Gateway:
    return Gateway(network, address, port, "east")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (gateway(), ()),
        (gateway(labels={}, status=balanced("203.0.113.1")), ()),
        (gateway(status={"loadBalancer": {"ingress": [{}]}}), ()),
        (gateway(status=NAMED), (at("203.0.113.1"), at("lb.example"))),
        (
            gateway(spec={"ports": [{"port": 15443}], "externalIPs": ["203.0.113.2"]}),
            (at("203.0.113.2"),),
        ),
        (
            gateway(
                labels={
                    "topology.istio.io/network": "network2",
                    "networking.istio.io/gatewayPort": "443",
                },
                spec={"ports": [{"port": 15443, "name": "tls"}, {"port": 443, "name": "own"}]},
                status=balanced("203.0.113.1"),
            ),
            (at("203.0.113.1", 443, "network2"),),
        ),
    ],
)
def test_labelled_services_are_gateways_at_their_public_addresses(made, expected):
    assert cluster([made]).view().gateways == expected


OWN_PORT = {"networking.istio.io/gatewayPort": "443"}


@pytest.mark.parametrize(
    "now",
    [
        {"labels": {"topology.istio.io/network": "network2"}},
        {"spec": {"ports": [{"port": 443}]}},
        {
            "labels": {"topology.istio.io/network": "network1", **OWN_PORT},
            "spec": {"ports": [{"port": 443}]},
        },
        {"status": balanced("0.0.0.0")},
        {"spec": {"ports": [{"port": 443}]}, "status": balanced("203.0.113.9")},
    ],
    ids=["network", "no port", "port", "bad address", "address without port"],
)
def test_a_gateway_that_is_another_by_now_keeps_none_that_it_was(now):
    exports = cluster([gateway(status=balanced("203.0.113.1"))])
    exports.put(gateway())
    assert exports.view().gateways == (at("203.0.113.1"),)
    exports.put(gateway(**now))
    assert exports.view().gateways == ()


def test_a_gateway_without_its_port_is_a_warning():
    bad = gateway(spec={"ports": [{"port": 443}]}, status=balanced("203.0.113.1"))
    assert cluster([bad]).view().gateways == ()
    assert findings(bad) == [("gateway-port", "$.spec.ports")]


def test_a_gateway_without_an_address_is_a_warning_that_says_what_counts():
    there = cluster([gateway()])
    (warned,) = there.findings()
    assert (warned.code, warned.path) == ("gateway-address", "$.status.loadBalancer")
    assert "no way into network1 until it has one" in warned.reason
    there.put(gateway(status=balanced("203.0.113.1")))
    assert there.findings() == []
    there.put(gateway())
    (warned,) = there.findings()
    assert "the last that it had, 203.0.113.1, counts" in warned.reason
    assert findings(gateway(), gateways=(GatewayAddress(address="lb"),)) == []


def test_gateways_by_hand_replace_those_found_and_lead_into_the_clusters_network():
    by_hand = (GatewayAddress(address="198.51.100.1"), GatewayAddress(address="lb", port=443))
    system = namespace("istio-system", labels={"topology.istio.io/network": "network3"})
    view = cluster([gateway(status=NAMED), system], gateways=by_hand).view()
    assert view.gateway_services == ()
    assert view.gateways == (at("198.51.100.1", network="network3"), at("lb", 443, "network3"))


def test_addresses_where_no_gateway_can_be_are_left_out_with_a_warning():
    made = gateway(status=balanced("203.0.113.1", "0.0.0.0", "240.128.0.7"))
    there = cluster([made], pools=("240.128.0.0/10",))
    assert there.view().gateways == (at("203.0.113.1"),)
    assert [(one.code, one.path) for one in there.findings()] == [
        ("gateway-address", "$.status.loadBalancer")
    ] * 2
    assert cluster([made]).view().gateways == (at("203.0.113.1"), at("240.128.0.7"))
