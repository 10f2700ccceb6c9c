"""Gateways at addresses where none can be, and gateways that two networks have."""

from __future__ import annotations

import pytest

from globaldns.config.gateways import find_fault

POOLS = ("240.128.0.0/10", "", "2001:db8:f::/64")


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("203.0.113.1", ""),
        ("gw.example", ""),
        ("", ""),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("240.0.0.1", ""),
        ("2001:db8::1", ""),
        ("0.0.0.0", "0.0.0.0 lies in 0.0.0.0/8 (this network)"),
        ("::", ":: lies in ::/128 (unspecified)"),
        ("::ffff:0.0.0.0", "::ffff:0.0.0.0 lies in 0.0.0.0/8 (this network)"),
        ("224.0.0.1", "224.0.0.1 lies in 224.0.0.0/4 (multicast)"),
        ("ff02::1", "ff02::1 lies in ff00::/8 (multicast)"),
        ("255.255.255.255", "255.255.255.255 lies in 255.255.255.255/32 (the broadcast address)"),
        ("240.128.0.7", "240.128.0.7 lies in 240.128.0.0/10 (a pool of virtual IPs)"),
        ("::ffff:240.128.0.7", "::ffff:240.128.0.7 lies in 240.128.0.0/10 (a pool of virtual IPs)"),
        ("2001:db8:f::1", "2001:db8:f::1 lies in 2001:db8:f::/64 (a pool of virtual IPs)"),
    ],
)
def test_an_address_where_no_gateway_can_be_has_its_reason(address, fault):
    assert find_fault(address, POOLS) == fault


def clusters(*west: str, east: str = "", vips: str = "{}") -> str:
    """Return a configuration of two clusters, with the keys of each."""
    return f"""\
cluster: east
clusters:
  east: {{source: {{directory: east}}, {east}}}
  west: {{source: {{directory: west}}, {", ".join(west)}}}
vips: {vips}
"""


EAST = "network: n1, gateways: [{address: 203.0.113.1}]"


@pytest.mark.parametrize("address", ["0.0.0.0", "'::'", "224.0.0.1", "240.128.0.7"])
def test_a_gateway_where_none_can_be_is_an_error_with_place_and_remedy(files, address):
    (found,) = files.problems(
        clusters(f"gateways: [{{address: lb.example}}, {{address: {address}}}]")
    )
    assert found.startswith("$.clusters.west.gateways[1].address (line 4): no gateway is there: ")
    assert found.endswith("(fix: name the load balancer's address, or its domain name)")


def test_the_pools_are_those_that_are_configured(files):
    west, vips = "gateways: [{address: 10.9.0.7}]", "{pools: [10.9.0.0/16]}"
    assert files.problems(clusters(west)) == []
    (found,) = files.problems(clusters(west, vips=vips))
    assert "10.9.0.7 lies in 10.9.0.0/16 (a pool of virtual IPs)" in found


def test_one_gateway_of_two_networks_is_an_error_at_the_later_one(files):
    (found,) = files.problems(
        clusters("network: n2", "gateways: [{address: 203.0.113.1}]", east=EAST)
    )
    assert found == (
        "$.clusters.west.gateways[0].address (line 4): 203.0.113.1 port 15443 is the gateway of "
        "east too, which is in another network, 'n1' (fix: give each network a gateway of its own, "
        "or both clusters one network)"
    )


@pytest.mark.parametrize(
    "west",
    [
        "network: n1, gateways: [{address: 203.0.113.1}]",
        "gateways: [{address: 203.0.113.1}]",
        "network: n2, gateways: [{address: 203.0.113.2}]",
        "network: n2, gateways: [{address: 203.0.113.1, port: 15444}]",
    ],
)
def test_two_gateways_or_one_network_or_an_unknown_one_are_none(files, west):
    assert files.problems(clusters(west, east=EAST)) == []
