"""What is in the box is what the papers say of it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from globaldns.demo.plan import (
    CLUSTER_NAMES,
    GATEWAYS,
    POOL,
    SERVICES,
    WORKLOADS,
    Kind,
    Speech,
    exports_of,
    forward_address,
    nodes,
    workloads_at,
)


def clusters_of(name: str) -> set[str]:
    return {one.cluster for one in WORKLOADS if one.service.name == name}


def test_a_service_is_in_two_clusters_and_others_in_one() -> None:
    assert clusters_of("reviews") == {"east", "west"}
    assert clusters_of("ratings") == {"west"}
    assert Speech.TCP in {one.speech for one in SERVICES}
    assert {one.kind for one in WORKLOADS} == {*Kind}


def test_addresses_are_given_once_and_never_a_vip() -> None:
    addresses = [*(one.address for one in WORKLOADS), *(one.address for one in GATEWAYS)]
    assert len(addresses) == len({*addresses})
    assert not any(ip_address(one) in ip_network(POOL) for one in addresses)


def test_every_gateway_and_every_workload_is_in_one_namespace() -> None:
    placed = [one.name for node in nodes() for one in workloads_at(node)]
    assert sorted(placed) == sorted(one.name for one in WORKLOADS)
    assert {one.name for one in GATEWAYS} < {*nodes()}


def test_an_application_behind_an_envoy_is_on_loopback_alone() -> None:
    for one in WORKLOADS:
        assert ip_address(forward_address(one)).is_loopback == one.is_mutual


def test_every_workload_is_exported() -> None:
    exported = [one for name in CLUSTER_NAMES for _, own in exports_of(name) for one in own]
    assert sorted(one.name for one in exported) == sorted(one.name for one in WORKLOADS)
