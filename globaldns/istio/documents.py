"""Istio's documents as plain values, in the order in which people write them."""

from __future__ import annotations

from typing import Any

from globaldns.exports.marks import OWNED_BY
from globaldns.model.place import Place

Document = dict[str, Any]
"""A Kubernetes object: ``apiVersion``, ``kind``, ``metadata``, ``spec``."""

API_VERSION = "networking.istio.io/v1"
"""Served since Istio 1.22; v1beta1 and v1alpha3 are the same type."""


def make_document(kind: str, place: Place, owner: str, spec: Document) -> Document:
    """Return an object of ours; ``owner`` is the cluster whose globaldns it belongs to."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": place.name,
            "namespace": place.namespace,
            "labels": {OWNED_BY: owner},
        },
        "spec": spec,
    }
