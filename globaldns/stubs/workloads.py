"""What a Deployment or a DaemonSet says of the DNS server that it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import PurePosixPath

import msgspec

from globaldns.coredns.platforms import COREFILE, Workload

_APPS = frozenset({"kube-dns", "coredns", "node-local-dns", "nodelocaldns"})
_NAMES = frozenset({"coredns", "rke2-coredns"})
_FIXED = frozenset({"coredns", "kube-dns", "dns-default"})
"""Names of servers that have none of the labels."""
_LOCAL_IP = "localip"
"""What tells NodeLocal DNSCache where to listen: addresses, separated by commas."""
_CONF = "conf"
"""What tells CoreDNS which file it reads."""
_DOMAIN = "domain"
"""What tells kube-dns the cluster's domain."""
_USUAL = (COREFILE, f"{COREFILE}.base")
"""Files that are read where none is named that is mounted; the second by NodeLocal DNSCache."""


class _Item(msgspec.Struct):
    key: str
    path: str


class _ConfigMap(msgspec.Struct):
    name: str = ""
    items: list[_Item] | None = None
    """None, or none: each key is a file of its name."""

    def key_at(self, path: str) -> str:
        """Return the key whose file a path in the volume is; empty: there is no such file."""
        if not self.items:
            return "" if "/" in path else path
        return next((item.key for item in self.items if item.path == path), "")


class _Source(msgspec.Struct, rename="camel"):
    config_map: _ConfigMap | None = None


class _Projected(msgspec.Struct):
    sources: list[_Source] | None = None


class _Volume(msgspec.Struct, rename="camel"):
    name: str
    config_map: _ConfigMap | None = None
    projected: _Projected | None = None

    @property
    def config_maps(self) -> list[_ConfigMap]:
        """All that it has."""
        sources = (self.projected.sources if self.projected else None) or ()
        found = (self.config_map, *(source.config_map for source in sources))
        return [one for one in found if one is not None]


class _Mount(msgspec.Struct, rename="camel"):
    name: str
    mount_path: str
    sub_path: str = ""

    def path_of(self, file: PurePosixPath) -> str:
        """Return where in the volume a file is; empty: it is not of this mount."""
        mounted = PurePosixPath(self.mount_path)
        if not file.is_relative_to(mounted):
            return ""
        return str(self.sub_path / file.relative_to(mounted))


class _Container(msgspec.Struct, rename="camel"):
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    volume_mounts: list[_Mount] | None = None

    def said(self, flag: str) -> Iterator[str]:
        """Yield what its command says of a flag: ``-f VALUE`` or ``-f=VALUE``, also with ``--``."""
        words = (*(self.command or ()), *(self.args or ()), "")
        for word, following in pairwise(words):
            name, equals, value = word.partition("=")
            if name.startswith("-") and name.lstrip("-") == flag:
                yield value if equals else following


class _Mounted(msgspec.Struct, frozen=True):
    """A ConfigMap where a container has it."""

    path: str
    name: str
    key: str
    """What the container reads of it as its Corefile; empty: nothing."""
    is_named: bool
    """Whether the container names a file of a ConfigMap that it reads."""

    @property
    def rank(self) -> tuple[bool, bool]:
        """Greater where more is said of it."""
        return self.is_named, self.key != ""


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
        mounted = [*self._mounted()]
        domains = (domain for container in containers for domain in container.said(_DOMAIN))
        return Workload(
            kind=kind,
            namespace=self.metadata.namespace,
            name=self.metadata.name,
            labels=self.metadata.labels or {},
            images=tuple(container.image for container in containers),
            config_maps=_by_path(mounted),
            keys=_keys(mounted),
            domain=next(domains, "").rstrip(".").lower(),
        )

    def _mounted(self) -> Iterator[_Mounted]:
        pod = self.spec.template.spec
        volumes = {volume.name: volume.config_maps for volume in pod.volumes or ()}
        for container in pod.containers or ():
            mounts = [
                (mount, found)
                for mount in container.volume_mounts or ()
                for found in volumes.get(mount.name, ())
            ]
            files = map(PurePosixPath, container.said(_CONF))
            read = next((one for one in files if any(at.path_of(one) for at, _ in mounts)), None)
            for mount, found in mounts:
                key = found.key_at(mount.path_of(read)) if read else _usual_key(mount, found)
                yield _Mounted(mount.mount_path, found.name, key, is_named=read is not None)

    def _local_addresses(self) -> Iterator[str]:
        for container in self.spec.template.spec.containers or ():
            for addresses in container.said(_LOCAL_IP):
                yield from addresses.split(",")


def _by_path(mounted: Iterable[_Mounted]) -> dict[str, str]:
    """Return ConfigMaps by path; of several at one that which is read, else the first."""
    best = dict[str, _Mounted]()
    for one in mounted:
        if one.path not in best or one.rank > best[one.path].rank:
            best[one.path] = one
    return {path: one.name for path, one in best.items()}


def _keys(mounted: Iterable[_Mounted]) -> dict[str, str]:
    """Return which key of each ConfigMap is read as the Corefile, where that is not its name."""
    named, usual = dict[str, str](), dict[str, str]()
    for one in mounted:
        keys = named if one.is_named else usual
        keys[one.name] = keys.get(one.name) or one.key
    return {name: key for name, key in (usual | named).items() if key != COREFILE}


def _usual_key(mount: _Mount, found: _ConfigMap) -> str:
    mounted = PurePosixPath(mount.mount_path)
    files = [mounted] if mounted.name in _USUAL else [mounted / name for name in _USUAL]
    return next(filter(None, (found.key_at(mount.path_of(file)) for file in files)), "")
