from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from globaldns.model.export import Endpoint, Export, ExportKind, Gateway
from globaldns.model.lost import Standing
from globaldns.routing.horizon import AMBIENT, MUTUAL_TLS, Gap, Horizon, Lack, Rank, Target, split
from globaldns.routing.topology import Topology, Viewer
from tests.routing.meshes import EXPORTS, EXTERNAL, TOPOLOGY, endpoint, export, service


def viewer(cluster: str, *networks: str) -> Viewer:
    return Viewer(cluster, frozenset(networks))


def weights(horizon: Horizon) -> dict[str, int]:
    found = {target.address: target.weight for target in horizon.targets}
    assert len(found) == len(horizon.targets), "an address stands once"
    return found


def ranks(horizon: Horizon) -> dict[str, Rank]:
    return {target.address: target.rank for target in horizon.targets}


@pytest.mark.parametrize(
    ("seen_from", "expected"),
    [
        (
            viewer("c2a", "n2"),
            {
                **{f"20.0.0.{number}": 6 for number in (1, 2, 3)},
                "1.1.1.1": 12,
                "40.0.0.1": 6,
            },
        ),
        (
            viewer("c1a", "n1"),
            {
                **{f"10.0.0.{number}": 6 for number in (1, 2, 3)},
                **dict.fromkeys(("2.2.2.2", "2.2.2.20", "2.2.2.21"), 6),
                "40.0.0.1": 6,
            },
        ),
        (
            viewer("c3", "n3"),
            {
                "1.1.1.1": 12,
                **dict.fromkeys(("2.2.2.2", "2.2.2.20", "2.2.2.21"), 6),
                "40.0.0.1": 6,
            },
        ),
    ],
    ids=["n2", "n1", "n3"],
)
def test_endpoints_of_other_networks_are_their_gateways_with_the_same_weight(
    seen_from: Viewer, expected: dict[str, int]
) -> None:
    assert TOPOLOGY.unit == 6
    assert weights(split(service(*EXPORTS), seen_from, TOPOLOGY)) == expected


def test_what_takes_no_mutual_tls_is_not_behind_a_gateway_and_that_is_said() -> None:
    gaps = split(service(*EXPORTS), viewer("c2a", "n2"), TOPOLOGY).gaps
    assert gaps == (Gap(Lack.PLAINTEXT, "c1a", "n1", 1),)


def test_ambient_workloads_are_not_behind_a_gateway_either_and_that_is_said() -> None:
    pods = (
        endpoint("10.0.0.1", "n1", labels=(AMBIENT,)),
        endpoint("10.0.0.2", "n1", labels=()),
        endpoint("10.0.0.3", "n1", labels=(AMBIENT, MUTUAL_TLS)),
    )
    web = service(export("c1a", *pods))
    assert split(web, viewer("c2a", "n2"), TOPOLOGY).gaps == (
        Gap(Lack.AMBIENT, "c1a", "n1", 1),
        Gap(Lack.PLAINTEXT, "c1a", "n1", 1),
    )
    assert split(web, viewer("c1a", "n1"), TOPOLOGY).gaps == ()


def test_what_no_gateway_leads_to_waits_for_none_that_has_no_address() -> None:
    lost = Topology.of((), networks=("n1",))
    plain = endpoint("10.0.0.1", "n1", labels=())
    able = endpoint("10.0.0.2", "n1", labels=(MUTUAL_TLS,))
    web = service(export("c1a", plain), export("c1b", able))
    assert split(web, viewer("c2a", "n2"), lost).gaps == (
        Gap(Lack.PLAINTEXT, "c1a", "n1", 1),
        Gap(Lack.UNRESOLVED, "c1b", "n1", 1),
    )


def test_a_network_without_gateways_is_out_of_reach_and_that_is_said() -> None:
    horizon = split(service(*EXPORTS), viewer("c2a", "n2"), replace(TOPOLOGY, direct=frozenset()))
    assert "40.0.0.1" not in weights(horizon)
    assert Gap(Lack.NO_GATEWAY, "c4", "n4", 1) in horizon.gaps


