"""Istio's kinds as an API server may have them: named as Istio's are, with an open schema."""

from __future__ import annotations

from typing import Any

GROUP = "networking.istio.io"
KINDS = {
    "ServiceEntry": "serviceentries",
    "WorkloadEntry": "workloadentries",
    "DestinationRule": "destinationrules",
    "Gateway": "gateways",
    "VirtualService": "virtualservices",
    "Sidecar": "sidecars",
}
VERSIONS = ("v1", "v1beta1", "v1alpha3")


def definitions() -> list[dict[str, Any]]:
    """Return their CustomResourceDefinitions."""
    return [_definition(kind, plural) for kind, plural in KINDS.items()]


def _definition(kind: str, plural: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [
                {"name": name, "served": True, "storage": name == "v1", "schema": schema}
                for name in VERSIONS
            ],
        },
    }
