"""Which DNS a cluster has, and where it is told of a zone: a decision from what was seen.

Nobody is fought: where an operator, an add-on or a cloud owns the configuration, the answer is
whose it is, and ``vendors`` has the words to tell them.

======================================  ==========================================================
seen, in this order                     told where
======================================  ==========================================================
``dnses.operator.openshift.io/default``  its ``spec.servers``
CoreDNS of RKE2's chart                 ``spec.valuesContent`` of HelmChartConfig ``rke2-coredns``
marks of a cloud, an add-on, kOps       elsewhere
a Corefile that imports blocks          a key of its own in the ConfigMap that is imported
kube-dns                                ``stubDomains``
CoreDNS with a ConfigMap                the Corefile
======================================  ==========================================================

NodeLocal DNSCache beside them answers pods first, and is told itself: by kube-dns's stub domains
where it mounts them, else in its own Corefile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

from globaldns.coredns.corefile import Corefile, parse_corefile
from globaldns.coredns.custom import key_for
from globaldns.coredns.rendering import UNKNOWN, Build, parse_version
from globaldns.coredns.surroundings import find_import
from globaldns.coredns.targets import Shape, Target
from globaldns.errors import StubError

SYSTEM = "kube-system"
COREFILE = "Corefile"
_KUBE_DNS = "kube-dns"
_YANDEX = "/etc/coredns-user/"
_AUTOPILOT = "auto.gke.io"
_EKS_AUTO = "eks.amazonaws.com/compute-type=auto"
_AKS_LOCAL_DNS = "kubernetes.azure.com/localdns-state=enabled"


class Platform(StrEnum):
    """Whose DNS it is."""

    COREDNS = "coredns"
    CUSTOM = "coredns-custom"
    KUBE_DNS = "kube-dns"
    NODE_LOCAL = "node-local-dns"
    OPENSHIFT = "openshift"
    MICROSHIFT = "microshift"
    RKE2 = "rke2"
    EKS_ADDON = "eks-addon"
    EKS_AUTO = "eks-auto-mode"
    GKE_AUTOPILOT = "gke-autopilot"
    GKE_CLOUD_DNS = "gke-cloud-dns"
    ACK = "ack-managed"
    CCE = "cce"
    YANDEX = "yandex"
    KOPS = "kops"
    AKS_LOCAL_DNS = "aks-local-dns"
    UNKNOWN = "unknown"


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment or DaemonSet that may be the cluster's DNS."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str] = {}
    images: tuple[str, ...] = ()
    config_maps: Mapping[str, str] = {}
    """ConfigMaps of its volumes, by the path where they are mounted."""
    keys: Mapping[str, str] = {}
    """Which key of a ConfigMap is its Corefile, where that is not ``Corefile``; empty: none is."""
    domain: str = ""
    """Kube-dns's own, without a dot at the end."""

    def key_of(self, config_map: str) -> str:
        """Return the key of a ConfigMap that it reads as its Corefile; empty: none."""
        return self.keys.get(config_map, COREFILE)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a cluster, as far as it may say whose DNS it has."""

    workloads: tuple[Workload, ...] = ()
    corefiles: Mapping[str, str] = {}
    """What servers read of ConfigMaps as their Corefile, by ``namespace/name``."""
    labels: Mapping[str, Mapping[str, str]] = {}
    """Labels of ConfigMaps, likewise."""
    managers: Mapping[str, frozenset[str]] = {}
    """Field managers of ConfigMaps, likewise."""
    objects: frozenset[str] = frozenset()
    """``resource.group/name`` of cluster-wide objects that were looked for and found."""
    api_groups: frozenset[str] = frozenset()
    node_labels: frozenset[str] = frozenset()
    """``key=value`` that every node has."""
    server_version: str = ""
    """``gitVersion`` of the API server."""
    ranges: tuple[str, ...] = ()
    """CIDRs of Services and pods, as far as they are known."""


class ManagedElsewhere(msgspec.Struct, frozen=True):
    """Somebody else has the configuration, and would write over ours."""

    owner: str


class Detection(msgspec.Struct, frozen=True):
    """One DNS of a cluster."""

    platform: Platform
    reasons: tuple[str, ...]
    """The facts that decided, a line each."""
    place: Target | ManagedElsewhere
    build: Build = UNKNOWN
    """What is known of the CoreDNS that reads it."""
    server: str = ""
    """What runs it, as kubectl's arguments: ``-n kube-system deployment/coredns``."""


