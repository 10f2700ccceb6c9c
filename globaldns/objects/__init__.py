"""Slim values of the Kubernetes, Istio and globaldns objects that are read; no client."""

from globaldns.objects.metadata import Metadata, ObjectKey, Resource, key
from globaldns.objects.reading import KINDS, Object, decode, expand, identify

__all__ = [
    "KINDS",
    "Metadata",
    "Object",
    "ObjectKey",
    "Resource",
    "decode",
    "expand",
    "identify",
    "key",
]
