"""Stock Envoys as istiods expect their proxies: all they know is asked of istiod and node agent."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from tests.system.envoys import ask_admin, running, spiffe
from tests.system.istiods import VERSION
from tests.system.namespaces import Namespace
from tests.system.secret_service import SOCKET

GROUP = 1337
"""Of Envoys: what they send is not theirs to take again."""
_THEIRS = f"! -d 127.0.0.0/8 -m owner ! --gid-owner {GROUP}"
CAPTURE = (
    "-A PREROUTING -p tcp -j REDIRECT --to-ports 15006",
    f"-A OUTPUT -p tcp {_THEIRS} -j REDIRECT --to-ports 15001",
)
"""What istio-init does in a pod, as far as it matters here."""


class Kind(StrEnum):
    """What istiod takes a proxy for."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod with an Envoy."""

    cluster: str
    name: str
    namespace: str
    address: str
    account: str
    labels: Mapping[str, str] = {}
    kind: Kind = Kind.SIDECAR
    others: tuple[str, ...] = ()
    """Addresses that it has beside its own."""
    shared_network: str = ""
    """Where it is, if that is not a network of its cluster's own."""

    @property
    def full_name(self) -> str:
        """Its name among the pods of all clusters."""
        return f"{self.cluster}-{self.name}"

    @property
    def network(self) -> str:
        """Where it is."""
        return self.shared_network or f"net-{self.cluster}"

    @property
    def identity(self) -> str:
        """Its SPIFFE id."""
        return spiffe(self.namespace, self.account)


def node(pod: Pod) -> dict[str, Any]:
    """Return what an Envoy says of itself: what istio-agent takes from the pod."""
    home = f"{pod.namespace}.svc.cluster.local"
    metadata = {
        "NAMESPACE": pod.namespace,
        "CLUSTER_ID": pod.cluster,
        "NETWORK": pod.network,
        "MESH_ID": "cluster.local",
        "ISTIO_VERSION": VERSION,
        "SERVICE_ACCOUNT": pod.account,
        "LABELS": dict(pod.labels),
        "INTERCEPTION_MODE": "REDIRECT",
        "PROXY_CONFIG": {},
    }
    if pod.kind is Kind.ROUTER:
        metadata |= {"ROUTER_MODE": "sni-dnat", "REQUESTED_NETWORK_VIEW": pod.network}
    return {
        "id": f"{pod.kind}~{pod.address}~{pod.name}.{pod.namespace}~{home}",
        "cluster": f"{pod.name}.{pod.namespace}",
        "metadata": metadata,
    }


def bootstrap(pod: Pod, folder: Path, istiod: Path) -> dict[str, Any]:
    """Return what an Envoy starts with, as istio-agent writes it."""
    ads = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    return {
        "node": node(pod),
        "admin": {"address": {"pipe": {"path": str(folder / "admin.sock")}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "clusters": [_agent("xds-grpc", istiod), _agent("sds-grpc", folder / SOCKET)]
        },
    }


def _agent(name: str, file: Path) -> dict[str, Any]:
    http2 = {"explicit_http_config": {"http2_protocol_options": {}}}
    kind = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(file)}}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {options: {"@type": kind, **http2}},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


class Place(msgspec.Struct, frozen=True):
    """What of the file system a pod has to itself."""

    folder: Path
    """Its Envoy's."""
    resolv: Path
    """Its ``/etc/resolv.conf``."""


class Proxy:
    """An Envoy that runs, and the namespace that it has to itself."""

    def __init__(self, pod: Pod, namespace: Namespace, place: Place) -> None:
        self.pod = pod
        self.namespace = namespace
        self.folder = place.folder
        self._resolv = place.resolv

    def stats(self, pattern: str) -> dict[str, int]:
        """Return its counters and gauges whose names have a match."""
        document = json.loads(ask_admin(self.folder, "/stats?format=json"))
        return {
            one["name"]: one["value"]
            for one in document["stats"]
            if "value" in one and re.search(pattern, one["name"])
        }

    def endpoints(self, cluster: str) -> set[str]:
        """Return where a cluster's calls may go."""
        lines = ask_admin(self.folder, "/clusters").splitlines()
        found = [line.split("::") for line in lines if line.startswith(f"{cluster}::")]
        return {address for _, address, *_ in found if ":" in address}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it, which has names from the DNS of its cluster."""
        inside = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return self.namespace.run(
            "unshare", "--mount", "sh", "-c", inside, str(self._resolv), *command
        )

    def curl(self, name: str, port: int) -> subprocess.CompletedProcess[str]:
        """Ask a name over HTTP."""
        return self.run("curl", "-sS", "--fail", "--max-time", "10", f"http://{name}:{port}/")


@contextmanager
def proxied(
    envoy: str, pod: Pod, namespace: Namespace, *, place: Place, istiod: Path
) -> Iterator[Proxy]:
    """Run a pod's Envoy until it has all its configuration, and to the end of the block."""
    if pod.kind is Kind.SIDECAR:
        namespace.translate(*CAPTURE)
    start = bootstrap(pod, place.folder, istiod)
    with running(envoy, start, place.folder, before=namespace.before(group=GROUP)):
        yield Proxy(pod, namespace, place)
