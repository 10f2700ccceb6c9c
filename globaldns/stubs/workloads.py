"""What a Deployment or a DaemonSet says of the DNS server that it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from globaldns.coredns.platforms import Workload

_APPS = frozenset({"kube-dns", "coredns", "node-local-dns", "nodelocaldns"})
_NAMES = frozenset({"coredns", "rke2-coredns"})
_FIXED = frozenset({"coredns", "kube-dns", "dns-default"})
"""Names of servers that have none of the labels."""
_LOCAL_IP = "-localip"
"""What tells NodeLocal DNSCache where to listen: addresses, separated by commas."""


class _Named(msgspec.Struct):
    name: str = ""


class _Source(msgspec.Struct, rename="camel"):
    config_map: _Named | None = None


class _Projected(msgspec.Struct):
    sources: list[_Source] | None = None


class _Volume(msgspec.Struct, rename="camel"):
    name: str
    config_map: _Named | None = None
    projected: _Projected | None = None


class _Mount(msgspec.Struct, rename="camel"):
    name: str
    mount_path: str


class _Container(msgspec.Struct, rename="camel"):
    image: str = ""
    args: list[str] | None = None
    volume_mounts: list[_Mount] | None = None


class _PodSpec(msgspec.Struct):
    containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _Template(msgspec.Struct):
    spec: _PodSpec


class _Spec(msgspec.Struct):
    template: _Template


class _Meta(msgspec.Struct):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class Controller(msgspec.Struct):
    """A Deployment or a DaemonSet, as far as it is read."""

    metadata: _Meta
    spec: _Spec

    @property
    def is_dns(self) -> bool:
        """Whether it may be the cluster's DNS, or a cache of it."""
        labels = self.metadata.labels or {}
        return (
            labels.get("k8s-app") in _APPS
            or labels.get("app.kubernetes.io/name") in _NAMES
            or self.metadata.name in _FIXED
        )

    @property
    def local_addresses(self) -> tuple[str, ...]:
        """Where NodeLocal DNSCache listens on every node."""
        return tuple(self._local_addresses())

    def to_workload(self, kind: str) -> Workload:
        """Return what decides whose DNS it is."""
        containers = self.spec.template.spec.containers or ()
        return Workload(
            kind=kind,
            namespace=self.metadata.namespace,
            name=self.metadata.name,
            labels=self.metadata.labels or {},
            images=tuple(container.image for container in containers),
            config_maps=dict(self._config_maps(containers)),
        )

    def _config_maps(self, containers: Sequence[_Container]) -> Iterator[tuple[str, str]]:
        """Yield where ConfigMaps are mounted, and their names."""
        names = _names(self.spec.template.spec.volumes or ())
        for container in containers:
            for mount in container.volume_mounts or ():
                if mount.name in names:
                    yield mount.mount_path, names[mount.name]

    def _local_addresses(self) -> Iterator[str]:
        for container in self.spec.template.spec.containers or ():
            for word, following in pairwise((*(container.args or ()), "")):
                if word == _LOCAL_IP:
                    yield from following.split(",")
                elif word.startswith(f"{_LOCAL_IP}="):
                    yield from word.partition("=")[2].split(",")


def _names(volumes: Sequence[_Volume]) -> Mapping[str, str]:
    """Return the ConfigMap of each volume that has one."""
    found: dict[str, str] = {}
    for volume in volumes:
        sources = (volume.projected.sources if volume.projected else None) or ()
        for named in (volume.config_map, *(source.config_map for source in sources)):
            if named is not None:
                found.setdefault(volume.name, named.name)
    return found