@pytest.mark.parametrize("networks", [(), ("",), ("n1", "")])
def test_who_does_not_know_its_network_reaches_all_of_them(networks: tuple[str, ...]) -> None:
    seen = weights(split(service(*EXPORTS), viewer("c1a", *networks), TOPOLOGY))
    assert seen.keys() == {one.address for each in EXPORTS for one in each.endpoints}


def test_an_endpoint_of_no_known_network_is_reached_from_everywhere() -> None:
    only = service(export("c9", endpoint("90.0.0.1", "")))
    assert weights(split(only, viewer("c1a", "n1"), TOPOLOGY)) == {"90.0.0.1": 6}


def test_a_control_plane_of_several_networks_is_given_all_their_endpoints() -> None:
    seen = split(service(*EXPORTS), viewer("c1a", "n1", "n2"), TOPOLOGY)
    assert not any(target.is_gateway for target in seen.targets)
    assert {target.network for target in seen.targets} == {"n1", "n2", "n4"}
    assert viewer("c1a", "n1", "n2").splits_by_itself
    assert not viewer("c1a", "n1").splits_by_itself


SAME = endpoint("10.0.0.1", "n1")


@pytest.mark.parametrize("network", ["n1", "n4", ""], ids=["same", "direct", "unknown"])
def test_of_two_clusters_pods_with_one_address_the_nearer_is_seen_and_the_other_told(
    network: str,
) -> None:
    web = service(export("c1a", SAME), export("c1b", endpoint("10.0.0.1", network)))
    seen = split(web, viewer("c1a", "n1"), TOPOLOGY)
    assert [one.cluster for one in seen.targets] == ["c1a"]
    assert seen.gaps == (Gap(Lack.DOUBLE, "c1b", network, 1),)
    seen = split(web, viewer("c1b", "n1"), TOPOLOGY)
    assert [one.cluster for one in seen.targets] == ["c1b"]
    assert seen.gaps == (Gap(Lack.DOUBLE, "c1a", "n1", 1),)


def test_pods_of_two_clusters_without_networks_have_one_address_once() -> None:
    both = (export(name, endpoint("10.0.0.1", "")) for name in ("c1a", "c1b"))
    seen = split(service(*both), viewer("c3"), Topology.of(()))
    assert seen.gaps == (Gap(Lack.DOUBLE, "c1b", "", 1),)


def test_a_gateway_has_no_weight_for_a_pod_whose_address_another_cluster_has_and_that_is_told() -> (
    None
):
    web = service(export("c1a", SAME), export("c1b", SAME))
    seen = split(web, viewer("c2a", "n2"), TOPOLOGY)
    assert weights(seen) == {"1.1.1.1": 6}
    assert seen.gaps == (Gap(Lack.DOUBLE, "c1b", "n1", 1),)


@pytest.mark.parametrize(
    "other",
    [
        export("c1a", SAME, SAME),
        export("c1b", SAME, kind=ExportKind.SERVICE_ENTRY),
        export("c1b", replace(SAME, ready=False)),
        export("c1b", endpoint("::ffff:10.0.0.1", "n1")),
        export("c1b", endpoint("10.0.0.1", "n2")),
    ],
    ids=["own cluster", "a machine that a person named", "not ready", "mapped", "other network"],
)
def test_what_is_no_other_clusters_pod_at_one_address_is_not_told(other: Export) -> None:
    seen = split(service(export("c1a", SAME), other), viewer("c1a", "n1"), TOPOLOGY)
    assert seen.gaps == ()


def test_a_control_plane_that_knows_networks_apart_has_one_address_in_each() -> None:
    web = service(export("c1a", SAME), export("c2a", endpoint("10.0.0.1", "n2")))
    seen = split(web, viewer("c1a", "n1", "n2"), TOPOLOGY)
    assert [one.network for one in seen.targets] == ["n1", "n2"]
    assert seen.gaps == ()