_Sign = tuple[Platform, str, tuple[str, ...]]
"""Platform, owner, and the facts that say so."""


def detect(facts: Facts) -> tuple[Detection, ...]:
    """Return whose DNS pods ask: the cluster's own, and the nodes' caches if there are any."""
    main = next(iter(_candidates(facts)))
    server = _server(facts)
    if server is not None:
        main = msgspec.structs.replace(main, build=_build(server), server=_arguments(server))
    caches = (_node_local(facts, load) for load in facts.workloads if _is_node_local(load))
    return (main, *caches, *_aks_local_dns(facts))


def _candidates(facts: Facts) -> Iterator[Detection]:
    """Yield what it may be; the first is meant."""
    yield from _operators(facts)
    yield from _clouds(facts)
    reason = "no Deployment or DaemonSet is known for the cluster's DNS"
    if (server := _server(facts)) is not None:
        yield from _servers(facts, server)
        reason = f"{_seen(server)} mounts no ConfigMap with a Corefile"
    owner = ManagedElsewhere("whoever runs the cluster's DNS")
    yield Detection(Platform.UNKNOWN, (reason,), owner)


def _operators(facts: Facts) -> Iterator[Detection]:
    if "dnses.operator.openshift.io/default" in facts.objects:
        yield Detection(
            Platform.OPENSHIFT,
            ("object dnses.operator.openshift.io/default",),
            Target(
                shape=Shape.OPENSHIFT,
                resource="dnses.operator.openshift.io",
                name="default",
                key="spec.servers",
            ),
        )
    for load in facts.workloads:
        if load.name.startswith("rke2-coredns") and "helm.cattle.io" in facts.api_groups:
            yield Detection(
                Platform.RKE2,
                (_seen(load), "API group helm.cattle.io"),
                Target(
                    shape=Shape.HELM_VALUES,
                    resource="helmchartconfigs.helm.cattle.io",
                    namespace=SYSTEM,
                    name="rke2-coredns",
                    key="spec.valuesContent",
                    base=_config_map(facts, load),
                ),
            )


def _clouds(facts: Facts) -> Iterator[Detection]:
    server = _server(facts)
    signs = _signs_without_server(facts) if server is None else _signs_on(facts, server)
    for platform, owner, reasons in signs:
        yield Detection(platform, reasons, ManagedElsewhere(owner))


def _signs_without_server(facts: Facts) -> Iterator[_Sign]:
    """Yield whose DNS it may be where no server of it is in the cluster."""
    version, none = f"server version {facts.server_version}", "no DNS server in the cluster"
    if _AUTOPILOT in facts.api_groups:
        yield Platform.GKE_AUTOPILOT, "GKE Autopilot", (f"API group {_AUTOPILOT}", none)
    if "-gke." in facts.server_version:
        yield Platform.GKE_CLOUD_DNS, "Cloud DNS", (version, none)
    if _EKS_AUTO in facts.node_labels:
        yield Platform.EKS_AUTO, "EKS Auto Mode", (f"{_EKS_AUTO} on every node", none)
    if "-aliyun." in facts.server_version:
        yield Platform.ACK, "ACK's managed CoreDNS", (version, none)


def _signs_on(facts: Facts, load: Workload) -> Iterator[_Sign]:
    """Yield whose a server and its ConfigMap are, where they say so."""
    name = _config_map(facts, load)
    if _AUTOPILOT in facts.api_groups:
        yield Platform.GKE_AUTOPILOT, "GKE Autopilot", (f"API group {_AUTOPILOT}",)
    if "eks" in facts.managers.get(name, ()):
        yield Platform.EKS_ADDON, "the EKS add-on", (f"field manager eks of ConfigMap {name}",)
    labels = facts.labels.get(name, {})
    if labels.get("release") == "cceaddon-coredns":
        reason = f"label release=cceaddon-coredns of ConfigMap {name}"
        yield Platform.CCE, "the CCE add-on", (reason,)
    if "addon.kops.k8s.io/name" in labels or "k8s-addon" in labels:
        yield Platform.KOPS, "kOps", (f"labels of kOps on ConfigMap {name}",)
    imports = _read(facts, name).imports
    if any(pattern.startswith(_YANDEX) for pattern in imports):
        yield Platform.YANDEX, "Yandex Cloud", (f"ConfigMap {name} imports {imports[0]}",)


