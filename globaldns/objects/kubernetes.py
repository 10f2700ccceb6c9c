"""Kubernetes' own objects, and the ServiceExport of its multi-cluster interest group."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec import field

from globaldns.objects.metadata import LabelledMetadata, Metadata, Resource, Slim, Time


class Protocol(StrEnum):
    """``protocol`` of a port (Kubernetes core/v1)."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class ServicePort(Slim, frozen=True):
    """``spec.ports[]`` of a Service."""

    port: int
    name: str | None = None
    protocol: Protocol = Protocol.TCP
    app_protocol: str | None = None


class ServiceSpec(Slim, frozen=True):
    """``spec`` of a Service."""

    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    cluster_ip: str = field(default="", name="clusterIP")
    """An address, ``None``, or empty."""
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    """The same in every family, where the API server has filled it in."""


class Ingress(Slim, frozen=True):
    """``status.loadBalancer.ingress[]`` of a Service."""

    ip: str = ""
    hostname: str = ""


class LoadBalancer(Slim, frozen=True):
    """``status.loadBalancer`` of a Service."""

    ingress: tuple[Ingress, ...] = ()


class ServiceStatus(Slim, frozen=True):
    """``status`` of a Service."""

    load_balancer: LoadBalancer = LoadBalancer()


class Service(Resource, frozen=True):
    """A Service of a cluster."""

    kind: ClassVar[str] = "Service"

    metadata: LabelledMetadata
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class ServiceExport(Resource, frozen=True):
    """The wish that the Service of the same name be exported (multicluster.x-k8s.io)."""

    kind: ClassVar[str] = "ServiceExport"

    metadata: LabelledMetadata


class Reference(Slim, frozen=True):
    """``targetRef``: the object that is behind an address."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class EndpointConditions(Slim, frozen=True):
    """``endpoints[].conditions`` of an EndpointSlice."""

    ready: bool | None = None
    """None is to be read as ready (Kubernetes discovery/v1)."""


class SliceEndpoint(Slim, frozen=True):
    """``endpoints[]`` of an EndpointSlice."""

    addresses: tuple[str, ...] = ()
    """All lead to the same endpoint; consumers take the first (Kubernetes discovery/v1)."""
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None
    zone: str | None = None
    target_ref: Reference | None = None


class EndpointPort(Slim, frozen=True):
    """A port of an EndpointSlice or of a subset of Endpoints."""

    port: int | None = None
    name: str | None = None


class EndpointSlice(Resource, frozen=True):
    """Some of the endpoints of a Service, all of one address family."""

    kind: ClassVar[str] = "EndpointSlice"

    address_type: str = "IPv4"
    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[EndpointPort, ...] | None = None


class EndpointAddress(Slim, frozen=True):
    """``subsets[].addresses[]`` of an Endpoints object."""

    ip: str
    node_name: str | None = None
    target_ref: Reference | None = None


class EndpointSubset(Slim, frozen=True):
    """``subsets[]`` of an Endpoints object."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Resource, frozen=True):
    """All endpoints of the Service of the same name, as before EndpointSlices."""

    kind: ClassVar[str] = "Endpoints"

    subsets: tuple[EndpointSubset, ...] = ()


class PodSpec(Slim, frozen=True):
    """``spec`` of a Pod."""

    node_name: str = ""
    service_account_name: str = ""


class Condition(Slim, frozen=True):
    """``status.conditions[]`` of a Pod."""

    type: str
    status: str


class PodAddress(Slim, frozen=True):
    """``status.podIPs[]`` of a Pod."""

    ip: str = ""


class PodStatus(Slim, frozen=True):
    """``status`` of a Pod."""

    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodAddress, ...] = field(default=(), name="podIPs")
    conditions: tuple[Condition, ...] = ()


class Pod(Resource, frozen=True):
    """A Pod of a cluster."""

    kind: ClassVar[str] = "Pod"

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class NodeSpec(Slim, frozen=True):
    """``spec`` of a Node."""

    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = field(default=(), name="podCIDRs")


class NodeAddress(Slim, frozen=True):
    """``status.addresses[]`` of a Node; host names are among them."""

    address: str = ""


class NodeStatus(Slim, frozen=True):
    """``status`` of a Node."""

    addresses: tuple[NodeAddress, ...] = ()


class Node(Resource, frozen=True):
    """A Node of a cluster; its labels say where it stands."""

    kind: ClassVar[str] = "Node"
    is_namespaced: ClassVar[bool] = False

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NamespaceMetadata(Metadata, frozen=True, kw_only=True):
    """``metadata`` of a Namespace."""

    deletion_timestamp: Time | None = None
    """Once it is there, nothing more can be created in it (Kubernetes "Namespaces")."""


class Namespace(Resource, frozen=True):
    """A Namespace of a cluster; its labels may export all its Services, or name a network."""

    kind: ClassVar[str] = "Namespace"
    is_namespaced: ClassVar[bool] = False

    metadata: NamespaceMetadata


class ConfigMap(Resource, frozen=True):
    """Texts by name."""

    kind: ClassVar[str] = "ConfigMap"

    data: Mapping[str, str] | None = None
