"""Objects as people write them, with only what a test is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from globaldns import objects
from globaldns.exports import ClusterExports, ExportRules
from globaldns.model.export import Export
from globaldns.model.finding import Finding
from globaldns.objects import Object

Plain = dict[str, Any]

HTTP: Plain = {"number": 8000, "name": "http", "protocol": "HTTP"}
TCP: Plain = {"number": 9000, "name": "tcp", "protocol": "TCP"}
EXPORTED = {"annotations": {"globaldns.io/export": "true"}}


def build(
    kind: str, version: str, name: str, *, namespace: str = "bookinfo", **parts: Any
) -> Object:
    """Return an object; ``labels``, ``annotations`` and ``created`` go into its metadata."""
    metadata: Plain = {"name": name, "namespace": namespace}
    for part in ("labels", "annotations"):
        if part in parts:
            metadata[part] = parts.pop(part)
    if "created" in parts:
        metadata["creationTimestamp"] = f"2026-01-01T00:00:{parts.pop('created'):02}Z"
    value = {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}
    found = objects.decode(value)
    assert found is not None
    return found


def entry(name: str = "reviews", *, spec: Plain | None = None, **parts: Any) -> Object:
    plain = {"hosts": [f"{name}.bookinfo.global"], "ports": [HTTP], "resolution": "STATIC"}
    return build(
        "ServiceEntry", "networking.istio.io/v1", name, spec={**plain, **(spec or {})}, **parts
    )


def workload_entry(name: str, spec: Plain, **parts: Any) -> Object:
    return build("WorkloadEntry", "networking.istio.io/v1", name, spec=spec, **parts)


def service(name: str = "reviews", *, spec: Plain | None = None, **parts: Any) -> Object:
    plain = {"ports": [{"port": 9080, "name": "http"}]}
    return build("Service", "v1", name, spec={**plain, **(spec or {})}, **parts)


def service_export(name: str = "reviews", **parts: Any) -> Object:
    return build("ServiceExport", "multicluster.x-k8s.io/v1alpha1", name, **parts)


def endpoint_slice(
    name: str, endpoints: list[Plain], *, of: str = "reviews", **parts: Any
) -> Object:
    return build(
        "EndpointSlice",
        "discovery.k8s.io/v1",
        name,
        labels={"kubernetes.io/service-name": of},
        endpoints=endpoints,
        **{"ports": [{"name": "http", "port": 9080}], **parts},
    )


def behind(pod: str, address: str, **parts: Any) -> Plain:
    """Return an endpoint of a slice that is a pod."""
    target = {"kind": "Pod", "namespace": "bookinfo", "name": pod}
    return {"addresses": [address], "targetRef": target, **parts}


def pod(name: str, **parts: Any) -> Object:
    return build("Pod", "v1", name, **parts)


def node(name: str, **labels: str) -> Object:
    return build(
        "Node", "v1", name, labels={f"topology.kubernetes.io/{k}": v for k, v in labels.items()}
    )


def namespace(name: str, **parts: Any) -> Object:
    return build("Namespace", "v1", name, **parts)


def gateway(name: str = "eastwest", **parts: Any) -> Object:
    labels = {"topology.istio.io/network": "network1"}
    spec = {"ports": [{"port": 15443, "name": "tls"}]}
    return service(name, namespace="istio-system", **{"labels": labels, "spec": spec, **parts})


def balanced(*addresses: str) -> Plain:
    """Return the status of a Service with these load balancer addresses."""
    return {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}}


def rules(**settings: Any) -> ExportRules:
    return ExportRules(**{"cluster": "east", "zones": ("global",), **settings})


def cluster(objects: Iterable[Object], **settings: Any) -> ClusterExports:
    """Return a cluster that was given objects, each from a file of its name."""
    exports = ClusterExports(rules(**settings))
    for resource in objects:
        exports.put(resource, f"{resource.metadata.name}.yaml")
    return exports


def exported(*objects: Object, **settings: Any) -> dict[str, Export]:
    return {export.host: export for export in cluster(objects, **settings).view().exports}


def findings(*objects: Object, **settings: Any) -> list[tuple[str, str]]:
    """Return code and path of what is wrong."""
    return [(one.code, one.path) for one in cluster(objects, **settings).findings()]


def only(found: list[Finding]) -> Finding:
    (one,) = found
    return one
