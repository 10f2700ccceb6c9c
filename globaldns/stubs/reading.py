"""What an API server says of its cluster's DNS, read once.

All that is known for servers of a cluster's own DNS stands in two namespaces; what people run
elsewhere is theirs, and is neither read nor changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar

import msgspec

from globaldns.coredns.platforms import Facts, Workload
from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.listing import list_objects
from globaldns.kube.resources import (
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    DNSES,
    NODES,
    SERVICE_CIDRS,
    SERVICES,
    Resource,
    find_version,
)
from globaldns.model.address import is_address
from globaldns.objects.kubernetes import Service
from globaldns.stubs.verification import QueryPath
from globaldns.stubs.workloads import Controller

NAMESPACES = ("kube-system", "openshift-dns")
"""Where a cluster's own DNS is; the second where OpenShift's kinds are."""
_OPENSHIFT = ".openshift.io"
_SERVICES = frozenset({"kube-dns", "dns-default", "coredns", "rke2-coredns-rke2-coredns"})
_T = TypeVar("_T")


class Seen(msgspec.Struct, frozen=True):
    """A cluster's DNS: what decides whose it is, and where it answers."""

    facts: Facts
    paths: tuple[QueryPath, ...]


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


class _Named(msgspec.Struct):
    name: str


class _Groups(msgspec.Struct):
    groups: list[_Named]


class _Writer(msgspec.Struct):
    manager: str = ""


class _Meta(msgspec.Struct, rename="camel"):
    labels: dict[str, str] | None = None
    managed_fields: list[_Writer] | None = None


class _ConfigMap(msgspec.Struct):
    metadata: _Meta
    data: dict[str, str] | None = None


class _NodeSpec(msgspec.Struct):
    pod_cidrs: list[str] | None = msgspec.field(default=None, name="podCIDRs")


class _Node(msgspec.Struct):
    metadata: _Meta
    spec: _NodeSpec = msgspec.field(default_factory=_NodeSpec)


class _ServiceRange(msgspec.Struct):
    cidrs: list[str]


class _ServiceCidr(msgspec.Struct):
    spec: _ServiceRange


async def read_cluster(client: Client) -> Seen:
    """Return what a cluster says of its DNS.

    Raises:
        ApiError: it cannot be asked, or may not be.
    """
    groups = await _read_groups(client)
    namespaces = NAMESPACES if any(one.endswith(_OPENSHIFT) for one in groups) else NAMESPACES[:1]
    servers = [
        (resource.kind, found)
        for resource in (DEPLOYMENTS, DAEMON_SETS)
        for found in await _list_in(client, resource, namespaces, Controller)
        if found.is_dns
    ]
    workloads = [found.to_workload(kind) for kind, found in servers]
    config_maps = await _read_config_maps(client, workloads)
    workloads.sort(key=lambda load: _rank(load, config_maps))
    services = await _list_in(client, SERVICES, namespaces, Service)
    nodes = [_decode(one, _Node) async for one in list_objects(client, NODES.path("v1"), {})]
    facts = Facts(
        workloads=tuple(workloads),
        corefiles=_corefiles(workloads, config_maps),
        labels={name: found.metadata.labels or {} for name, found in config_maps.items()},
        managers={name: _managers(found) for name, found in config_maps.items()},
        objects=await _find_objects(client),
        api_groups=groups,
        node_labels=_common_labels(nodes),
        server_version=_decode(await client.get("/version"), _Version).git_version,
        ranges=await _read_ranges(client, services, nodes),
    )
    addresses = _dns_addresses(services)
    paths = [QueryPath("cluster-dns", address) for address in addresses]
    local = {one: None for _, found in servers for one in found.local_addresses}
    paths += [QueryPath("node-local", one) for one in local if one not in addresses]
    return Seen(facts, tuple(path for path in paths if is_address(path.address)))


async def read_corefiles(client: Client, facts: Facts) -> dict[str, str]:
    """Return the Corefiles of the servers that were seen, as they are now.

    Raises:
        ApiError: it cannot be asked, or may not be.
    """
    return _corefiles(facts.workloads, await _read_config_maps(client, facts.workloads))


