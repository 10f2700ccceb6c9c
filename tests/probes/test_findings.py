from __future__ import annotations

from globaldns.model.reach import GatewayState, Reach
from globaldns.probes.findings import gateway_findings
from tests.probes.gateways import NAMED, WEST

REFUSED = Reach(("203.0.113.20",), GatewayState.DOWN, 5, "connection refused")


def test_a_gateway_that_is_down_says_why_and_what_to_do():
    (found,) = gateway_findings({WEST: REFUSED})
    assert str(found) == (
        "west: warning: its gateway of network2, 203.0.113.20 port 15443, does not answer: "
        "connection refused (fix: look at the gateway's pods and load balancer, and at firewalls "
        "between) [gateway-down]"
    )


def test_a_name_that_is_not_looked_up_says_what_stays():
    lost = Reach(("203.0.113.20",), GatewayState.UP, unresolved="NXDOMAIN")
    (found,) = gateway_findings({NAMED: lost})
    assert (found.code, found.cluster) == ("gateway-unresolved", "west")
    assert found.reason.endswith("gw.example, cannot be looked up: NXDOMAIN: 203.0.113.20 stay")
    (found,) = gateway_findings({NAMED: Reach(unresolved="NXDOMAIN")})
    assert found.reason.endswith("NXDOMAIN: it has no address")


def test_one_that_is_up_or_not_probed_is_nothing_to_tell():
    up = Reach(("203.0.113.20",), GatewayState.UP, 5)
    assert [*gateway_findings({WEST: up, NAMED: Reach()})] == []


def test_addresses_that_are_left_out_say_why():
    one = Reach(("203.0.113.20",), GatewayState.UP, left_out=("0.0.0.0 is bad", ":: is bad"))
    (found,) = gateway_findings({NAMED: one})
    assert str(found) == (
        "west: warning: the name of its gateway, gw.example, has addresses that are left out: "
        "0.0.0.0 is bad, :: is bad (fix: name the load balancer's address, or its domain name) "
        "[gateway-address]"
    )


def test_an_address_of_a_name_that_is_down_is_told_where_the_others_are_not():
    one = Reach(("203.0.113.1", "203.0.113.2"), GatewayState.UP, down={"203.0.113.1": "refused"})
    (found,) = gateway_findings({NAMED: one})
    assert str(found) == (
        "west: warning: of its gateway gw.example port 15443 not every address answers: "
        "203.0.113.1: refused (fix: look at the load balancer's health checks, and at firewalls "
        "between) [gateway-address-down]"
    )


def test_one_in_whose_network_nothing_answers_says_that_routes_go_on_by_it():
    doubted = Reach(
        REFUSED.addresses, GatewayState.DOWN, reason="timeout", doubted=frozenset(REFUSED.addresses)
    )
    (found,) = gateway_findings({WEST: doubted})
    assert "does not answer, nor does any other there, so that routes go on by it: " in str(found)
