"""Whose DNS a cluster has, by what was seen of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.coredns.platforms import (
    Facts,
    ManagedElsewhere,
    Platform,
    Workload,
    detect,
)
from globaldns.coredns.targets import Shape, Target
from tests.coredns.collection import COREFILES, IMPORTING

COREDNS = Workload(
    kind="Deployment",
    namespace="kube-system",
    name="coredns",
    labels={"k8s-app": "kube-dns"},
    config_maps={"/etc/coredns": "coredns"},
)
CUSTOM = Workload(
    kind="Deployment",
    namespace="kube-system",
    name="coredns",
    config_maps={"/etc/coredns": "coredns", "/etc/coredns/custom": "my-custom"},
)
KUBE_DNS = Workload(
    kind="Deployment",
    namespace="kube-system",
    name="kube-dns",
    config_maps={"/kube-dns-config": "kube-dns"},
)
NODE_LOCAL = Workload(
    kind="DaemonSet",
    namespace="kube-system",
    name="node-local-dns",
    labels={"k8s-app": "node-local-dns"},
    config_maps={"/etc/coredns": "node-local-dns"},
)
RKE2 = Workload(
    kind="Deployment",
    namespace="kube-system",
    name="rke2-coredns-rke2-coredns",
    config_maps={"/etc/coredns": "rke2-coredns-rke2-coredns"},
)
MICROSHIFT = Workload(
    kind="DaemonSet",
    namespace="openshift-dns",
    name="dns-default",
    config_maps={"/etc/coredns": "dns-default"},
)
NAME = "kube-system/coredns"


def facts(load: Workload | None = COREDNS, text: str = COREFILES["kubeadm"], **more: Any) -> Facts:
    """What was seen where one server reads a Corefile."""
    if load is None:
        return Facts(**more)
    name = f"{load.namespace}/{next(iter(load.config_maps.values()))}"
    return Facts(workloads=(load,), corefiles={name: text}, **more)


EDITED = {
    Platform.COREDNS: (facts(), Shape.COREFILE, "kube-system/coredns", "Corefile"),
    Platform.CUSTOM: (
        facts(CUSTOM, IMPORTING["k3s"]),
        Shape.CUSTOM,
        "kube-system/my-custom",
        "globaldns.server",
    ),
    Platform.KUBE_DNS: (
        Facts(workloads=(KUBE_DNS,)),
        Shape.STUB_DOMAINS,
        "kube-system/kube-dns",
        "stubDomains",
    ),
    Platform.OPENSHIFT: (
        facts(MICROSHIFT, objects=frozenset({"dnses.operator.openshift.io/default"})),
        Shape.OPENSHIFT,
        "/default",
        "spec.servers",
    ),
    Platform.MICROSHIFT: (
        facts(MICROSHIFT, COREFILES["microshift"]),
        Shape.COREFILE,
        "openshift-dns/dns-default",
        "Corefile",
    ),
    Platform.RKE2: (
        facts(RKE2, COREFILES["rke2"], api_groups=frozenset({"helm.cattle.io"})),
        Shape.HELM_VALUES,
        "kube-system/rke2-coredns",
        "spec.valuesContent",
    ),
}


@pytest.mark.parametrize(("platform", "row"), EDITED.items(), ids=EDITED)
def test_what_is_edited_and_where(platform: Platform, row: tuple[Facts, Shape, str, str]) -> None:
    seen, shape, name, key = row
    (found,) = detect(seen)
    assert found.platform is platform
    assert isinstance(found.place, Target)
    place = found.place
    assert (place.shape, f"{place.namespace}/{place.name}", place.key) == (shape, name, key)
    assert found.reasons


@pytest.mark.parametrize(
    ("mounts", "name"),
    [
        ({"/etc/coredns/custom/": "mine"}, "mine"),
        ({"/x/notcustom": "other", "/etc/coredns/custom": "mine"}, "mine"),
        ({"/x/notcustom": "other"}, "coredns-custom"),
    ],
)
def test_blocks_are_imported_from_what_is_mounted_there(mounts: dict[str, str], name: str) -> None:
    load = msgspec.structs.replace(CUSTOM, config_maps={"/etc/coredns": "coredns", **mounts})
    for pattern in ("custom/*.server", "/etc/coredns/custom/*.server"):
        (found,) = detect(facts(load, f"import {pattern}\n.:53 {{\n}}\n"))
        assert isinstance(found.place, Target)
        assert found.place.name == name


ELSEWHERE: dict[Platform, tuple[Facts, str]] = {
    Platform.EKS_ADDON: (
        facts(managers={NAME: frozenset({"eks"})}),
        "field manager eks of ConfigMap kube-system/coredns",
    ),
    Platform.EKS_AUTO: (
        facts(None, node_labels=frozenset({"eks.amazonaws.com/compute-type=auto"})),
        "eks.amazonaws.com/compute-type=auto on every node",
    ),
    Platform.GKE_AUTOPILOT: (
        facts(KUBE_DNS, api_groups=frozenset({"auto.gke.io"})),
        "API group auto.gke.io",
    ),
    Platform.GKE_CLOUD_DNS: (
        facts(None, server_version="v1.31.1-gke.1846000"),
        "server version v1.31.1-gke.1846000",
    ),
    Platform.ACK: (
        facts(None, server_version="v1.31.1-aliyun.1"),
        "server version v1.31.1-aliyun.1",
    ),
    Platform.CCE: (
        facts(labels={NAME: {"release": "cceaddon-coredns"}}),
        "label release=cceaddon-coredns of ConfigMap kube-system/coredns",
    ),
    Platform.YANDEX: (
        facts(text=f"import /etc/coredns-user/Corefile\n{COREFILES['kubeadm']}"),
        "ConfigMap kube-system/coredns imports /etc/coredns-user/Corefile",
    ),
    Platform.KOPS: (
        facts(labels={NAME: {"addon.kops.k8s.io/name": "coredns.addons.k8s.io"}}),
        "labels of kOps on ConfigMap kube-system/coredns",
    ),
    Platform.UNKNOWN: (
        Facts(),
        "no Deployment or DaemonSet is known for the cluster's DNS",
    ),
}


@pytest.mark.parametrize(("platform", "row"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_what_is_managed_elsewhere_and_why(platform: Platform, row: tuple[Facts, str]) -> None:
    seen, reason = row
    (found,) = detect(seen)
    assert found.platform is platform
    assert isinstance(found.place, ManagedElsewhere)
    assert reason in found.reasons


def test_every_platform_is_told_from_the_others() -> None:
    caches = {Platform.NODE_LOCAL, Platform.AKS_LOCAL_DNS}
    assert set(EDITED) | set(ELSEWHERE) | caches == set(Platform)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/coredns/coredns:v1.11.3", (1, 11, 3)),
        ("coredns:latest", ()),
        ("registry.example/dns:1.22.0", ()),
    ],
)
def test_the_image_says_which_coredns_it_is(image: str, version: tuple[int, ...]) -> None:
    (found,) = detect(facts(msgspec.structs.replace(COREDNS, images=("side:1", image))))
    assert found.build.version == version


def test_a_label_of_eks_alone_is_no_add_on() -> None:
    (found,) = detect(facts(labels={NAME: {"eks.amazonaws.com/component": "coredns"}}))
    assert found.platform is Platform.COREDNS


def test_a_server_of_which_no_corefile_is_known_is_named() -> None:
    (found,) = detect(Facts(workloads=(COREDNS,)))
    assert found.platform is Platform.UNKNOWN
    assert found.reasons == ("Deployment kube-system/coredns mounts no ConfigMap with a Corefile",)


def test_a_corefile_that_cannot_be_read_is_still_the_clusters() -> None:
    (found,) = detect(facts(text=".:53 {"))
    assert found.platform is Platform.COREDNS


@pytest.mark.parametrize(
    ("more", "shape", "name"),
    [
        ({}, Shape.COREFILE, "node-local-dns"),
        ({"/etc/kube-dns": "kube-dns"}, Shape.STUB_DOMAINS, "kube-dns"),
    ],
)
def test_caches_of_nodes_are_told_besides(more: dict[str, str], shape: Shape, name: str) -> None:
    cache = msgspec.structs.replace(
        NODE_LOCAL, config_maps={**NODE_LOCAL.config_maps, **more}, images=("coredns:1.22.0",)
    )
    main, local = detect(Facts(workloads=(cache, COREDNS), corefiles={NAME: COREFILES["kubeadm"]}))
    assert main.platform is Platform.COREDNS
    assert local.platform is Platform.NODE_LOCAL
    assert local.build.version == ()
    assert isinstance(local.place, Target)
    assert (local.place.shape, local.place.name) == (shape, name)


@pytest.mark.parametrize(
    "seen", [{"keys": dict.fromkeys(NODE_LOCAL.config_maps.values(), "")}, {"config_maps": {}}]
)
def test_a_cache_of_nodes_whose_corefile_is_no_configmaps_is_told_by_others(
    seen: dict[str, dict[str, str]],
) -> None:
    cache = msgspec.structs.replace(NODE_LOCAL, **seen)
    _, local = detect(Facts(workloads=(cache, COREDNS), corefiles={NAME: COREFILES["kubeadm"]}))
    assert local.place == ManagedElsewhere("whoever runs the nodes' cache")
    assert local.reasons[0].endswith("mounts no ConfigMap with a Corefile")


def test_caches_of_aks_have_a_profile_of_their_own() -> None:
    _, local = detect(facts(node_labels=frozenset({"kubernetes.azure.com/localdns-state=enabled"})))
    assert local.platform is Platform.AKS_LOCAL_DNS
    assert local.place == ManagedElsewhere("AKS LocalDNS")