def test_external_addresses_are_the_same_from_everywhere() -> None:
    seen = split(service(EXTERNAL), viewer("c3", "n3"), Topology.of(()))
    assert weights(seen) == {"93.184.216.34": 1}


def test_own_endpoints_come_first_and_those_of_lost_clusters_last() -> None:
    web = service(*EXPORTS, standings={"c1b": Standing.DEMOTED, "c4": Standing.DROPPED})
    seen = ranks(split(web, viewer("c1a", "n1"), TOPOLOGY))
    assert seen.pop("10.0.0.2") is Rank.DEMOTED
    assert {address for address, rank in seen.items() if rank is Rank.OWN} == {
        "10.0.0.1",
        "10.0.0.3",
    }
    assert "40.0.0.1" not in seen


def test_a_gateway_of_a_lost_and_a_living_cluster_stands_for_the_living_one() -> None:
    web = service(*EXPORTS, standings={"c1b": Standing.DEMOTED})
    horizon = split(web, viewer("c2a", "n2"), TOPOLOGY)
    (gateway,) = (target for target in horizon.targets if target.address == "1.1.1.1")
    assert (gateway.rank, gateway.weight, gateway.cluster) == (Rank.OTHER, 6, "c1a")
    lost = service(*EXPORTS, standings={"c1a": Standing.DEMOTED, "c1b": Standing.DEMOTED})
    horizon = split(lost, viewer("c2a", "n2"), TOPOLOGY)
    (gateway,) = (target for target in horizon.targets if target.address == "1.1.1.1")
    assert (gateway.rank, gateway.weight, gateway.cluster) == (Rank.DEMOTED, 12, "")


def test_a_gateway_has_what_all_behind_it_have_in_common() -> None:
    labels = (("app", "web"), MUTUAL_TLS)
    pods = (
        endpoint("10.0.0.1", "n1", labels=(*labels, ("v", "1")), locality="eu/a/x"),
        endpoint("10.0.0.2", "n1", labels=(*labels, ("v", "2")), locality="eu/b"),
    )
    horizon = split(service(export("c1a", *pods)), viewer("c2a", "n2"), TOPOLOGY)
    assert horizon.targets == (
        Target(
            Rank.OTHER,
            "1.1.1.1",
            15443,
            weight=12,
            cluster="c1a",
            network="n1",
            locality="eu",
            labels=labels,
        ),
    )


def test_a_hand_written_route_has_no_endpoints() -> None:
    route = export("c1a", endpoint("1.1.1.1", ""), kind=ExportKind.ROUTE)
    assert split(service(route), viewer("c1a", "n1"), TOPOLOGY) == Horizon()


NETWORKS = st.sampled_from(["", "n1", "n2", "n3", "n4"])
CLUSTERS = st.sampled_from(["c1", "c2", "c3"])
ENDPOINTS = st.builds(
    lambda number, network, weight, ready, mutual, port: Endpoint(
        f"10.0.0.{number}",
        (("http", port),),
        network,
        weight=weight,
        ready=ready,
        labels=(MUTUAL_TLS,) if mutual else (),
    ),
    st.integers(0, 20),
    NETWORKS,
    st.integers(0, 100),
    st.booleans(),
    st.booleans(),
    st.sampled_from([80, 8080]),
)
EXPORTED = st.dictionaries(CLUSTERS, st.lists(ENDPOINTS, max_size=8), max_size=3).map(
    lambda said: tuple(export(cluster, *them) for cluster, them in said.items())
)
TOPOLOGIES = st.builds(
    Topology.of,
    st.lists(
        st.builds(
            Gateway, NETWORKS, st.integers(0, 9).map("1.0.0.{}".format), st.just(15443), CLUSTERS
        ),
        max_size=8,
    ),
    st.sets(st.sampled_from(["n3", "n4"])),
)
VIEWERS = st.builds(Viewer, CLUSTERS, st.frozensets(NETWORKS, max_size=2))


