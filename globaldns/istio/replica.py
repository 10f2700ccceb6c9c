"""The Service of a host in a cluster that has none: so its plain name resolves there too.

Where one istiod serves several clusters, or knows the endpoints of all, it takes Services of one
name for one service. All that a client lacks is the name: its own cluster's DNS has those of its
own Services alone. A replica has no selector, hence no endpoints but those of other clusters.

Standards:
    Kubernetes Service v1: ports have names that are unique, but a single one need not have any
    Istio Deployment Models, "DNS with multiple clusters": the client's cluster needs the Service
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from globaldns.exports.marks import OWNED_BY
from globaldns.istio.documents import Document
from globaldns.istio.notices import Code, Notice
from globaldns.model.export import ExportKind, Port, Transport
from globaldns.model.host import Host, is_service_host, namespace_of
from globaldns.model.lost import Standing
from globaldns.model.service import Service

CLUSTER_DOMAIN = "svc.cluster.local"
"""Where a cluster's DNS has its Services."""


def replicated_host(name: str) -> Host | None:
    """Return the host whose replica makes a name resolve; None: it is another kind of name."""
    host = name.removesuffix(f".{CLUSTER_DOMAIN}")
    return Host(host) if host != name and host else None


def is_replicated(service: Service, cluster: str, services: frozenset[Host]) -> bool:
    """Whether a cluster, which has some Services, is to have a replica."""
    return (
        is_service_host(service.host)
        and service.host not in services
        and any(
            export.kind is ExportKind.SERVICE
            and export.cluster != cluster
            and service.standing(export.cluster) is not Standing.DROPPED
            for export in service.contributions
        )
    )


def make_replica(service: Service, owner: str) -> Document:
    """Return the replica of a service."""
    name, _, namespace = service.host.partition(".")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {OWNED_BY: owner}},
        "spec": {"ports": list(_ports(service.ports))},
    }


def make_namespace(name: str, owner: str) -> Document:
    """Return the namespace of a replica, in a cluster that lacks it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {OWNED_BY: owner}},
    }


def replica_documents(service: Service, owner: str, namespaces: Iterable[str]) -> list[Document]:
    """Return a replica, after its namespace if the cluster does not have that."""
    namespace = namespace_of(service.host)
    missing = [] if namespace in namespaces else [make_namespace(namespace, owner)]
    return [*missing, make_replica(service, owner)]


def tell_leaving(service: Service) -> Notice:
    """Return what is told of a replica while its namespace is being deleted."""
    namespace = namespace_of(service.host)
    return Notice(
        f"{service.host}.{CLUSTER_DOMAIN}",
        Code.LEAVING,
        f"namespace {namespace} is being deleted: no Service can be made there until it is gone",
        f"kubectl get namespace {namespace} -o yaml says what it waits for",
    )


def _ports(ports: tuple[Port, ...]) -> Iterator[Document]:
    names: set[str] = set()
    numbers: set[tuple[int, Transport]] = set()
    for port in ports:
        key = (port.number, port.transport)
        if port.name in names or key in numbers:
            continue
        names.add(port.name)
        numbers.add(key)
        written: Document = {
            # An istiod looks for endpoints by the name that the port has where they are.
            "name": "" if len(ports) == 1 and port.name == f"port-{port.number}" else port.name,
            "port": port.number,
            "protocol": port.transport.upper(),
            "appProtocol": port.protocol.lower() if port.transport is Transport.TCP else "",
        }
        yield {key: value for key, value in written.items() if value}
