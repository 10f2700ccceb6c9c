"""Documents as they stand and as they are wanted."""

from __future__ import annotations

from typing import Any

from msgspec import json

from globaldns.apply.routes.standing import Document, Standing, read_standing
from globaldns.exports.marks import OWNED_BY

NEAR = {"globaldns.io/rank-1": "y"}
OWN = {**NEAR, "globaldns.io/rank-2": "y"}
LAST: dict[str, str] = {}


def endpoint(address: str, labels: dict[str, str] = NEAR, **more: Any) -> dict[str, Any]:
    return {"address": address, **({"labels": labels} if labels else {}), **more}


def entry(*endpoints: dict[str, Any], name: str = "web-global", **spec: Any) -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "shop", "labels": {OWNED_BY: "east"}},
        "spec": {"hosts": ["web.shop.global"], **spec, "endpoints": list(endpoints)},
    }


def rule(sni: str = "x", name: str = "web-global") -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": "shop", "labels": {OWNED_BY: "east"}},
        "spec": {"host": "web.shop.global", "trafficPolicy": {"tls": {"sni": sni}}},
    }


def gateway(*hosts: str) -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "globaldns-eastwest",
            "namespace": "globaldns",
            "labels": {OWNED_BY: "east"},
        },
        "spec": {"servers": [{"port": {"number": 15443}, "hosts": [*hosts]}]},
    }


def replica(*ports: dict[str, Any], name: str = "web", namespace: str = "shop") -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {OWNED_BY: "east"}},
        "spec": {"ports": [*ports]},
    }


def standing(document: Document, version: int = 1, **metadata: Any) -> Standing:
    metadata = {**document["metadata"], "resourceVersion": str(version), **metadata}
    found = read_standing(document["kind"], json.encode({**document, "metadata": metadata}), "east")
    assert found is not None
    return found
