"""What clients are told of a service."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.envoy.rules import Role
from globaldns.envoy.sidecar import ROUTED, sidecar_fragment
from globaldns.model.export import ExportKind
from globaldns.model.lost import Standing
from globaldns.model.service import ServiceState
from tests.envoy.meshes import (
    FAR,
    HTTP,
    NEAR,
    RULES,
    TOPOLOGY,
    VIEWER,
    documents,
    members,
    offer,
    read,
    web,
)
from tests.routing.meshes import endpoint

CLUSTER = "outbound|80||web.shop.global"


def listeners(*exports: Any, **changes: Any) -> dict[str, Any]:
    return read(documents(Role.SIDECAR, web(*exports, **changes)).listeners)


def filters(chain: dict[str, Any]) -> list[str]:
    return [one["name"].rpartition(".")[2] for one in chain["filters"]]


def test_every_port_has_a_listener_at_the_vip_and_a_cluster() -> None:
    made = documents(Role.SIDECAR, web(NEAR, FAR))
    assert sorted(made.listeners) == [f"240.128.0.1_{port}" for port in (80, 81, 82, 83)]
    assert sorted(made.clusters) == [
        f"outbound|{port}||web.shop.global" for port in (80, 81, 82, 83)
    ]
    assert members(read(made.clusters)[CLUSTER]) == [
        [("10.0.0.1", 80, 1), ("10.0.0.2", 80, 1)],
        [("2.2.2.2", 15443, 1)],
    ]


def test_http_is_routed_tcp_passed_on_and_what_is_neither_is_looked_into() -> None:
    made = listeners(NEAR)
    assert filters(made["240.128.0.1_80"]["filter_chains"][0]) == ["http_connection_manager"]
    assert filters(made["240.128.0.1_83"]["filter_chains"][0]) == ["tcp_proxy"]
    sniffed = made["240.128.0.1_82"]
    assert filters(sniffed["filter_chains"][0]) == ["http_connection_manager"]
    assert sniffed["filter_chains"][0]["filter_chain_match"]["application_protocols"] == [
        "http/1.0",
        "http/1.1",
        "h2c",
    ]
    assert filters(sniffed["default_filter_chain"]) == ["tcp_proxy"]
    assert sniffed["continue_on_listener_filters_timeout"] is True


def test_each_vip_and_each_zone_counts() -> None:
    vips = (b"\xf0\x80\0\1", bytes.fromhex("fd676c6f62616c000000000000000001"))
    made = listeners(NEAR, vips=vips, zones=("global", "corp"))
    one = made["fd67:6c6f:6261:6c00::1_80"]
    config = one["filter_chains"][0]["filters"][0]["typed_config"]
    assert config["route_config"]["virtual_hosts"][0]["domains"] == [
        "web.shop.global",
        "web.shop.corp",
        "[fd67:6c6f:6261:6c00::1]",
    ]


def test_a_vip_of_before_is_listened_on_too_and_leads_to_the_same_cluster() -> None:
    vips = {"vips": (b"\xf0\x80\0\1",), "former": (b"\xf0\x80\0\7",)}
    made = listeners(NEAR, **vips)
    assert len(made) == 8
    for port in (80, 81, 82, 83):
        old, new = (made[f"240.128.0.{last}_{port}"] for last in (7, 1))
        texts = (str(one).replace("240.128.0.7", "240.128.0.1") for one in (old, new))
        assert len({*texts}) == 1


def test_where_nothing_is_in_reach_http_says_so_and_others_are_refused() -> None:
    made = documents(Role.SIDECAR, web(offer("c3", endpoint("30.0.0.1", "n3"))))
    assert made.clusters == {}
    assert sorted(made.listeners) == ["240.128.0.1_80", "240.128.0.1_81"]
    body = made.listeners["240.128.0.1_80"]
    assert b'"status":503' in body
    assert b"globaldns explain web.shop.global" in body


def test_a_gateway_is_told_the_far_service_or_the_host() -> None:
    for sni, name in ((Sni.CLIENT, "web.shop.svc.cluster.local"), (Sni.GATEWAY, "web.shop.global")):
        made = documents(Role.SIDECAR, web(FAR), sni=sni).clusters[CLUSTER]
        assert f'"sni":"outbound_.80_._.{name}"'.encode() in made


def test_a_gateway_is_told_the_host_where_a_machine_is_behind_one() -> None:
    machine = replace(FAR, kind=ExportKind.SERVICE_ENTRY)
    made = documents(Role.SIDECAR, web(NEAR, machine), sni=Sni.CLIENT).clusters[CLUSTER]
    assert b'"sni":"outbound_.80_._.web.shop.global"' in made


def test_identities_of_all_clusters_are_believed_and_no_other() -> None:
    near = offer("c1", endpoint("10.0.0.1", "n1", service_account="a"))
    far = offer("c2", endpoint("20.0.0.1", "n2", service_account="b"))
    made = documents(Role.SIDECAR, web(near, far)).clusters[CLUSTER].decode()
    believed = {part.partition('"')[0] for part in made.split('"exact":"')[1:]}
    assert believed == {
        "spiffe://cluster.local/ns/shop/sa/a",
        "spiffe://cluster.local/ns/shop/sa/b",
    }


def test_who_takes_no_mutual_tls_is_offered_none() -> None:
    made = documents(Role.SIDECAR, web(offer("c1", endpoint("10.0.0.1", "n1", mutual=False))))
    assert b"transport_sockets.tls" not in made.clusters[CLUSTER]


@pytest.mark.parametrize("state", ServiceState)
def test_a_vip_that_is_not_certainly_its_own_is_not_listened_on(state: ServiceState) -> None:
    made = sidecar_fragment(web(NEAR, state=state), RULES, VIEWER, TOPOLOGY)
    assert bool(made.listeners) is (state in ROUTED)
    assert ServiceState.HANDOVER not in ROUTED


def test_without_a_vip_there_is_nothing() -> None:
    assert not sidecar_fragment(web(NEAR, vips=()), RULES, VIEWER, TOPOLOGY).clusters


def test_a_lost_cluster_that_is_dropped_is_not_called() -> None:
    service = web(NEAR, FAR, standings=(("c2", Standing.DROPPED),))
    made = read(documents(Role.SIDECAR, service).clusters)[CLUSTER]
    assert members(made) == [[("10.0.0.1", 80, 1), ("10.0.0.2", 80, 1)]]


def test_it_is_known_which_endpoints_there_are() -> None:
    made = sidecar_fragment(
        web(offer("c1", *NEAR.endpoints, ports=[HTTP])), RULES, VIEWER, TOPOLOGY
    )
    assert made.places == {(CLUSTER, "10.0.0.1", 80), (CLUSTER, "10.0.0.2", 80)}
