"""What a cluster of an Istio mesh has: pods with Envoys, Services, and east-west gateways."""

from __future__ import annotations

from collections.abc import Mapping

from tests.system.api_servers import Object
from tests.system.istio_kinds import GROUP
from tests.system.istiods import SYSTEM
from tests.system.sites import namespace
from tests.system.stock_envoys import Kind, Pod

NUMBERS = {"east": 1, "west": 2, "north": 3}
NETWORK = "topology.istio.io/network"
DOOR_PORT = 15443
PORTS = {"http": (9080, 8080), "tcp-echo": (9000, 9001), "any": (9100, 8081)}
"""Of services: what callers say, and what pods have. The last says nothing of its protocol."""


def pod(cluster: str, name: str, namespace: str, last: int) -> Pod:
    """Return a pod with a sidecar; its service account has its name."""
    labels = {"app": name, "security.istio.io/tlsMode": "istio"}
    return Pod(
        cluster=cluster,
        name=name,
        namespace=namespace,
        address=f"10.{NUMBERS[cluster]}.0.{last}",
        account=name,
        labels=labels,
    )


def gateway(cluster: str, number: int = 0) -> Pod:
    """Return the pod of an east-west gateway of a cluster, with its load balancer's address."""
    return Pod(
        cluster=cluster,
        name=f"istio-eastwestgateway{f'-{number}' if number else ''}",
        namespace=SYSTEM,
        address=f"10.{NUMBERS[cluster]}.0.{254 - number}",
        account="istio-eastwestgateway",
        labels={"istio": "eastwestgateway", NETWORK: f"net-{cluster}"},
        kind=Kind.ROUTER,
        others=(f"192.0.2.{NUMBERS[cluster] + 10 * number}",),
    )


def lan(cluster: str) -> str:
    """Return where a cluster's pods are."""
    return f"10.{NUMBERS[cluster]}.0.0/24"


def dns_address(cluster: str) -> str:
    """Return where a cluster's pods ask for names."""
    return f"10.{NUMBERS[cluster]}.0.10"


def labelled(name: str, **labels: str) -> Object:
    """Return a namespace with labels."""
    made = namespace(name)
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def pod_object(pod: Pod) -> Object:
    """Return a pod as the kubelet would have it.

    An istiod that reads the endpoints first looks at them again when the pod is ready, not before.
    """
    addresses = {"podIP": pod.address, "podIPs": [{"ip": pod.address}]}
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": dict(pod.labels)},
        "spec": {
            "serviceAccountName": pod.account,
            "containers": [{"name": "app", "image": "app"}],
        },
        "status": {"phase": "Running", **addresses, **ready},
    }


def slice_object(name: str, namespace: str, ports: Mapping[str, int], *pods: Pod) -> Object:
    """Return the endpoints of a Service, all of them ready."""
    labels = {"kubernetes.io/service-name": name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [pod.address],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": pod.name, "namespace": pod.namespace},
            }
            for pod in pods
        ],
        "ports": [{"name": key, "port": port} for key, port in ports.items()],
    }


def backends(name: str, namespace: str, *pods: Pod) -> Object:
    """Return the endpoints of a service."""
    return slice_object(name, namespace, {key: own for key, (_, own) in PORTS.items()}, *pods)


def exported(name: str, namespace: str) -> Object:
    """Return a Service that is exported."""
    ports = [
        {"name": key, "port": number, "targetPort": own} for key, (number, own) in PORTS.items()
    ]
    metadata = {
        "name": name,
        "namespace": namespace,
        "annotations": {"globaldns.io/export": "true"},
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}


def door_objects(*pods: Pod) -> list[Object]:
    """Return east-west gateways as Istio's samples install them."""
    pod, *_ = pods
    meta = {"name": pod.name, "namespace": pod.namespace}
    port = {"number": DOOR_PORT, "name": "tls", "protocol": "TLS"}
    server = {"port": port, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**meta, "labels": dict(pod.labels)},
            "spec": {
                "type": "LoadBalancer",
                "ports": [{"name": "tls", "port": DOOR_PORT, "targetPort": DOOR_PORT}],
            },
            "status": {"loadBalancer": {"ingress": [{"ip": one.others[0]} for one in pods]}},
        },
        *map(pod_object, pods),
        slice_object(pod.name, pod.namespace, {"tls": DOOR_PORT}, *pods),
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Gateway",
            "metadata": {"name": "cross-network-gateway", "namespace": pod.namespace},
            "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]},
        },
    ]
