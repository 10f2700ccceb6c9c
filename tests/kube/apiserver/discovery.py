"""What a server says of itself: its version and what it serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.kube.apiserver.resources import Resource
from tests.kube.apiserver.targets import Path

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "linux/amd64"}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

MAKING = ("create", "patch", "update")
"""By which objects come or stay, of which a definition that is being deleted has none."""


def document(where: str, path: Path, resources: Sequence[Resource]) -> dict[str, Any] | None:
    """Return the document at a path; None if there is none."""
    if where == "/version":
        return VERSION
    if where == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    groups = list(dict.fromkeys(each.group for each in resources if each.group and each.versions))
    if where == "/apis":
        listed = [_group(group, resources) for group in groups]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    if path.group in groups and not path.version:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(path.group, resources)}
    return _resources(path, resources)


def _group(group: str, resources: Iterable[Resource]) -> dict[str, Any]:
    names = dict.fromkeys(v for each in resources if each.group == group for v in each.versions)
    versions = [{"groupVersion": f"{group}/{name}", "version": name} for name in names]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resources(path: Path, resources: Iterable[Resource]) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = []
    for each in resources:
        if each.group != path.group or path.version not in each.versions:
            continue
        about = {"singularName": "", "namespaced": each.namespaced, "kind": each.kind}
        verbs = [verb for verb in VERBS if not each.terminating or verb not in MAKING]
        singular = {"singularName": each.kind.lower(), "verbs": verbs}
        rows.append({"name": each.plural, **about, **singular})
        if each.status:
            row = {"name": f"{each.plural}/status", **about, "verbs": ["get", "patch", "update"]}
            rows.append(row)
    if not rows:
        return None
    version = f"{path.group}/{path.version}".lstrip("/")
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": rows,
    }
