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


FILE = "/etc/coredns/Corefile"
MOUNTED = ("/etc/coredns", "/etc/custom")
AS_COREFILE = [{"key": "my.conf", "path": "Corefile"}]


@pytest.mark.parametrize(
    ("args", "mount", "items", "keys"),
    [
        (["-conf", FILE], {}, None, {}),
        ([f"-conf={FILE}"], {}, AS_COREFILE, {"m": "my.conf"}),
        ([f"--conf={FILE}"], {}, AS_COREFILE, {"m": "my.conf"}),
        (["-conf", "/etc/coredns/my.conf"], {}, None, {"m": "my.conf"}),
        (["-conf", "/etc/coredns/sub/my.conf"], {}, None, {"m": ""}),
        (["-conf", "/etc/coredns/a/b"], {}, [{"key": "k", "path": "a/b"}], {"m": "k"}),
        (["-conf", FILE], {}, [{"key": "Corefile", "path": "other"}], {"m": ""}),
        (["-conf", "/etc/Corefile"], {}, [{"key": "base", "path": "Corefile.base"}], {"m": "base"}),
        (["-conf", "/etc/Corefile"], {}, [{"key": "base", "path": "other"}], {"m": ""}),
        ([], {}, AS_COREFILE, {"m": "my.conf"}),
        ([], {}, [], {}),
        ([], {}, None, {}),
        (["-conf", FILE], {"mountPath": FILE, "subPath": "my.conf"}, None, {"m": "my.conf"}),
        ([], {"mountPath": FILE, "subPath": "my.conf"}, None, {"m": "my.conf"}),
        (["-conf", FILE], {"subPath": "a"}, [{"key": "k", "path": "a/Corefile"}], {"m": "k"}),
    ],
)
def test_the_corefile_is_the_key_whose_file_the_server_reads(
    args: list[str], mount: dict[str, str], items: list[dict[str, str]] | None, keys: dict[str, str]
) -> None:
    manifest = server("coredns", {"/etc/coredns": "m"}, args=args)
    pod = manifest["spec"]["template"]["spec"]
    pod["containers"][0]["volumeMounts"][0] |= mount
    pod["volumes"][0]["configMap"]["items"] = items
    assert controller(manifest).to_workload("Deployment").keys == keys


def test_of_several_configmaps_one_has_the_file_that_is_read() -> None:
    mounts = {"/etc/coredns": "coredns", "/etc/coredns/custom": "mine"}
    manifest = server("coredns", mounts)
    manifest["spec"]["template"]["spec"]["containers"][0]["command"] = ["/coredns", "-conf", FILE]
    assert controller(manifest).to_workload("Deployment").keys == {"mine": ""}


def test_a_configmap_that_is_mounted_elsewhere_too_has_the_file_still() -> None:
    mounts = {"/backup": "m", "/etc/coredns": "m", "/other": "m"}
    manifest = server("coredns", mounts, args=["-conf", "/etc/coredns/my.conf"])
    assert controller(manifest).to_workload("Deployment").keys == {"m": "my.conf"}


def test_a_container_that_says_its_file_counts_before_others() -> None:
    manifest = server("coredns", {"/etc/coredns": "m"}, args=["-conf", "/etc/coredns/my.conf"])
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {**containers[0], "args": []})
    assert controller(manifest).to_workload("Deployment").keys == {"m": "my.conf"}


@pytest.mark.parametrize("args", [["-conf", FILE], []])
def test_of_several_configmaps_in_a_volume_one_has_the_file_that_is_read(args: list[str]) -> None:
    manifest = server("coredns", {"/etc/coredns": "hosts"}, args=args)
    (volume,) = manifest["spec"]["template"]["spec"]["volumes"]
    sources = [
        {"configMap": {"name": name, "items": [{"key": key, "path": path}]}}
        for name, key, path in (("hosts", "NodeHosts", "NodeHosts"), ("m", "my.conf", "Corefile"))
    ]
    volume.update(configMap=None, projected={"sources": [{"secret": {}}, *sources]})
    load = controller(manifest).to_workload("Deployment")
    assert load.config_maps == {"/etc/coredns": "m"}
    assert load.key_of("m") == "my.conf"


@pytest.mark.parametrize(("args", "behind"), [(["-conf", FILE], 0), (["-conf", FILE], 1), ([], 1)])
def test_of_two_containers_at_one_path_that_which_names_its_file_counts(
    args: list[str], behind: int
) -> None:
    manifest = server("coredns", {"/etc/coredns": "m", "/etc/custom": "c"}, args=args)
    pod = manifest["spec"]["template"]["spec"]
    side = [{"name": f"s{at}", "mountPath": path} for at, path in enumerate(MOUNTED)]
    pod["volumes"] += [{"name": f"s{at}", "configMap": {"name": f"side{at}"}} for at in (0, 1)]
    pod["containers"].insert(behind, {"volumeMounts": side})
    load = controller(manifest).to_workload("Deployment")
    assert load.config_maps == {"/etc/coredns": "m", "/etc/custom": "c"}


def test_kube_dns_says_the_clusters_domain() -> None:
    manifest = server("kube-dns", {}, args=["--domain=Corp.example.", "--dns-port=10053"])
    assert controller(manifest).to_workload("Deployment").domain == "corp.example"


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
