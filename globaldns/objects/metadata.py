"""What every object has: its kind, its names, labels, annotations and age.

Only fields that something here reads are declared; all others are ignored, as Kubernetes' clients
do. A field that is absent and one that is null are the same.

Standards:
    RFC 1123 section 2.1    labels of letters, digits and inner hyphens
    Kubernetes "Object Names and IDs": DNS-1123 subdomain and label
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Name = Annotated[str, Meta(pattern=rf"\A{_LABEL}(\.{_LABEL})*\Z", max_length=253)]
"""A DNS-1123 subdomain."""
Label = Annotated[str, Meta(pattern=rf"\A{_LABEL}\Z", max_length=63)]
"""A DNS-1123 label."""
Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339, with its zone."""

NOTHING: Mapping[str, str] = MappingProxyType({})
"""The one empty mapping that objects without labels share."""


class Slim(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A mapping of an object; fields are written in camelCase there."""


class Metadata(Slim, frozen=True):
    """``metadata`` (Kubernetes ObjectMeta)."""

    name: Name
    namespace: Label = "default"
    """Without meaning where the kind belongs to no namespace."""
    labels: Mapping[str, str] = NOTHING
    annotations: Mapping[str, str] = NOTHING
    creation_timestamp: Time | None = None

    @property
    def created_at(self) -> int | None:
        """``creationTimestamp`` in Unix seconds."""
        return None if self.creation_timestamp is None else int(self.creation_timestamp.timestamp())


class LabelledMetadata(Metadata, frozen=True, kw_only=True):
    """``metadata`` of an object whose name becomes one label of a host."""

    name: Label


class Resource(Slim, frozen=True):
    """An object of an API server."""

    kind: ClassVar[str]
    is_namespaced: ClassVar[bool] = True

    metadata: Metadata


def is_older(version: str, than: str) -> bool:
    """Whether an object was seen as it was before; a ``resourceVersion`` is a number that rises."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)


class ObjectKey(Struct, frozen=True, order=True, gc=False):
    """What makes an object the same object, whatever API version it is read in."""

    kind: str
    namespace: str
    """Empty where the kind belongs to no namespace."""
    name: str

    def __str__(self) -> str:
        """Return ``Kind namespace/name``."""
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )


def key(resource: Resource) -> ObjectKey:
    """Return an object's key; its strings are those of every equal key."""
    metadata = resource.metadata
    namespace = sys.intern(metadata.namespace) if resource.is_namespaced else ""
    return ObjectKey(resource.kind, namespace, sys.intern(metadata.name))
