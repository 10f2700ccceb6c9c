"""What each cluster's directory of manifests has in it, as its API server would have. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from globaldns.demo.plan import (
    GATEWAY_PORT,
    GATEWAYS,
    MACHINES,
    Cluster,
    Kind,
    Service,
    Workload,
    exports_of,
)
from globaldns.model.claim import Claim, Marker, format_claims, format_time

Manifest = dict[str, Any]

_SYSTEM = "istio-system"
_MUTUAL = {"security.istio.io/tlsMode": "istio"}
_CREATED = "2026-01-05T08:00:00Z"


def cluster_manifests(cluster: Cluster) -> Iterator[Manifest]:
    """Yield all objects of a cluster but its ledger."""
    yield _gateway_service(cluster)
    for service, workloads in exports_of(cluster.name):
        if workloads[0].kind in {Kind.MACHINE, Kind.OUTSIDE}:
            yield from _entry(service, workloads)
        else:
            yield from _service(service, workloads)


def ledger_manifest(cluster: str, marker: Marker, claims: Sequence[Claim]) -> Manifest:
    """Return what a cluster's globaldns remembers as the object that the others read."""
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": "VIPLedger",
        "metadata": {"name": "own-000", "namespace": "globaldns"},
        "spec": {
            "cluster": cluster,
            "marker": {"id": marker.id, "created": format_time(marker.created)},
            "data": format_claims(claims),
        },
    }


def _gateway_service(cluster: Cluster) -> Manifest:
    addresses = [one.address for one in GATEWAYS if one.cluster == cluster.name]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "istio-eastwestgateway",
            "namespace": _SYSTEM,
            "labels": {"topology.istio.io/network": cluster.network},
        },
        "spec": {"type": "LoadBalancer", "ports": [{"name": "tls", "port": GATEWAY_PORT}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}},
    }


def _metadata(service: Service, name: str, **more: Any) -> Manifest:
    return {
        "name": name,
        "namespace": service.namespace,
        "creationTimestamp": _CREATED,
        **more,
    }


def _port(service: Service) -> Manifest:
    return {"name": f"{service.speech.lower()}-{service.name}", "port": service.port}


def _service(service: Service, pods: Sequence[Workload]) -> Iterator[Manifest]:
    exported = {"annotations": {"globaldns.io/export": "true"}}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(service, service.name, **exported),
        "spec": {"ports": [_port(service)]},
    }
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _metadata(
            service, service.name, labels={"kubernetes.io/service-name": service.name}
        ),
        "addressType": "IPv4",
        "ports": [_port(service)],
        "endpoints": [_endpoint(pod) for pod in pods],
    }
    for pod in pods:
        labels = {"app": service.name, **(_MUTUAL if pod.is_mutual else {})}
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": _metadata(service, pod.name, labels=labels),
            "spec": {"serviceAccountName": service.account},
            "status": {"phase": "Running", "podIP": pod.address},
        }


def _endpoint(pod: Workload) -> Manifest:
    target = {"kind": "Pod", "name": pod.name, "namespace": pod.service.namespace}
    return {"addresses": [pod.address], "conditions": {"ready": True}, "targetRef": target}


def _entry(service: Service, workloads: Sequence[Workload]) -> Iterator[Manifest]:
    """Yield a ServiceEntry: with its addresses outside of the mesh, selecting machines inside."""
    is_outside = workloads[0].kind is Kind.OUTSIDE
    port = {"number": service.port, "name": _port(service)["name"], "protocol": service.speech}
    selected = {"workloadSelector": {"labels": {"app": service.name}}}
    inline = {"endpoints": [{"address": one.address} for one in workloads]}
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": _metadata(service, service.name),
        "spec": {
            "hosts": [service.host],
            "location": "MESH_EXTERNAL" if is_outside else "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [port],
            **(inline if is_outside else selected),
        },
    }
    for machine in () if is_outside else workloads:
        yield {
            "apiVersion": "networking.istio.io/v1",
            "kind": "WorkloadEntry",
            "metadata": _metadata(service, machine.name),
            "spec": {
                "address": machine.address,
                "network": MACHINES,
                "serviceAccount": service.account,
                "labels": {"app": service.name, **_MUTUAL},
            },
        }
