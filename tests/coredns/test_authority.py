"""What a cluster's own DNS answers itself, and what would take it."""

from __future__ import annotations

import pytest

from globaldns.coredns.authority import Authority, authority_of, check_stub
from globaldns.coredns.platforms import Facts, Workload
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.errors import StubError
from tests.coredns.collection import COREFILES, IMPORTING

WIDE = ("in-addr.arpa", "ip6.arpa")
KUBEADM = Authority(("cluster.local", *WIDE), ("10.96.0.0/12", "10.244.1.0/24", "fd00:1::/108"))


def stub(*names: str, reverse: tuple[str, ...] = (), namespaces: tuple[str, ...] = ()) -> Stub:
    zones = tuple(StubZone(name, namespaces=namespaces) for name in names)
    return Stub(zones=zones, servers=(Server("10.96.0.99"),), reverse=reverse)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        (COREFILES["kubeadm"], ("cluster.local", *WIDE)),
        (IMPORTING["k3s"], ("cluster.local", *WIDE)),
        (".:53 {\n kubernetes\n}\n", ()),
        (
            "corp.example:53 10.1.0.0/16 {\n kubernetes {\n  ttl 5\n }\n}\n",
            ("corp.example", "1.10.in-addr.arpa"),
        ),
        (
            "(k) {\n kubernetes Cluster.Example. 10.96.0.0/16\n}\n. {\n import k\n}\n",
            ("cluster.example", "96.10.in-addr.arpa"),
        ),
        (". {\n kubernetes {$DOMAIN} b\n}\nc {\n kubernetes c b\n}\n", ("b", "c")),
        (". {\n kubernetes cluster.local {\n", ()),
        (". {\n k8s_external corp.example\n}\na {\n k8s_external\n}\n", ("corp.example", "a")),
    ],
)
def test_zones_are_those_of_the_plugin_or_of_its_block(text: str, zones: tuple[str, ...]) -> None:
    assert authority_of(Facts(corefiles={"kube-system/coredns": text})).zones == zones


def test_kube_dns_and_ranges_are_known_beside_corefiles() -> None:
    load = Workload(kind="Deployment", namespace="kube-system", name="dns", domain="corp.example")
    ranges = ("10.96.0.0/12",)
    facts = Facts(workloads=(load,), corefiles={"a/b": COREFILES["kubeadm"]}, ranges=ranges)
    assert authority_of(facts) == Authority(("cluster.local", *WIDE, "corp.example"), ranges)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (stub("cluster.local"), "a stub for cluster.local would take cluster.local"),
        (stub("global", "svc.cluster.local"), "a stub for svc.cluster.local would take"),
        (stub("local"), "a stub for local would take cluster.local"),
        (stub("local", namespaces=("cluster",)), "a stub for cluster.local would take"),
        (stub("arpa"), "a stub for arpa would take in-addr.arpa"),
        (stub("128.240.in-addr.arpa"), "would take in-addr.arpa"),
        (stub("global", reverse=("10.0.0.0/8",)), "of 10.0.0.0/8 would take the names of 10.96"),
        (stub("global", reverse=("10.244.1.128/25",)), "take the names of 10.244.1.0/24"),
        (stub("global", reverse=("fd00::/16",)), "take the names of fd00:1::/108"),
    ],
)
def test_what_would_be_taken_from_the_cluster_is_refused(told: Stub, says: str) -> None:
    with pytest.raises(StubError, match=says) as refused:
        check_stub(told, KUBEADM)
    assert refused.value.code == "cluster-domain"
    assert ("zones[].name" in refused.value.hint) is (not told.reverse)


@pytest.mark.parametrize(
    "told",
    [
        stub("global", "mesh.example", "clusterset.local", "my-cluster.local"),
        stub("local", namespaces=("clusters", "shop")),
        stub("global", reverse=("240.128.0.0/10", "fd67::/64", "10.112.0.0/12")),
    ],
)
def test_what_is_beside_it_is_not(told: Stub) -> None:
    check_stub(told, KUBEADM)


def test_a_range_is_read_as_it_is_told_if_at_all() -> None:
    for told in ("10.244.1.1/24", "10.244.1.0/24"):
        pods = Authority(ranges=("010.244.1.0/24", "none", told))
        check_stub(stub("global", reverse=("10.244.2.0/24",)), pods)
        with pytest.raises(StubError, match=r"would take the names of 10\.244\.1\.0/24"):
            check_stub(stub("global", reverse=("10.244.0.0/16",)), pods)


@pytest.mark.parametrize(
    ("zone", "taken", "free"),
    [
        ("{$DOMAIN}", (), ("global", "x.example")),
        ("{%CLUSTER%}.Mesh.Local.", ("a.mesh.local", "mesh.local", "local"), ("b.local", "global")),
        ("{$A}.b.x{$C}y.local", ("local", "a.local"), ("global",)),
    ],
)
def test_of_a_zone_from_the_environment_what_could_equal_it_is_refused(
    zone: str, taken: tuple[str, ...], free: tuple[str, ...]
) -> None:
    authority = authority_of(Facts(corefiles={"a/b": f". {{\n kubernetes {zone} c\n}}\n"}))
    assert authority.zones == ("c",)
    (key,) = authority.unknown
    assert key.zone == zone
    for name in free:
        check_stub(stub(name), authority)
    for name in taken:
        with pytest.raises(StubError, match=f"a stub for {name} may take ") as refused:
            check_stub(stub(name), authority)
        assert refused.value.code == "cluster-domain"
        assert "write that zone out" in refused.value.hint


def test_a_reverse_zone_that_the_cluster_names_itself_is_not_taken() -> None:
    narrow = Authority(("cluster.local", "10.in-addr.arpa"))
    check_stub(stub("global", reverse=("240.0.0.0/8",)), narrow)
    for pool in ("10.0.0.0/8", "10.200.0.0/16"):
        with pytest.raises(StubError, match=r"would take 10\.in-addr\.arpa"):
            check_stub(stub("global", reverse=(pool,)), narrow)
