"""Paths of the API: what a request is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """``/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/SUBRESOURCE``, as far as it goes."""

    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""


def parse_path(path: str) -> Path:
    """Return what a path names; without a plural it is no resource."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        group, version, rest = "", "".join(parts[1:2]), parts[2:]
    elif parts[:1] == ["apis"]:
        group, version, rest = "".join(parts[1:2]), "".join(parts[2:3]), parts[3:]
    else:
        return Path()
    namespace = ""
    is_own = group == "" and rest[2:3] in (["status"], ["finalize"])
    if rest[:1] == ["namespaces"] and len(rest) > 2 and not is_own:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", "", ""][:3]
    return Path(group, version, namespace, plural, name, subresource)


def verb_of(method: str, path: Path, *, watch: bool) -> str:
    """Return the verb that RBAC knows a request by."""
    if method == "GET" and path.plural and not path.name:
        return "watch" if watch else "list"
    if method == "DELETE" and not path.name:
        return "deletecollection"
    verbs = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}
    return verbs.get(method, method.lower())
