"""The kinds of objects that are read or written, where an API server has them.

Standards:
    Kubernetes API Concepts, "Resource URIs" and "API discovery"
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client


class Resource(msgspec.Struct, frozen=True):
    """A kind as an API server serves it."""

    group: str
    """Empty for the core group."""
    plural: str
    kind: str
    versions: tuple[str, ...] = ("v1",)
    """Those that are read, the preferred first; none: whichever is served."""
    is_namespaced: bool = True

    def path(self, version: str, namespace: str = "", name: str = "") -> str:
        """Return the path of the collection, of one namespace's part of it, or of one object."""
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        inside = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")

    def __str__(self) -> str:
        """Return its name as ``kubectl`` takes it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class _Version(msgspec.Struct):
    version: str


class _Group(msgspec.Struct):
    versions: list[_Version]


class _Kind(msgspec.Struct):
    name: str
    verbs: tuple[str, ...] = ()


class _Kinds(msgspec.Struct):
    resources: list[_Kind]


class _Meta(msgspec.Struct, rename="camel"):
    deletion_timestamp: str | None = None


class _Definition(msgspec.Struct):
    metadata: _Meta


_group_decoder = msgspec.json.Decoder(_Group)
_kinds_decoder = msgspec.json.Decoder(_Kinds)
_definition_decoder = msgspec.json.Decoder(_Definition)
_UNTOLD = frozenset((HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
"""Answers by which a definition is not known: we may not ask, or the kind has none."""


async def find_version(client: Client, resource: Resource) -> str | None:
    """Return the version in which a server has a kind; None: it does not have it.

    Raises:
        ApiError: there is no answer, or it is refused.
    """
    if not resource.group:
        return resource.versions[0]
    version, _ = await _discover(client, resource)
    return version


async def is_defined(client: Client, resource: Resource) -> bool | None:
    """Return whether the CustomResourceDefinition of a kind stays; None: that is not told.

    One that is deleted is marked before the first of its objects goes, and the server answers with
    what is stored: who was told that an object is gone, and asks then, is never told too early.

    Raises:
        ApiError: there is no answer.
    """
    path = CUSTOM_RESOURCE_DEFINITIONS.path("v1", name=str(resource))
    try:
        found = _definition_decoder.decode(await client.get(path))
    except msgspec.MsgspecError as error:
        raise ApiError(f"{path}: an answer that is no definition: {error}") from error
    except ApiRefused as error:
        if error.status in _UNTOLD:
            return None
        raise
    return found.metadata.deletion_timestamp is None


async def is_staying(client: Client, resource: Resource) -> bool:
    """Return whether a server has a kind and keeps it: no objects of one that goes are made.

    A CustomResourceDefinition that is deleted takes its objects along, one by one; before the first
    of them goes it is ``Terminating``, and in discovery the kind has no verb by which any comes. Of
    this every account may learn, but discovery may be a moment late.

    Raises:
        ApiError: there is no answer, or it is refused.
    """
    _, verbs = await _discover(client, resource)
    return "create" in verbs


async def _discover(client: Client, resource: Resource) -> tuple[str | None, tuple[str, ...]]:
    """Return the version in which a server has a kind, and what can be done with it."""
    try:
        group = _group_decoder.decode(await client.get(f"/apis/{resource.group}"))
        served = [one.version for one in group.versions]
        wanted = [one for one in resource.versions or served if one in served]
        for version in wanted:
            path = f"/apis/{resource.group}/{version}"
            kinds = _kinds_decoder.decode(await client.get(path)).resources
            for kind in kinds:
                if kind.name == resource.plural:
                    return version, kind.verbs
    except msgspec.MsgspecError as error:
        raise ApiError(f"{resource}: an answer that is no discovery: {error}") from error
    except ApiRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    return None, ()


SERVICES = Resource("", "services", "Service")
NAMESPACES = Resource("", "namespaces", "Namespace", is_namespaced=False)
SERVICE_CIDRS = Resource(
    "networking.k8s.io", "servicecidrs", "ServiceCIDR", ("v1", "v1beta1"), is_namespaced=False
)
NODES = Resource("", "nodes", "Node", is_namespaced=False)
PODS = Resource("", "pods", "Pod")
SECRETS = Resource("", "secrets", "Secret")
CONFIG_MAPS = Resource("", "configmaps", "ConfigMap")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "endpointslices", "EndpointSlice")
_ISTIO = ("v1", "v1beta1", "v1alpha3")
SERVICE_ENTRIES = Resource("networking.istio.io", "serviceentries", "ServiceEntry", _ISTIO)
WORKLOAD_ENTRIES = Resource("networking.istio.io", "workloadentries", "WorkloadEntry", _ISTIO)
_ROUTES = ("v1",)
"""What routes are written in: since Istio 1.22."""
ROUTE_ENTRIES = Resource("networking.istio.io", "serviceentries", "ServiceEntry", _ROUTES)
DESTINATION_RULES = Resource("networking.istio.io", "destinationrules", "DestinationRule", _ROUTES)
SIDECARS = Resource("networking.istio.io", "sidecars", "Sidecar", _ROUTES)
GATEWAYS = Resource("networking.istio.io", "gateways", "Gateway", _ROUTES)
SERVICE_EXPORTS = Resource("multicluster.x-k8s.io", "serviceexports", "ServiceExport", ())
_OURS = ("v1alpha1",)
VIP_LEDGERS = Resource("globaldns.io", "vipledgers", "VIPLedger", _OURS)
GLOBAL_SERVICES = Resource("globaldns.io", "globalservices", "GlobalService", _OURS)
CLUSTER_FENCES = Resource(
    "globaldns.io", "clusterfences", "ClusterFence", _OURS, is_namespaced=False
)
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    is_namespaced=False,
)
LEASES = Resource("coordination.k8s.io", "leases", "Lease")
DEPLOYMENTS = Resource("apps", "deployments", "Deployment")
DAEMON_SETS = Resource("apps", "daemonsets", "DaemonSet")
DNSES = Resource("operator.openshift.io", "dnses", "DNS", is_namespaced=False)
HELM_CHART_CONFIGS = Resource("helm.cattle.io", "helmchartconfigs", "HelmChartConfig")