def space(network: str, seen_from: Viewer, topology: Topology) -> str:
    """Return what stands for all networks in which an address is the same place for a viewer."""
    is_one = topology.is_direct(network, seen_from) and not seen_from.splits_by_itself
    return "" if is_one else network


def sum_of(exports: tuple[Export, ...], seen_from: Viewer, topology: Topology) -> int:
    """Return the weight of all ready endpoints, none twice."""
    seen = {
        (space(one.network, seen_from, topology), one.address, one.ports): one.weight or 1
        for each in reversed(exports)
        for one in reversed(each.endpoints)
        if one.ready
    }
    return sum(seen.values())


@given(EXPORTED, VIEWERS, TOPOLOGIES)
def test_weights_conserve_what_is_ready(
    exports: tuple[Export, ...], seen_from: Viewer, topology: Topology
) -> None:
    mutual = tuple(
        replace(
            each,
            endpoints=tuple(replace(one, labels=(MUTUAL_TLS,)) for one in each.endpoints),
        )
        for each in exports
    )
    same_rank = replace(seen_from, cluster="elsewhere")
    horizon = split(service(*mutual), same_rank, topology)
    whole = sum(target.weight for target in horizon.targets)
    if not horizon.gaps:
        assert whole == sum_of(mutual, same_rank, topology) * topology.unit
    assert whole <= sum_of(mutual, same_rank, topology) * topology.unit
    assert all(target.weight > 0 for target in horizon.targets)


@given(EXPORTED, VIEWERS, TOPOLOGIES)
def test_no_gateway_is_one_of_the_viewers_own_networks(
    exports: tuple[Export, ...], seen_from: Viewer, topology: Topology
) -> None:
    horizon = split(service(*exports), seen_from, topology)
    for target in horizon.targets:
        if target.is_gateway:
            assert not seen_from.reaches(target.network)
            assert target.network not in topology.direct
            assert target.is_mutual
        else:
            assert seen_from.reaches(target.network) or target.network in topology.direct


@given(EXPORTED, VIEWERS, TOPOLOGIES)
def test_no_endpoint_and_no_gateway_stands_twice(
    exports: tuple[Export, ...], seen_from: Viewer, topology: Topology
) -> None:
    horizon = split(service(*exports), seen_from, topology)
    places = [(one.network, one.address, one.gateway_port, one.ports) for one in horizon.targets]
    assert len({*places}) == len(places)


@given(EXPORTED, VIEWERS, TOPOLOGIES)
def test_every_ready_endpoint_is_seen_or_is_said_to_be_out_of_reach(
    exports: tuple[Export, ...], seen_from: Viewer, topology: Topology
) -> None:
    horizon = split(service(*exports), seen_from, topology)
    ready = {
        (space(one.network, seen_from, topology), one.address, one.ports)
        for each in exports
        for one in each.endpoints
        if one.ready
    }
    direct = {
        (space(one.network, seen_from, topology), one.address, one.ports)
        for one in horizon.targets
        if not one.is_gateway
    }
    assert direct <= ready
    reached = {key for key in ready if topology.is_direct(key[0], seen_from)}
    assert direct == reached
    far = len(ready) - len(direct)
    lacking = sum(gap.endpoints for gap in horizon.gaps if gap.lack is not Lack.DOUBLE)
    assert lacking <= far
    assert any(target.is_gateway for target in horizon.targets) == (lacking < far)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_shares_of_a_gateway_are_whole_numbers(counts: list[int]) -> None:
    gateways = [
        Gateway(f"n{network}", f"1.0.{network}.{number}", 15443, f"c{network}")
        for network, count in enumerate(counts)
        for number in range(count)
    ]
    assert Topology.of(gateways).unit == math.lcm(*counts)
