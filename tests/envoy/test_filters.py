"""What becomes of a connection and of a request."""

from __future__ import annotations

import json
import re
from typing import Any

from globaldns.envoy.encoding import encode
from globaldns.envoy.filters import (
    INBOUND,
    OUTBOUND,
    http_inspector,
    listener,
    pass_on,
    route_by_host,
    take_requests,
    tls_inspector,
)


def config(made: dict[str, Any]) -> Any:
    return json.loads(encode(made))["typed_config"]


def hosts(made: dict[str, Any]) -> Any:
    return config(made)["route_config"]["virtual_hosts"]


def test_a_request_is_routed_by_its_host_and_tried_again_where_nothing_was_done() -> None:
    made = route_by_host("a.b.global", ["a.b.global", "1.1.1.1"], cluster="c", absence="")
    service, misdirected = hosts(made)
    assert service["domains"] == ["a.b.global", "1.1.1.1"]
    safe, other = service["routes"]
    for route in (safe["route"], other["route"]):
        assert (route["cluster"], route["timeout"]) == ("c", "0s")
        assert route["retry_policy"]["num_retries"] == 2
        assert "5xx" not in route["retry_policy"]["retry_on"]
    (method,) = safe["match"]["headers"]
    pattern = re.compile(method["string_match"]["safe_regex"]["regex"])
    assert all(map(pattern.fullmatch, ("GET", "HEAD", "OPTIONS")))
    assert not any(map(pattern.fullmatch, ("POST", "PUT", "PATCH", "DELETE", "CONNECT")))
    assert "reset" in safe["route"]["retry_policy"]["retry_on"].split(",")
    assert "reset" not in other["route"]["retry_policy"]["retry_on"].split(",")
    assert misdirected["domains"] == ["*"]
    assert misdirected["routes"][0]["direct_response"]["status"] == 421
    assert config(made)["route_config"]["ignore_port_in_host_matching"] is True


def test_without_a_cluster_it_is_said_why() -> None:
    made = route_by_host("a.b.global", ["a.b.global"], cluster=None, absence="nobody there")
    assert hosts(made)[0]["routes"][0]["direct_response"] == {
        "status": 503,
        "body": {"inline_string": "nobody there"},
    }


def test_an_application_is_told_who_calls_by_us_alone() -> None:
    made = config(take_requests("c"))
    assert made["forward_client_cert_details"] == "SANITIZE_SET"
    assert made["set_current_client_cert_details"]["uri"] is True
    assert (
        config(route_by_host("a", ["a"], cluster="c", absence=""))
        .keys()
        .isdisjoint({"forward_client_cert_details"})
    )


def test_octets_are_passed_on() -> None:
    made = config(pass_on("c", OUTBOUND))
    assert (made["cluster"], made["stat_prefix"]) == ("c", "outbound")


def test_a_listener_is_bound_before_its_address_is_there() -> None:
    made = listener("n", "240.0.0.1", 80, INBOUND, [{}], listener_filters=[])
    assert made["freebind"] is True
    assert made["traffic_direction"] == "INBOUND"
    assert made["address"]["socket_address"] == {"address": "240.0.0.1", "port_value": 80}


def test_inspectors_are_named_as_envoy_names_them() -> None:
    assert tls_inspector()["name"] == "envoy.filters.listener.tls_inspector"
    assert http_inspector()["name"] == "envoy.filters.listener.http_inspector"