def _servers(facts: Facts, load: Workload) -> Iterator[Detection]:
    name = _config_map(facts, load)
    pattern = find_import(_read(facts, name))
    if pattern is not None:
        yield Detection(
            Platform.CUSTOM,
            (_seen(load), f"ConfigMap {name} imports {pattern}"),
            _config_map_target(
                Shape.CUSTOM,
                _custom_map(load, pattern),
                key_for(facts.corefiles[name]),
                base=name,
            ),
        )
    if name.rpartition("/")[2] == _KUBE_DNS:
        yield Detection(
            Platform.KUBE_DNS,
            (_seen(load), f"it mounts ConfigMap {name}"),
            _config_map_target(Shape.STUB_DOMAINS, name, "stubDomains"),
        )
    if name in facts.corefiles:
        is_micro = load.namespace == "openshift-dns"
        yield Detection(
            Platform.MICROSHIFT if is_micro else Platform.COREDNS,
            (_seen(load), f"it mounts ConfigMap {name}, with a Corefile"),
            _corefile_target(load, name),
        )


def _node_local(facts: Facts, load: Workload) -> Detection:
    if _KUBE_DNS in load.config_maps.values():
        target = _config_map_target(
            Shape.STUB_DOMAINS, f"{load.namespace}/{_KUBE_DNS}", "stubDomains"
        )
        return Detection(
            Platform.NODE_LOCAL,
            (_seen(load), f"it mounts ConfigMap {_KUBE_DNS}"),
            target,
            server=_arguments(load),
        )
    name = _config_map(facts, load)
    if not name or not load.key_of(name.rpartition("/")[2]):
        reason = f"{_seen(load)} mounts no ConfigMap with a Corefile"
        owner = ManagedElsewhere("whoever runs the nodes' cache")
        return Detection(Platform.NODE_LOCAL, (reason,), owner, server=_arguments(load))
    return Detection(
        Platform.NODE_LOCAL,
        (_seen(load), f"it mounts ConfigMap {name}"),
        _corefile_target(load, name),
        server=_arguments(load),
    )


def _aks_local_dns(facts: Facts) -> Iterator[Detection]:
    if _AKS_LOCAL_DNS in facts.node_labels:
        owner = ManagedElsewhere("AKS LocalDNS")
        yield Detection(Platform.AKS_LOCAL_DNS, (f"{_AKS_LOCAL_DNS} on every node",), owner)


def _server(facts: Facts) -> Workload | None:
    """Return what answers for the cluster itself."""
    return next((load for load in facts.workloads if not _is_node_local(load)), None)


def _build(load: Workload) -> Build:
    """Return what the image says; the tag of a node's cache is not CoreDNS's version."""
    versions = (parse_version(image) for image in load.images if "coredns" in image)
    return Build(version=next(versions, ()))


def _is_node_local(load: Workload) -> bool:
    return load.labels.get("k8s-app") in {"node-local-dns", "nodelocaldns"}


def _seen(load: Workload) -> str:
    return f"{load.kind} {load.namespace}/{load.name}"


def _arguments(load: Workload) -> str:
    return f"-n {load.namespace} {load.kind.lower()}/{load.name}"


def _config_map(facts: Facts, load: Workload) -> str:
    """Return ``namespace/name`` of the ConfigMap that a server reads, one with a Corefile first."""
    names = [f"{load.namespace}/{name}" for name in load.config_maps.values()]
    return min(names, key=lambda name: name not in facts.corefiles, default="")


def _custom_map(load: Workload, pattern: str) -> str:
    """Return the ConfigMap that is mounted where blocks are imported from."""
    folder = PurePosixPath(pattern).parts[:-1]
    mounted = (
        name
        for path, name in load.config_maps.items()
        if not folder or PurePosixPath(path).parts[-len(folder) :] == folder
    )
    return f"{load.namespace}/{next(mounted, 'coredns-custom')}"


def _corefile_target(load: Workload, full_name: str) -> Target:
    key = load.key_of(full_name.rpartition("/")[2])
    return _config_map_target(Shape.COREFILE, full_name, key, base=full_name)


def _config_map_target(shape: Shape, full_name: str, key: str, *, base: str = "") -> Target:
    namespace, _, name = full_name.partition("/")
    return Target(
        shape=shape, resource="configmaps", namespace=namespace, name=name, key=key, base=base
    )


def _read(facts: Facts, name: str) -> Corefile:
    """Return a Corefile; one that cannot be read says nothing of whose it is."""
    try:
        return parse_corefile(facts.corefiles.get(name, ""))
    except StubError:
        return parse_corefile("")
