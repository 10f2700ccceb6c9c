"""What a Deployment or a DaemonSet says of the DNS server that it runs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.stubs.workloads import Controller
from tests.stubs.platforms import server


def controller(manifest: dict[str, Any]) -> Controller:
    return msgspec.convert(manifest, Controller)


def labelled(name: str = "any", **labels: str) -> Controller:
    manifest = server(name, {})
    manifest["metadata"]["labels"] = labels
    return controller(manifest)


@pytest.mark.parametrize(
    "found",
    [
        labelled(**{"k8s-app": "kube-dns"}),
        labelled(**{"k8s-app": "node-local-dns"}),
        labelled(**{"app.kubernetes.io/name": "rke2-coredns"}),
        labelled("dns-default"),
    ],
)
def test_a_dns_server_is_known_by_its_labels_or_by_its_name(found: Controller) -> None:
    assert found.is_dns


@pytest.mark.parametrize("app", ["kube-dns-autoscaler", "metrics-server"])
def test_other_servers_are_none(app: str) -> None:
    assert not labelled(app, **{"k8s-app": app}).is_dns


def test_configmaps_are_those_that_are_mounted_whatever_kind_of_volume_has_them() -> None:
    manifest = server("coredns", {"/etc/coredns": "coredns", "/etc/custom": "mine"})
    pod = manifest["spec"]["template"]["spec"]
    pod["volumes"][1] = {"name": "v1", "projected": {"sources": [{"configMap": {"name": "mine"}}]}}
    pod["volumes"].append({"name": "v2", "configMap": {"name": "not mounted"}})
    pod["volumes"].append({"name": "v3", "emptyDir": {}})
    load = controller(manifest).to_workload("Deployment")
    assert load.config_maps == {"/etc/coredns": "coredns", "/etc/custom": "mine"}
    assert (load.kind, load.namespace, load.name) == ("Deployment", "kube-system", "coredns")
    assert load.images == ("registry.k8s.io/coredns/coredns:v1.11.3",)


@pytest.mark.parametrize(
    ("args", "addresses"),
    [
        (["-localip", "169.254.20.10,10.96.0.10", "-conf", "x"], ("169.254.20.10", "10.96.0.10")),
        (["-localip=169.254.20.10"], ("169.254.20.10",)),
        (["-conf", "x"], ()),
    ],
)
def test_a_nodes_cache_says_where_it_listens(args: list[str], addresses: tuple[str, ...]) -> None:
    assert controller(server("cache", {}, args=args)).local_addresses == addresses
