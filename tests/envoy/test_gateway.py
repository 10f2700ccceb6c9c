"""What comes in, and to whom."""

from __future__ import annotations

import json
from typing import Any

from globaldns.envoy.gateway import gateway_fragment, gateway_listener
from globaldns.envoy.rules import Role
from globaldns.model.export import Location
from tests.envoy.meshes import FAR, HTTP, NEAR, RULES, VIEWER, documents, members, offer, read, web
from tests.routing.meshes import endpoint

CLUSTER = "outbound_.80_._.web.shop.global"


def listener(*exports: Any, **changes: Any) -> Any:
    return read(documents(Role.GATEWAY, web(*exports, **changes)).listeners)["gateway"]


def test_a_service_is_known_by_all_its_names_and_passed_on_unopened() -> None:
    made = listener(offer("c1", endpoint("10.0.0.1", "n1"), ports=[HTTP]))
    [chain] = made["filter_chains"]
    assert chain["filter_chain_match"] == {
        "server_names": ["outbound_.80_._.web.shop.svc.cluster.local", CLUSTER]
    }
    assert "transport_socket" not in chain
    assert "default_filter_chain" not in made
    assert made["listener_filters"][0]["name"].endswith("tls_inspector")
    assert made["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 15443}


def test_only_our_own_endpoints_that_take_tls_are_behind_it() -> None:
    made = documents(Role.GATEWAY, web(NEAR, FAR))
    assert members(read(made.clusters)[CLUSTER]) == [[("10.0.0.1", 80, 1)]]


def test_another_network_is_not_entered_through_another_gateway() -> None:
    here_and_there = offer("c1", endpoint("10.0.0.1", "n1"), endpoint("20.0.0.9", "n2"))
    made = documents(Role.GATEWAY, web(here_and_there))
    assert members(read(made.clusters)[CLUSTER]) == [[("10.0.0.1", 80, 1)]]
    elsewhere = web(offer("c1", endpoint("20.0.0.9", "n2")))
    assert not gateway_fragment(elsewhere, RULES, VIEWER).clusters


def test_what_others_export_a_wildcard_and_what_is_outside_are_not_let_in() -> None:
    outside = offer(
        "c1", endpoint("93.184.216.34", "", mutual=False), location=Location.MESH_EXTERNAL
    )
    for service in (web(FAR), web(NEAR, host="*.tenants"), web(outside)):
        assert not gateway_fragment(service, RULES, VIEWER).listeners


def test_a_service_without_vip_is_let_in() -> None:
    assert gateway_fragment(web(NEAR, vips=()), RULES, VIEWER).clusters


def test_nothing_to_let_in_is_nothing_to_listen_for() -> None:
    assert documents(Role.GATEWAY, web(FAR)).listeners == {}


def test_the_listener_has_the_chains_of_all() -> None:
    made = json.loads(gateway_listener([b'{"name":"a"}', b'{"name":"b"}'], RULES))
    assert made["filter_chains"] == [{"name": "a"}, {"name": "b"}]
