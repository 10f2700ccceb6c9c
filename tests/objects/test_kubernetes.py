"""Kubernetes' own objects as its API reference writes them: each field comes back as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.objects.kubernetes import (
    ConfigMap,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Namespace,
    Node,
    Pod,
    Service,
    ServiceExport,
    ServicePort,
    SliceEndpoint,
)
from globaldns.objects.metadata import Resource

METADATA = {"name": "a", "namespace": "ns", "labels": {"app": "a"}}
REFERENCE = {"kind": "Pod", "namespace": "ns", "name": "a-1"}

WRITTEN: list[tuple[type[Resource], dict[str, Any]]] = [
    (
        Service,
        {
            "spec": {
                "type": "LoadBalancer",
                "ports": [{"port": 53, "name": "dns", "protocol": "UDP", "appProtocol": "grpc"}],
                "externalIPs": ["192.0.2.1"],
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2", "hostname": "lb.test"}]}},
        },
    ),
    (
        EndpointSlice,
        {
            "addressType": "IPv6",
            "endpoints": [
                {
                    "addresses": ["fd00::1"],
                    "conditions": {"ready": False},
                    "nodeName": "n",
                    "zone": "z",
                    "targetRef": REFERENCE,
                }
            ],
            "ports": [{"port": 80, "name": "http"}],
        },
    ),
    (
        Endpoints,
        {
            "subsets": [
                {
                    "addresses": [{"ip": "10.0.0.1", "nodeName": "n", "targetRef": REFERENCE}],
                    "notReadyAddresses": [{"ip": "10.0.0.2"}],
                    "ports": [{"port": 80, "name": "http"}],
                }
            ]
        },
    ),
    (
        Pod,
        {
            "spec": {"nodeName": "n", "serviceAccountName": "a"},
            "status": {
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        },
    ),
    (ServiceExport, {}),
    (ConfigMap, {"data": {"root-cert.pem": "PEM"}}),
]


@pytest.mark.parametrize(("kind", "parts"), WRITTEN, ids=lambda value: getattr(value, "kind", ""))
def test_every_field_is_read_under_kubernetes_name(
    kind: type[Resource], parts: dict[str, Any]
) -> None:
    value = {"metadata": METADATA, **parts}
    found = msgspec.convert(value, kind)
    assert msgspec.json.decode(msgspec.json.encode(found)) == value


def test_what_is_absent_has_the_default_of_kubernetes() -> None:
    port = msgspec.convert({"port": 80}, ServicePort)
    assert (port.protocol, port.name, port.app_protocol) == ("TCP", None, None)
    service = msgspec.convert({"metadata": METADATA}, Service)
    assert (service.spec.type, service.status.load_balancer.ingress) == ("ClusterIP", ())


def test_what_is_unknown_of_an_endpoint_is_told_apart_from_what_is_false() -> None:
    assert msgspec.convert({}, SliceEndpoint).conditions.ready is None
    assert msgspec.convert({}, EndpointPort).port is None
    assert msgspec.convert({"metadata": METADATA}, EndpointSlice).ports is None


@pytest.mark.parametrize(
    ("kind", "is_namespaced"),
    [
        (Service, True),
        (ServiceExport, True),
        (EndpointSlice, True),
        (Endpoints, True),
        (Pod, True),
        (ConfigMap, True),
        (Node, False),
        (Namespace, False),
    ],
)
def test_nodes_and_namespaces_belong_to_no_namespace(
    kind: type[Resource], *, is_namespaced: bool
) -> None:
    assert kind.is_namespaced is is_namespaced


@pytest.mark.parametrize("kind", [Service, ServiceExport])
def test_what_becomes_a_host_is_named_by_one_label(kind: type[Resource]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.metadata\.name"):
        msgspec.convert({"metadata": {"name": "a.b"}}, kind)
