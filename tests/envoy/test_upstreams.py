"""Clusters: how a port is spoken to, to whom in plain text, and when an endpoint is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globaldns.envoy.destinations import Member
from globaldns.envoy.encoding import encode, typed
from globaldns.envoy.upstreams import Talk, own_cluster, talk_of, upstream_cluster
from globaldns.model.export import Port

MUTUAL = typed("a.B")


def cluster(*tiers: tuple[Member, ...], talk: Talk = Talk.TCP, mutual: Any = None) -> Any:
    return json.loads(encode(upstream_cluster("c", tiers, talk, mutual)))


@pytest.mark.parametrize(
    ("protocol", "talk"),
    [
        ("HTTP", Talk.HTTP1),
        ("HTTP_PROXY", Talk.HTTP1),
        ("HTTP2", Talk.HTTP2),
        ("GRPC", Talk.HTTP2),
        ("GRPC-WEB", Talk.HTTP2),
        ("", Talk.SNIFFED),
        ("TCP", Talk.TCP),
        ("HTTPS", Talk.TCP),
        ("MYSQL", Talk.TCP),
    ],
)
def test_a_port_is_spoken_to_by_its_protocol(protocol: str, talk: Talk) -> None:
    assert talk_of(Port(1, "p", protocol)) is talk
    assert talk.is_http is (talk in {Talk.HTTP1, Talk.HTTP2})


@pytest.mark.parametrize("talk", Talk)
def test_a_sidecar_of_istio_is_told_the_mesh_and_is_not_asked_for_a_preface(talk: Talk) -> None:
    assert "istio" in talk.alpn
    assert "istio-peer-exchange" not in talk.alpn


@pytest.mark.parametrize(
    ("talk", "config"),
    [
        (Talk.HTTP1, {"explicit_http_config": {"http_protocol_options": {}}}),
        (Talk.HTTP2, {"explicit_http_config": {"http2_protocol_options": {}}}),
    ],
)
def test_http_has_the_version_of_its_port(talk: Talk, config: dict[str, Any]) -> None:
    [options] = cluster(talk=talk)["typed_extension_protocol_options"].values()
    assert config.items() <= options.items()


def test_tcp_has_no_version() -> None:
    assert "typed_extension_protocol_options" not in cluster(talk=Talk.TCP)


def test_whoever_takes_mutual_tls_gets_it_and_others_plain_text() -> None:
    takes, takes_not = Member("10.0.0.1", 80, 1, is_mutual=True), Member("10.0.0.2", 80, 1)
    made = cluster((takes, takes_not), mutual=MUTUAL)
    endpoints = made["load_assignment"]["endpoints"][0]["lb_endpoints"]
    modes = [one.get("metadata", {}).get("filter_metadata") for one in endpoints]
    assert modes == [{"envoy.transport_socket_match": {"tlsMode": "istio"}}, None]
    mutual, plain = made["transport_socket_matches"]
    assert (mutual["match"], mutual["transport_socket"]) == ({"tlsMode": "istio"}, MUTUAL)
    assert (plain["match"], plain["transport_socket"]["name"]) == (
        {},
        "envoy.transport_sockets.raw_buffer",
    )
    assert "transport_socket_matches" not in cluster((takes_not,))


def test_priorities_have_no_gap_and_localities_no_weight() -> None:
    made = cluster(
        (Member("10.0.0.1", 80, 2, "r/a/s"), Member("10.0.0.2", 80, 1, "r/b")),
        (Member("10.0.0.3", 80, 1),),
    )
    groups = made["load_assignment"]["endpoints"]
    assert [group["priority"] for group in groups] == [0, 0, 1]
    assert [group["locality"] for group in groups] == [
        {"region": "r", "zone": "a", "sub_zone": "s"},
        {"region": "r", "zone": "b"},
        {},
    ]
    assert not any("load_balancing_weight" in group for group in groups)
    assert "locality_weighted_lb_config" not in made["common_lb_config"]


def test_a_name_among_addresses_is_resolved_by_the_envoy() -> None:
    assert cluster((Member("10.0.0.1", 80, 1),))["type"] == "STATIC"
    assert cluster((Member("10.0.0.1", 80, 1), Member("a.b", 80, 1)))["type"] == "STRICT_DNS"


def test_a_socket_of_this_machine_is_a_pipe() -> None:
    made = cluster((Member("unix:///run/a.sock", 0, 1),))
    [group] = made["load_assignment"]["endpoints"]
    assert group["lb_endpoints"][0]["endpoint"]["address"] == {"pipe": {"path": "/run/a.sock"}}
    assert made["type"] == "STATIC"


def test_failures_of_the_way_eject_for_a_while_and_no_answer_of_an_application() -> None:
    made = cluster()
    ejection = made["outlier_detection"]
    assert ejection["consecutive_local_origin_failure"] == 3
    assert ejection["consecutive_gateway_failure"] == 5
    assert ejection["enforcing_consecutive_5xx"] == 0
    assert ejection["max_ejection_percent"] == 100
    times = ("interval", "base_ejection_time", "max_ejection_time")
    assert [ejection[name] for name in times] == ["1s", "1s", "10s"]
    assert made["common_lb_config"] == {
        "healthy_panic_threshold": {"value": 1},
        "update_merge_window": "0s",
    }


def test_an_application_is_never_left_alone() -> None:
    made = json.loads(encode(own_cluster("c", "127.0.0.1", 80, Talk.HTTP1)))
    assert "outlier_detection" not in made
    [options] = made["typed_extension_protocol_options"].values()
    assert "use_downstream_protocol_config" in options
    assert "typed_extension_protocol_options" not in own_cluster("c", "127.0.0.1", 80, Talk.TCP)
