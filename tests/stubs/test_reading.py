"""What an API server says of its cluster's DNS."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.platforms import Platform, detect
from globaldns.errors import ApiRefused
from globaldns.kube import listing
from globaldns.stubs.reading import get_if_there, read_cluster
from globaldns.stubs.verification import QueryPath
from tests.stubs.clusters import DNSES, SERVICE_CIDRS, cluster
from tests.stubs.platforms import (
    KUBEADM,
    NODE_LOCAL,
    OPENSHIFT,
    PLATFORMS,
    config_map,
    server,
)


def service(name: str, inside: str = "kube-system", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": inside}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def node(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


async def test_all_that_decides_whose_dns_it_is() -> None:
    async with cluster(*KUBEADM, node("a", os="linux", x="1"), node("b", os="linux")) as (
        _,
        client,
    ):
        facts = (await read_cluster(client)).facts
    (load,) = facts.workloads
    assert (load.name, dict(load.config_maps)) == ("coredns", {"/etc/coredns": "coredns"})
    assert facts.corefiles == {"kube-system/coredns": KUBEADM[0]["data"]["Corefile"]}
    assert facts.managers == {"kube-system/coredns": frozenset({"kubectl"})}
    assert facts.node_labels == {"os=linux"}
    assert {"apps", "helm.cattle.io"} <= facts.api_groups
    assert facts.server_version == "v1.37.2"
    assert facts.objects == frozenset()


@pytest.mark.parametrize("name", PLATFORMS)
async def test_each_platform_is_told_from_the_others(name: str) -> None:
    expected = {
        "kubeadm": [Platform.COREDNS],
        "k3s": [Platform.CUSTOM],
        "aks": [Platform.CUSTOM],
        "kube-dns": [Platform.KUBE_DNS],
        "node-local": [Platform.COREDNS, Platform.NODE_LOCAL],
        "kubespray": [Platform.COREDNS, Platform.NODE_LOCAL],
        "openshift": [Platform.OPENSHIFT],
        "microshift": [Platform.MICROSHIFT],
        "rke2": [Platform.RKE2],
        "rke2 with values": [Platform.RKE2],
        "rke2 with empty values": [Platform.RKE2],
    }
    async with cluster(*PLATFORMS[name]) as (_, client):
        found = detect((await read_cluster(client)).facts)
    assert [one.platform for one in found] == expected[name]


async def test_the_one_that_has_its_configuration_with_it_comes_first() -> None:
    autoscaler = server("autoscaler", {"/etc/scale": "scale"})
    async with cluster(autoscaler, *KUBEADM) as (_, client):
        facts = (await read_cluster(client)).facts
    assert [load.name for load in facts.workloads] == ["coredns", "autoscaler"]


async def test_what_people_run_elsewhere_is_not_looked_at() -> None:
    theirs = server("coredns", {"/etc/coredns": "coredns"}, namespace="lab")
    async with cluster(theirs) as (running, client):
        facts = (await read_cluster(client)).facts
        assert running.count("list", "deployments.apps", "lab") == 0
    assert facts.workloads == ()


async def test_the_namespace_of_openshift_is_looked_at_where_its_kinds_are() -> None:
    async with cluster(*KUBEADM) as (running, client):
        await read_cluster(client)
        assert running.count("list", "deployments.apps", "openshift-dns") == 1
        running.unserve(DNSES.id)
        await read_cluster(client)
        assert running.count("list", "deployments.apps", "openshift-dns") == 1


async def test_the_ways_of_questions_are_the_services_and_the_nodes_caches() -> None:
    services = [
        service("kube-dns", clusterIP="10.0.0.10", clusterIPs=["10.0.0.10", "fd00::a"]),
        service("dns-default", "openshift-dns", clusterIP="10.0.0.11"),
        service("metrics-server", clusterIP="10.0.0.12"),
        service("coredns", clusterIP="None"),
    ]
    async with cluster(*NODE_LOCAL, *services) as (_, client):
        paths = (await read_cluster(client)).paths
    assert paths == (
        QueryPath("cluster-dns", "10.0.0.10"),
        QueryPath("cluster-dns", "fd00::a"),
        QueryPath("cluster-dns", "10.0.0.11"),
        QueryPath("node-local", "127.0.0.1"),
    )


async def test_the_addresses_of_a_cluster_are_ranges_where_they_are_told_else_those_seen() -> None:
    told = {"kind": "ServiceCIDR", "spec": {"cidrs": ["10.96.0.0/12", "fd00:1::/108"]}}
    told |= {"apiVersion": "networking.k8s.io/v1", "metadata": {"name": "kubernetes"}}
    seen = [
        service("kube-dns", clusterIP="10.96.0.10", clusterIPs=["10.96.0.10", "fd00:1::a"]),
        service("headless", clusterIP="None"),
        node("a") | {"spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}},
    ]
    addresses = ("10.96.0.10", "fd00:1::a", "10.244.0.0/24")
    async with cluster(*KUBEADM, *seen) as (running, client):
        assert (await read_cluster(client)).facts.ranges == addresses
        running.serve(SERVICE_CIDRS)
        running.put(told)
        known = (await read_cluster(client)).facts.ranges
        assert known == ("10.96.0.0/12", "fd00:1::/108", *addresses)
        running.deny("list", "servicecidrs.networking.k8s.io")
        assert (await read_cluster(client)).facts.ranges == addresses


async def test_a_corefile_is_the_key_that_the_server_reads() -> None:
    maps = config_map("coredns", {"Corefile": "unused {\n}\n", "my.conf": ".:53 {\n}\n"})
    load = server("coredns", {"/etc/coredns": "coredns"}, args=("-conf", "/etc/coredns/Corefile"))
    (volume,) = load["spec"]["template"]["spec"]["volumes"]
    volume["configMap"]["items"] = [{"key": "my.conf", "path": "Corefile"}]
    other = server("other", {"/etc/coredns": "coredns"})
    async with cluster(maps, load, other) as (_, client):
        facts = (await read_cluster(client)).facts
        assert facts.corefiles == {"kube-system/coredns": ".:53 {\n}\n"}
        (found,) = detect(facts)
        assert str(found.place) == "configmaps kube-system/coredns my.conf"
    volume["configMap"]["items"] = [{"key": "my.conf", "path": "other"}]
    async with cluster(maps, load) as (_, client):
        (found,) = detect((await read_cluster(client)).facts)
    assert found.platform is Platform.UNKNOWN
    assert found.reasons == ("Deployment kube-system/coredns mounts no ConfigMap with a Corefile",)


async def test_an_operators_object_is_looked_for() -> None:
    async with cluster(*OPENSHIFT) as (_, client):
        facts = (await read_cluster(client)).facts
    assert facts.objects == {"dnses.operator.openshift.io/default"}


async def test_lists_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    nodes = [node(f"n{number}", **{"all": "1", f"n{number}": "1"}) for number in range(5)]
    async with cluster(*nodes) as (running, client):
        facts = (await read_cluster(client)).facts
        assert running.count("list", "nodes") == 3
    assert facts.node_labels == {"all=1"}


async def test_what_may_not_be_read_is_said() -> None:
    async with cluster(*KUBEADM) as (running, client):
        running.deny("get", "configmaps")
        with pytest.raises(ApiRefused, match="configmaps"):
            await read_cluster(client)
        running.allow()
        assert await get_if_there(client, "/api/v1/namespaces/none") is None
