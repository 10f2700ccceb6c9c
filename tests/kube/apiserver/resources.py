"""What is served: built-in resources, and those of the definitions that are stored."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPEN_MARK = "x-kubernetes-preserve-unknown-fields"


class Schema(enum.Enum):
    """What the server knows of an object's fields, which server-side apply depends on."""

    BUILTIN = enum.auto()
    STRUCTURAL = enum.auto()
    OPEN = enum.auto()
    """``x-kubernetes-preserve-unknown-fields`` at the top."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and what the server does differently for it; the defaults are a CRD's."""

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    """Whether there is ``/status``."""
    schema: Schema = Schema.OPEN
    generation: bool = True
    """Whether ``metadata.generation`` is kept."""
    unconditional: bool = False
    """Whether a PUT may go without a resourceVersion."""
    upsert: bool = False
    """Whether a PUT creates what does not exist."""
    deletion_shows_object: bool = False
    """Whether a DELETE is answered with the object, not with a ``Status``."""
    selectable: tuple[str, ...] = ()
    """Paths besides name and namespace that a fieldSelector may name."""
    terminating: bool = False
    """Whether its definition is being deleted, and its objects before that."""

    @property
    def id(self) -> str:
        """``plural.group``; ``plural`` in the core group."""
        return f"{self.plural}.{self.group}".rstrip(".")

    @property
    def is_builtin(self) -> bool:
        return self.schema is Schema.BUILTIN

    def api_version(self, version: str) -> str:
        return f"{self.group}/{version}".lstrip("/")


def _builtin(group: str, plural: str, kind: str, **how: Any) -> Resource:
    defaults = {"schema": Schema.BUILTIN, "generation": False, "unconditional": True}
    return Resource(group, ("v1",), plural, kind, **{**defaults, **how})


NAMESPACES = _builtin("", "namespaces", "Namespace", namespaced=False, status=True)
SECRETS = _builtin("", "secrets", "Secret", selectable=("type",))
DEFINITIONS = _builtin(
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    status=True,
    generation=True,
    unconditional=False,
    deletion_shows_object=True,
)
BUILTINS = (
    NAMESPACES,
    SECRETS,
    _builtin("", "configmaps", "ConfigMap"),
    _builtin("", "events", "Event", upsert=True),
    _builtin("", "nodes", "Node", namespaced=False, status=True),
    _builtin(
        "",
        "pods",
        "Pod",
        status=True,
        generation=True,
        deletion_shows_object=True,
        selectable=("spec.nodeName", "status.phase", "status.podIP"),
    ),
    _builtin("", "serviceaccounts", "ServiceAccount", deletion_shows_object=True),
    _builtin("", "services", "Service", status=True, upsert=True, deletion_shows_object=True),
    _builtin("apps", "daemonsets", "DaemonSet", status=True, generation=True),
    _builtin("apps", "deployments", "Deployment", status=True, generation=True),
    _builtin("coordination.k8s.io", "leases", "Lease", unconditional=False, upsert=True),
    _builtin("discovery.k8s.io", "endpointslices", "EndpointSlice", generation=True),
    DEFINITIONS,
)


def definition(resource: Resource) -> dict[str, Any]:
    """Return a CustomResourceDefinition with an open schema; the first version is stored."""
    scope = "Namespaced" if resource.namespaced else "Cluster"
    schema = {"type": "object", OPEN_MARK: True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.id},
        "spec": {
            "group": resource.group,
            "scope": scope,
            "names": {
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == resource.versions[0],
                    "schema": {"openAPIV3Schema": schema},
                    **({"subresources": {"status": {}}} if resource.status else {}),
                    **({"selectableFields": _selectable(resource)} if resource.selectable else {}),
                }
                for version in resource.versions
            ],
        },
    }


def _selectable(resource: Resource) -> list[dict[str, str]]:
    return [{"jsonPath": f".{path}"} for path in resource.selectable]


def defined(manifest: Mapping[str, Any]) -> Resource:
    """Return what a CustomResourceDefinition serves; the stored version comes first."""
    spec = manifest["spec"]
    served = [version for version in spec["versions"] if version.get("served")]
    served.sort(key=lambda version: not version.get("storage"))
    first: Mapping[str, Any] = served[0] if served else {}
    top = first.get("schema", {}).get("openAPIV3Schema", {})
    return Resource(
        spec["group"],
        tuple(version["name"] for version in served),
        spec["names"]["plural"],
        spec["names"]["kind"],
        namespaced=spec["scope"] == "Namespaced",
        status="status" in first.get("subresources", {}),
        schema=Schema.OPEN if top.get(OPEN_MARK) else Schema.STRUCTURAL,
        selectable=tuple(f["jsonPath"].lstrip(".") for f in first.get("selectableFields", ())),
        terminating="deletionTimestamp" in manifest["metadata"],
    )
