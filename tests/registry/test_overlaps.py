"""Networks that two clusters claim, and cannot both be in."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from globaldns.model.address import parse_prefix
from globaldns.model.export import Endpoint, Export, ExportKind
from globaldns.model.finding import Finding, Severity
from globaldns.model.view import Fence, Reset, SetFences, SetRanges
from globaldns.registry.findings import mesh_findings
from globaldns.registry.overlaps import CODE, members_of, network_overlaps
from globaldns.registry.registry import Registry
from tests.registry.mesh import export, reset, settings, settled


def pods(
    host: str, cluster: str, *places: tuple[str, str], kind: ExportKind = ExportKind.SERVICE
) -> Export:
    endpoints = tuple(Endpoint(address, network=network) for network, address in places)
    return replace(export(host, cluster, kind=kind), endpoints=endpoints)


def found(*exports: Export, direct: Iterable[str] = ()) -> list[Finding]:
    registry = settled(
        Registry(replace(settings(), direct_networks=frozenset(direct))),
        *(reset(name, *(e for e in exports if e.cluster == name)) for name in ("east", "west")),
    )
    return list(network_overlaps(members_of(registry)))


def nodes(cluster: str, network: str, *ranges: str, pod: str = "") -> Reset:
    """Return a cluster whose Nodes have ranges; ``pod``: where one that it exports is."""
    exports = [pods(f"{cluster}.ns", cluster, (network, pod))] if pod else []
    view = reset(cluster, *exports).view
    return Reset(replace(view, network=network, pod_ranges=tuple(map(parse_prefix, ranges))))


def found_of_nodes(*clusters: Reset, direct: Iterable[str] = ()) -> list[Finding]:
    names = [one.cluster for one in clusters]
    rules = replace(settings(clusters=names), direct_networks=frozenset(direct))
    return list(network_overlaps(members_of(settled(Registry(rules), *clusters))))


SHARED = (("n1", "10.0.0.1"), ("n1", "10.0.0.2"))


def test_a_pair_of_clusters_is_told_once_with_an_address_and_the_remedy() -> None:
    east, west = pods("a.ns", "east", *SHARED), pods("b.ns", "west", *SHARED)
    (told,) = found(east, west)
    assert (told.severity, told.code, told.cluster) == (Severity.ERROR, "network-overlap", "west")
    assert told.reason.startswith("has a workload at 10.0.0.1, and so has east, in one network")
    assert "clusters.west.network" in told.hint


@pytest.mark.parametrize(
    ("networks", "direct", "where"),
    [
        (("", ""), (), "in one network, for neither has a name"),
        (("n1", "n9"), ["n9"], "reached directly (routing.direct_networks: n9)"),
        (("n9", "n1"), ["n9"], "reached directly (routing.direct_networks: n9)"),
    ],
    ids=["without a name", "the later is direct", "the first is direct"],
)
def test_clusters_that_reach_each_other_have_no_address_twice(
    networks: tuple[str, str], direct: list[str], where: str
) -> None:
    exports = [
        pods("a.ns", cluster, (network, "10.0.0.1"))
        for cluster, network in zip(("east", "west"), networks, strict=True)
    ]
    (told,) = found(*exports, direct=direct)
    assert told.cluster == "west"
    assert f"at 10.0.0.1, and so has east, {where}: calls" in told.reason
    (of_nodes,) = found_of_nodes(
        nodes("east", networks[0], "10.244.0.0/16", pod="10.244.9.1"),
        nodes("west", networks[1], "10.244.1.0/24", pod="10.244.1.1"),
        direct=direct,
    )
    assert of_nodes.reason.startswith(
        "its nodes have 10.244.1.0/24 for pods, and those of east have 10.244.0.0/16, " + where
    )
    assert (of_nodes.severity, of_nodes.code, of_nodes.cluster) == (told.severity, CODE, "west")
    assert of_nodes.hint == told.hint


def test_what_is_direct_is_to_be_left_out_of_that() -> None:
    exports = [pods("a.ns", "east", ("n1", "10.0.0.1")), pods("a.ns", "west", ("n9", "10.0.0.1"))]
    (told,) = found(*exports, direct=["n9"])
    assert told.hint == "take n9 out of routing.direct_networks, and give it gateways"


def test_each_pair_of_clusters_is_told_of_its_nodes_once_wherever_the_wider_range_is() -> None:
    told = found_of_nodes(
        nodes("a", "n1", "10.0.0.0/24", "10.0.1.0/24", "10.9.0.0/24"),
        nodes("b", "n1", "10.0.0.0/16", "fd00::/64"),
        nodes("c", "n1", "10.9.0.0/24", "fd00::/80", "10.10.0.0/24"),
        nodes("d", "n2", "10.0.0.0/8"),
    )
    ranges = [(one.cluster, one.reason.partition(", in one")[0]) for one in told]
    assert ranges == [
        ("b", "its nodes have 10.0.0.0/16 for pods, and those of a have 10.0.0.0/24"),
        ("c", "its nodes have 10.9.0.0/24 for pods, and those of a have 10.9.0.0/24"),
        ("c", "its nodes have fd00::/80 for pods, and those of b have fd00::/64"),
    ]


@pytest.mark.parametrize(
    "west",
    [
        nodes("west", "n2", "10.0.0.0/24"),
        nodes("west", "n1", "10.0.2.0/24", "10.0.2.0/25"),
        nodes("west", "n1", "::ffff:10.0.0.0/120"),
        nodes("west", "n1"),
    ],
    ids=["other network", "its own twice", "mapped", "no ranges"],
)
def test_ranges_that_may_be_are_not_told(west: Reset) -> None:
    east = nodes("east", "n1", "10.0.0.0/24", "10.0.0.0/25", "10.0.1.0/24")
    assert found_of_nodes(east, west) == []


@pytest.mark.parametrize(
    ("east", "west", "severity"),
    [
        ("10.244.0.1", "10.244.1.200", Severity.ERROR),
        ("10.244.0.1", "", Severity.WARNING),
        ("", "fd00:0:0:1::9", Severity.WARNING),
        ("", "", Severity.WARNING),
        ("10.244.0.1", "10.0.7.1", None),
        ("172.16.0.1", "", None),
        ("fd00:0:0:3::1", "10.244.1.1", None),
    ],
)
def test_what_nodes_have_for_pods_counts_as_far_as_exported_pods_bear_it_out(
    east: str, west: str, severity: Severity | None
) -> None:
    told = found_of_nodes(
        nodes("east", "n1", "10.244.0.0/24", "10.244.1.0/24", "fd00:0:0:2::/64", pod=east),
        nodes("west", "n1", "10.244.1.0/24", "10.244.1.0/25", "fd00:0:0:1::/64", pod=west),
    )
    assert [one.severity for one in told] == ([severity] if severity else [])
    assert all(("not both show" in one.reason) is (severity is Severity.WARNING) for one in told)


def test_ranges_are_told_as_they_are_now() -> None:
    registry = settled(
        Registry(settings()),
        nodes("east", "", "10.0.0.0/24"),
        nodes("west", "", "10.0.0.0/24"),
    )
    assert [one.code for one in mesh_findings(registry)["west"]] == [CODE]
    moved = (parse_prefix("10.0.1.0/24"),)
    registry.apply([SetRanges("west", moved, moved)], 20)
    assert list(network_overlaps(members_of(registry))) == []


@pytest.mark.parametrize(
    "west",
    [
        pods("b.ns", "west", ("n2", "10.0.0.1")),
        pods("b.ns", "west", ("", "10.0.0.1")),
        pods("b.ns", "west", ("n1", "10.0.0.9")),
        pods("b.ns", "west", ("n1", "::ffff:10.0.0.1")),
        pods("b.ns", "west", *SHARED, kind=ExportKind.SERVICE_ENTRY),
    ],
    ids=["other network", "no network", "other address", "mapped", "a machine that a person named"],
)
def test_what_may_be_is_not_told(west: Export) -> None:
    assert found(pods("a.ns", "east", *SHARED), west) == []


def test_one_pod_of_two_services_is_no_overlap() -> None:
    assert found(pods("a.ns", "east", *SHARED), pods("b.ns", "east", *SHARED)) == []


def test_a_fenced_cluster_is_in_nobodys_way() -> None:
    exports = pods("a.ns", "east", *SHARED), pods("b.ns", "west", *SHARED)
    registry = settled(Registry(settings()), reset("east", exports[0]), reset("west", exports[1]))
    assert [one.code for one in mesh_findings(registry)["west"]] == ["network-overlap"]
    word = Fence("west", fenced=True, at=20, origin=exports[0].origin)
    registry.apply([SetFences("east", (word,))], 20)
    assert list(network_overlaps(members_of(registry))) == []
