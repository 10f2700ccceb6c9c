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


_group_decoder = msgspec.json.Decoder(_Group)
_kinds_decoder = msgspec.json.Decoder(_Kinds)


async def find_version(client: Client, resource: Resource) -> str | None:
    """Return the version in which a server has a kind; None: it does not have it.

    Raises:
        ApiError: there is no answer, or it is refused.
    """
    if not resource.group:
        return resource.versions[0]
    version, _ = await _discover(client, resource)
    return version


async def is_staying(client: Client, resource: Resource) -> bool:
    """Return whether a server has a kind and keeps it: no objects of one that goes are made.

    A CustomResourceDefinition that is deleted takes its objects along, one by one; before the first
    of them goes it is ``Terminating``, and in discovery the kind has no verb by which any comes.

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
LEASES = Resource("coordination.k8s.io", "leases", "Lease")
DEPLOYMENTS = Resource("apps", "deployments", "Deployment")
DAEMON_SETS = Resource("apps", "daemonsets", "DaemonSet")
DNSES = Resource("operator.openshift.io", "dnses", "DNS", is_namespaced=False)
HELM_CHART_CONFIGS = Resource("helm.cattle.io", "helmchartconfigs", "HelmChartConfig")
