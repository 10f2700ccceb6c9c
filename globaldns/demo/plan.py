"""What is in the box: clusters, gateways, workloads, and the services that these are of. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

ZONE = "global"
POOL = "240.128.0.0/10"
TRUST_DOMAIN = "cluster.local"
GATEWAY_PORT = 15443
DNS_PORT = 53
ADMIN_PORT = 8053
"""Of each cluster's globaldns, in that cluster's own namespace."""
MACHINES = "machines"
"""The network of what is no pod: routed from everywhere, so that it needs no gateway."""


class Speech(StrEnum):
    """What an application speaks."""

    HTTP = "HTTP"
    TCP = "TCP"


class Kind(StrEnum):
    """What a workload is."""

    POD = "pod"
    """In a cluster, behind an Envoy that ends mutual TLS."""
    PLAIN = "plain"
    """A pod without one: nobody in another network may reach it."""
    MACHINE = "machine"
    """No pod and in no cluster's network, with an Envoy all the same."""
    OUTSIDE = "outside"
    """Not of the mesh."""


class Cluster(msgspec.Struct, frozen=True):
    """A cluster, whose pods are in one network namespace."""

    name: str
    network: str


class Gateway(msgspec.Struct, frozen=True):
    """A way into a cluster, in a namespace of its own."""

    name: str
    cluster: str
    address: str


class Service(msgspec.Struct, frozen=True):
    """A name."""

    name: str
    namespace: str
    port: int
    speech: Speech = Speech.HTTP

    @property
    def host(self) -> str:
        """Its name with the zone."""
        return f"{self.name}.{self.namespace}.{ZONE}"

    @property
    def account(self) -> str:
        """The service account of its workloads."""
        return f"{self.namespace}-{self.name}"

    @property
    def spiffe_id(self) -> str:
        """Who its workloads are."""
        return f"spiffe://{TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.account}"


class Workload(msgspec.Struct, frozen=True):
    """An application, with what is in front of it."""

    name: str
    service: Service
    cluster: str
    """Which exports it."""
    address: str
    kind: Kind = Kind.POD

    @property
    def node(self) -> str:
        """The network namespace that it is in."""
        return self.kind if self.kind in {Kind.MACHINE, Kind.OUTSIDE} else self.cluster

    @property
    def is_mutual(self) -> bool:
        """Whether an Envoy in front of it takes mutual TLS."""
        return self.kind in {Kind.POD, Kind.MACHINE}


CLUSTERS = (
    Cluster("east", "network1"),
    Cluster("west", "network2"),
    Cluster("flat", "network1"),
)
GATEWAYS = (
    Gateway("east-gw1", "east", "203.0.113.10"),
    Gateway("west-gw1", "west", "203.0.113.20"),
    Gateway("west-gw2", "west", "203.0.113.21"),
    Gateway("flat-gw1", "flat", "203.0.113.30"),
)

_REVIEWS = Service("reviews", "bookinfo", 9080)
_RATINGS = Service("ratings", "bookinfo", 9080)
_HTTPBIN = Service("httpbin", "httpbin", 8000)
_MONGODB = Service("mongodb", "bookinfo", 27017, Speech.TCP)
_LEGACY = Service("legacy", "bookinfo", 7000, Speech.TCP)
_MYSQLDB = Service("mysqldb", "bookinfo", 3306, Speech.TCP)
_WEATHER = Service("weather", "partners", 80)

WORKLOADS = (
    Workload("reviews-v1", _REVIEWS, "east", "10.10.1.12"),
    Workload("reviews-v2-1", _REVIEWS, "west", "10.20.1.12"),
    Workload("reviews-v2-2", _REVIEWS, "west", "10.20.1.22"),
    Workload("reviews-v2-3", _REVIEWS, "west", "10.20.1.32"),
    Workload("ratings-v1", _RATINGS, "west", "10.20.1.13"),
    Workload("mongodb-v1", _MONGODB, "west", "10.20.1.14"),
    Workload("legacy-v1", _LEGACY, "west", "10.20.1.15", Kind.PLAIN),
    Workload("httpbin-v1", _HTTPBIN, "flat", "10.30.1.10"),
    Workload("mysqldb-vm", _MYSQLDB, "west", "192.0.2.33", Kind.MACHINE),
    Workload("weather", _WEATHER, "east", "198.51.100.10", Kind.OUTSIDE),
)

SERVICES = tuple(dict.fromkeys(one.service for one in WORKLOADS))
CLUSTER_NAMES = tuple(one.name for one in CLUSTERS)


def client_id(cluster: str) -> str:
    """Return who the client of a cluster is."""
    return f"spiffe://{TRUST_DOMAIN}/ns/clients/sa/{cluster}"


def nodes() -> tuple[str, ...]:
    """Return the network namespaces, in the order in which they are numbered from 1."""
    others = dict.fromkeys(one.node for one in WORKLOADS if one.node not in CLUSTER_NAMES)
    return (*CLUSTER_NAMES, *(one.name for one in GATEWAYS), *others)


def workloads_at(node: str) -> Iterator[Workload]:
    """Yield the workloads in a network namespace."""
    return (one for one in WORKLOADS if one.node == node)


def exports_of(cluster: str) -> Iterator[tuple[Service, tuple[Workload, ...]]]:
    """Yield each service that a cluster exports, with its workloads there."""
    for service in SERVICES:
        own = tuple(one for one in WORKLOADS if (one.service, one.cluster) == (service, cluster))
        if own:
            yield service, own


def forward_address(workload: Workload) -> str:
    """Return where an application listens, which is loopback where an Envoy is in front of it."""
    return f"127.0.{WORKLOADS.index(workload) + 1}.1" if workload.is_mutual else workload.address