async def _list_in(
    client: Client, resource: Resource, namespaces: Iterable[str], kind: type[_T]
) -> list[_T]:
    return [
        _decode(item, kind)
        for namespace in namespaces
        async for item in list_objects(client, resource.path("v1", namespace), {})
    ]


async def _read_config_maps(client: Client, workloads: Iterable[Workload]) -> dict[str, _ConfigMap]:
    """Return the ConfigMaps that servers mount and that are there, by ``namespace/name``."""
    found: dict[str, _ConfigMap] = {}
    mounted = {(load.namespace, name) for load in workloads for name in load.config_maps.values()}
    for namespace, name in sorted(mounted):
        data = await get_if_there(client, CONFIG_MAPS.path("v1", namespace, name))
        if data is not None:
            found[f"{namespace}/{name}"] = _decode(data, _ConfigMap)
    return found


async def get_if_there(client: Client, path: str) -> bytes | None:
    """Return what a path holds; None: there is nothing.

    Raises:
        ApiError: that is not known.
    """
    try:
        return await client.get(path)
    except ApiRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    return None


async def _find_objects(client: Client) -> frozenset[str]:
    version = await find_version(client, DNSES)
    if version is None or not await get_if_there(client, DNSES.path(version, name="default")):
        return frozenset()
    return frozenset({f"{DNSES}/default"})


async def _read_groups(client: Client) -> frozenset[str]:
    groups = _decode(await client.get("/apis"), _Groups).groups
    return frozenset(group.name for group in groups)


async def _read_ranges(
    client: Client, services: Iterable[Service], nodes: Iterable[_Node]
) -> tuple[str, ...]:
    """Return the ranges of Services and pods; of one that is not told, addresses that are seen."""
    addresses = (one for service in services for one in _addresses(service) if is_address(one))
    pods = (one for node in nodes for one in node.spec.pod_cidrs or ())
    return tuple(dict.fromkeys((*await _read_service_ranges(client), *addresses, *pods)))


async def _read_service_ranges(client: Client) -> list[str]:
    version = await find_version(client, SERVICE_CIDRS)
    if version is None:
        return []
    try:
        found = [
            _decode(one, _ServiceCidr)
            async for one in list_objects(client, SERVICE_CIDRS.path(version), {})
        ]
    except ApiRefused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return []
    return [cidr for one in found for cidr in one.spec.cidrs]


def _common_labels(nodes: Iterable[_Node]) -> frozenset[str]:
    """Return ``key=value`` that every node has."""
    labels = [{f"{k}={v}" for k, v in (node.metadata.labels or {}).items()} for node in nodes]
    return frozenset(set.intersection(*labels) if labels else ())


def _corefiles(
    workloads: Iterable[Workload], config_maps: Mapping[str, _ConfigMap]
) -> dict[str, str]:
    """Return what servers read; of a ConfigMap with two, what the first reads."""
    found: dict[str, str] = {}
    for load in workloads:
        for config_map in load.config_maps.values():
            name, key = f"{load.namespace}/{config_map}", load.key_of(config_map)
            data = config_maps[name].data if name in config_maps else None
            if data and key in data:
                found.setdefault(name, data[key])
    return found


def _rank(load: Workload, config_maps: Mapping[str, _ConfigMap]) -> tuple[bool, int, str]:
    """Return what sorts a server that has its configuration with it before all others."""
    has_corefile = bool(_corefiles([load], config_maps))
    is_known = has_corefile or "kube-dns" in load.config_maps.values()
    return not is_known, NAMESPACES.index(load.namespace), load.name


def _managers(found: _ConfigMap) -> frozenset[str]:
    return frozenset(one.manager for one in found.metadata.managed_fields or ())


def _dns_addresses(services: Sequence[Service]) -> list[str]:
    """Return the addresses of the cluster's DNS, each once."""
    ours = (service for service in services if service.metadata.name in _SERVICES)
    return list(dict.fromkeys(one for service in ours for one in _addresses(service)))


def _addresses(service: Service) -> tuple[str, ...]:
    return service.spec.cluster_ips or (service.spec.cluster_ip,)


def _decode(data: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ApiError(f"an answer that is no {kind.__name__.strip('_')}: {error}") from error
