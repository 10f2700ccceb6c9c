"""A cluster's own DNS in the shape that each platform gives it, as its API server shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.coredns.collection import COREFILES, IMPORTING

Object = dict[str, Any]

OPENSHIFT_KIND = ("operator.openshift.io", "dnses", "DNS", "Cluster")
HELM_KIND = ("helm.cattle.io", "helmchartconfigs", "HelmChartConfig", "Namespaced")


def config_map(name: str, data: Mapping[str, str], *, namespace: str = "kube-system") -> Object:
    """Return a ConfigMap."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def server(
    name: str,
    mounts: Mapping[str, str],
    *,
    kind: str = "Deployment",
    namespace: str = "kube-system",
    app: str = "kube-dns",
    image: str = "registry.k8s.io/coredns/coredns:v1.11.3",
    args: Iterable[str] = (),
) -> Object:
    """Return what runs a DNS server, with the ConfigMaps that it mounts by their paths."""
    labels = {"k8s-app": app}
    volumes = [
        {"name": f"v{number}", "configMap": {"name": config_map_name, "optional": True}}
        for number, config_map_name in enumerate(mounts.values())
    ]
    container = {
        "name": "dns",
        "image": image,
        "args": list(args),
        "volumeMounts": [
            {"name": f"v{number}", "mountPath": path} for number, path in enumerate(mounts)
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "volumes": volumes},
            },
        },
    }


def definition(group: str, plural: str, kind: str, scope: str) -> Object:
    """Return the definition of a platform's own kind."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {
                "plural": plural,
                "singular": kind.lower(),
                "kind": kind,
                "listKind": f"{kind}List",
            },
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


KUBEADM = (
    config_map("coredns", {"Corefile": COREFILES["kubeadm"], "other": "kept\n"}),
    server("coredns", {"/etc/coredns": "coredns"}),
)
K3S = (
    config_map("coredns", {"Corefile": IMPORTING["k3s"], "NodeHosts": "10.1.2.3 node\n"}),
    server("coredns", {"/etc/coredns": "coredns", "/etc/coredns/custom": "coredns-custom"}),
)
AKS = (
    config_map("coredns", {"Corefile": IMPORTING["aks"]}),
    config_map("coredns-custom", {"log.override": "log\n", "corp.server": "corp:53 {\n}\n"}),
    server("coredns", {"/etc/coredns": "coredns", "/etc/coredns/custom": "coredns-custom"}),
)
KUBE_DNS = (
    config_map("kube-dns", {"stubDomains": '{"corp": ["10.1.1.1"]}\n'}),
    server("kube-dns", {"/kube-dns-config": "kube-dns"}, image="gke/k8s-dns-kube-dns:1.23.0"),
)
NODE_LOCAL = (
    *KUBEADM,
    config_map("node-local-dns", {"Corefile": COREFILES["node-local-dns"]}),
    server(
        "node-local-dns",
        {"/etc/coredns": "node-local-dns", "/etc/kube-dns": "kube-dns"},
        kind="DaemonSet",
        app="node-local-dns",
        image="registry.k8s.io/dns/k8s-dns-node-cache:1.23.1",
        args=("-localip", "127.0.0.1,10.0.0.10"),
    ),
)
KUBESPRAY = (
    *KUBEADM,
    config_map("nodelocaldns", {"Corefile": COREFILES["kubespray"]}),
    server(
        "nodelocaldns",
        {"/etc/coredns": "nodelocaldns"},
        kind="DaemonSet",
        app="nodelocaldns",
        image="registry.k8s.io/dns/k8s-dns-node-cache:1.25.0",
    ),
)
OPENSHIFT = (
    {
        "apiVersion": "operator.openshift.io/v1",
        "kind": "DNS",
        "metadata": {"name": "default"},
        "spec": {
            "logLevel": "Normal",
            "servers": [
                {"name": "corp", "zones": ["corp"], "forwardPlugin": {"upstreams": ["10.1.1.1"]}}
            ],
        },
    },
    config_map("dns-default", {"Corefile": "# generated\n"}, namespace="openshift-dns"),
    server(
        "dns-default",
        {"/etc/coredns": "dns-default"},
        kind="DaemonSet",
        namespace="openshift-dns",
        app="",
    ),
)
MICROSHIFT = (
    config_map("dns-default", {"Corefile": COREFILES["microshift"]}, namespace="openshift-dns"),
    server(
        "dns-default",
        {"/etc/coredns": "dns-default"},
        kind="DaemonSet",
        namespace="openshift-dns",
        app="",
    ),
)
RKE2 = (
    config_map("rke2-coredns-rke2-coredns", {"Corefile": COREFILES["rke2"]}),
    server(
        "rke2-coredns-rke2-coredns",
        {"/etc/coredns": "rke2-coredns-rke2-coredns"},
        image="rancher/hardened-coredns:v1.12.0-build20250101",
    ),
)
RKE2_WITH_VALUES = (
    *RKE2,
    {
        "apiVersion": "helm.cattle.io/v1",
        "kind": "HelmChartConfig",
        "metadata": {"name": "rke2-coredns", "namespace": "kube-system"},
        "spec": {"valuesContent": "# ours\nreplicaCount: 3\n"},
    },
)
RKE2_WITH_EMPTY_VALUES = (*RKE2, {**RKE2_WITH_VALUES[-1], "spec": {"valuesContent": ""}})
PLATFORMS: dict[str, tuple[Object, ...]] = {
    "kubeadm": KUBEADM,
    "k3s": K3S,
    "aks": AKS,
    "kube-dns": KUBE_DNS,
    "node-local": NODE_LOCAL,
    "kubespray": KUBESPRAY,
    "openshift": OPENSHIFT,
    "microshift": MICROSHIFT,
    "rke2": RKE2,
    "rke2 with values": RKE2_WITH_VALUES,
    "rke2 with empty values": RKE2_WITH_EMPTY_VALUES,
}
"""Those that are told by us."""
