"""Writes as the API server does them: what is kept, what is refused, what changes nothing."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.kube.apiserver import fields
from tests.kube.apiserver.fields import Manager
from tests.kube.apiserver.resources import DEFINITIONS, NAMESPACES, SECRETS, Resource, defined
from tests.kube.apiserver.statuses import (
    ApiError,
    already_exists,
    conflict,
    invalid,
    not_found,
    terminating,
)
from tests.kube.apiserver.storage import Key, Object, Storage

LARGEST_OBJECT = 1_572_864
"""Bytes; etcd's default ``--max-request-bytes``."""
KEPT_BY_SERVER = (
    *("uid", "creationTimestamp", "generation"),
    *("deletionTimestamp", "deletionGracePeriodSeconds"),
)
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a request is about."""

    resource: Resource
    version: str
    namespace: str
    name: str
    subresource: str = ""

    @property
    def key(self) -> Key:
        return Key(self.resource.id, self.namespace, self.name)


class Writer:
    """The one who commits; with ``dry_run`` it says what it would have written."""

    def __init__(self, storage: Storage, now: Callable[[], str], *, dry_run: bool = False) -> None:
        self._storage = storage
        self._now = now
        self._dry_run = dry_run

    def create(self, target: Target, body: Body, manager: str) -> Object:
        """Add an object."""
        check_type(target, body)
        name = body["metadata"].get("name", "")
        kind = f"{target.resource.kind}.{target.resource.group}".rstrip(".")
        if not name:
            why = "Required value: name or generateName is required"
            raise invalid(kind, "", "metadata.name", why, "FieldValueRequired")
        if body["metadata"].get("resourceVersion"):
            why = "resourceVersion should not be set on objects to be created"
            raise ApiError(500, why, reason="")
        target = replace(target, name=name)
        check_place(target, body)
        if self._storage.get(target.key) is not None:
            raise already_exists(target.resource.id, name)
        new = self._born(target, body)
        who = Manager(manager, "Update")
        return self._add(target, fields.note_update(None, new, who, self._now()))

    def update(self, target: Target, body: Body, manager: str) -> Object:
        """Put an object in another's place, or in its own."""
        check_type(target, body)
        check_place(target, body)
        resource, metadata = target.resource, body["metadata"]
        old = self._storage.get(target.key)
        if old is None:
            if resource.upsert and not target.subresource and not metadata.get("resourceVersion"):
                return self.create(target, body, manager)
            raise not_found(resource.id, target.name)
        if not metadata.get("resourceVersion") and not resource.unconditional:
            why = "Invalid value: 0: must be specified for an update"
            field = "metadata.resourceVersion"
            raise invalid(resource.id, target.name, field, why, "FieldValueInvalid")
        return self._change(target, old, body, manager)

    def merge_patch(self, target: Target, patch: Body, manager: str) -> Object:
        """Change an object by an RFC 7396 merge patch."""
        old = self._old(target)
        merged = merge_patch(old, patch)
        check_place(target, merged)
        return self._change(target, old, merged, manager)

    def apply(self, target: Target, config: Body, manager: str, *, force: bool) -> Object:
        """Apply a manager's configuration; the object is created if it is not there."""
        check_type(target, config)
        check_place(target, config)
        if config["metadata"].get("managedFields") is not None:
            raise ApiError(400, "metadata.managedFields must be nil")
        who = Manager(manager, "Apply", target.subresource)
        schema = target.resource.schema
        asked, config = config, _meant(self._shown(target, config))
        old = self._storage.get(target.key)
        if old is None:
            if target.subresource:
                raise not_found(target.resource.id, target.name)
            born = self._born(target, {**config, "metadata": {"name": target.name}})
            live = {key: born[key] for key in ("apiVersion", "kind", "metadata")}
            new = fields.apply(live, config, who, schema, force=force, now=self._now())
            return self._add(target, new)
        new = fields.apply(old, config, who, schema, force=force, now=self._now())
        check_version(target, old, asked)
        return self._finish(target, old, new)

    def delete(self, target: Target, preconditions: Mapping[str, str]) -> Object:
        """Remove an object; one with finalizers is only marked."""
        resource, old = target.resource, self._old(target)
        metadata = old["metadata"]
        kind = f"{resource.kind}.{resource.group}".rstrip(".")
        for field, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            asked = preconditions.get(field)
            if asked and asked != metadata[field]:
                why = (
                    f"the {word} in the precondition ({asked}) does not match the {word} in record"
                )
                raise conflict(kind, target.name, f"{why} ({metadata[field]}).")
        if not metadata.get("finalizers"):
            return self._remove(target, old)
        if "deletionTimestamp" in metadata:
            return old
        marks = {"deletionTimestamp": self._now(), "deletionGracePeriodSeconds": 0}
        marked = {**old, "metadata": {**metadata, **marks}}
        return self._commit(target.key, _counted(marked))

    def _old(self, target: Target) -> Object:
        old = self._storage.get(target.key)
        if old is None:
            raise not_found(target.resource.id, target.name)
        return old

    def _born(self, target: Target, body: Body) -> Object:
        """A new object with what the server gives it."""
        resource = target.resource
        place = {"namespace": target.namespace} if resource.namespaced else {}
        metadata = {
            **{key: value for key, value in body["metadata"].items() if key not in KEPT_BY_SERVER},
            **place,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self._now(),
            **({"generation": 1} if resource.generation else {}),
        }
        new = {**body, **_typed(target), "metadata": metadata}
        if resource.status and resource.id != "nodes":
            new.pop("status", None)
        return _with_defaults(resource, new)

    def _add(self, target: Target, new: Object) -> Object:
        if target.resource.namespaced:
            namespace = self._storage.get(Key(NAMESPACES.id, "", target.namespace))
            if namespace is None:
                raise not_found(NAMESPACES.id, target.namespace)
            if "deletionTimestamp" in namespace["metadata"]:
                raise terminating(target.resource.id, new["metadata"]["name"], target.namespace)
        return self._commit(target.key, _with_defaults(target.resource, new))

    def _change(self, target: Target, old: Object, body: Body, manager: str) -> Object:
        check_version(target, old, body)
        new = self._shown(target, body, old)
        who = Manager(manager, "Update", target.subresource)
        noted = fields.note_update(old, _kept(old, {**new, **_typed(target)}), who, self._now())
        return self._finish(target, old, noted)

    def _shown(self, target: Target, body: Body, old: Object | None = None) -> Object:
        """The part of a body that may be written here: status, or everything but status."""
        if target.subresource:
            base = old or {key: body[key] for key in ("apiVersion", "kind", "metadata")}
            if old is None:
                names = {"name": target.name}
                base = {**base, "metadata": names}
            base = {key: value for key, value in base.items() if key != "status"}
            return {**base, **({"status": body["status"]} if "status" in body else {})}
        shown = dict(body)
        if target.resource.status:
            shown.pop("status", None)
            if old is not None and "status" in old:
                shown["status"] = old["status"]
        return shown

    def _finish(self, target: Target, old: Object, new: Object) -> Object:
        """Commit a change, unless nothing changed."""
        new = _with_defaults(target.resource, _kept(old, new))
        if target.resource.generation and _spec(target.resource, new) != _spec(
            target.resource, old
        ):
            new = _counted(new)
        if new == old:
            return old
        metadata = new["metadata"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            return self._remove(target, old)
        return self._commit(target.key, new)

    def _remove(self, target: Target, old: Object) -> Object:
        if not self._dry_run:
            for key in self._dependents(target, old):
                self._storage.commit(key, None)
        return self._commit(target.key, None) if not self._dry_run else old

    def _dependents(self, target: Target, old: Object) -> list[Key]:
        """What goes with a namespace or with a definition."""
        if target.resource == NAMESPACES:
            return list(self._storage.inside(target.name))
        if target.resource == DEFINITIONS:
            return [key for key, _ in self._storage.select(defined(old).id)]
        return []

    def _commit(self, key: Key, new: Object | None) -> Object:
        if new is not None and len(json.dumps(new)) > LARGEST_OBJECT:
            raise ApiError(500, "etcdserver: request is too large", reason="")
        if self._dry_run and new is not None:
            return new
        return self._storage.commit(key, new)


def merge_patch(onto: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(onto) if isinstance(onto, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def check_type(target: Target, body: Body) -> None:
    """Refuse a body of another kind; built-in resources need not say theirs."""
    resource = target.resource
    if not isinstance(body.get("metadata"), Mapping):
        raise ApiError(
            400, f"the object provided is unrecognized (must be of type {resource.kind})"
        )
    if not body.get("kind") and not resource.is_builtin:
        raise ApiError(400, "Object 'Kind' is missing")
    expected = resource.api_version(target.version)
    if body.get("apiVersion", expected) != expected:
        why = f"the API version in the data ({body['apiVersion']}) does not match the expected"
        raise ApiError(400, f"{why} API version ({expected})")
    if body.get("kind", resource.kind) != resource.kind:
        kind = f"{body['kind']}.{resource.group}".rstrip(".")
        why = f'Invalid value: "{body["kind"]}": must be {resource.kind}'
        raise invalid(kind, body["metadata"].get("name", ""), "kind", why, "FieldValueInvalid")


def check_place(target: Target, body: Body) -> None:
    """Refuse a body whose name or namespace is not that of the request."""
    metadata = body["metadata"]
    if metadata.get("name", target.name) != target.name:
        why = f"the name of the object ({metadata['name']}) does not match the name on the URL"
        raise ApiError(400, f"{why} ({target.name})")
    if (metadata.get("namespace") or target.namespace) != target.namespace:
        why = (
            "the namespace of the provided object does not match the namespace sent on the request"
        )
        raise ApiError(400, why)


def check_version(target: Target, old: Object, body: Body) -> None:
    """Refuse a body that was made from another version of the object."""
    metadata = body["metadata"]
    if metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: "
        raise conflict(target.resource.id, target.name, why + old["metadata"]["uid"])
    version = metadata.get("resourceVersion") or old["metadata"]["resourceVersion"]
    if version != old["metadata"]["resourceVersion"]:
        raise conflict(target.resource.id, target.name)


def _typed(target: Target) -> dict[str, str]:
    """The type under which every version is stored."""
    resource = target.resource
    return {"apiVersion": resource.api_version(resource.versions[0]), "kind": resource.kind}


def _kept(old: Object, new: Body) -> Object:
    """An object with what only the server changes as it was."""
    metadata = {key: value for key, value in new["metadata"].items() if key not in KEPT_BY_SERVER}
    names = (*KEPT_BY_SERVER, "name", "namespace", "resourceVersion")
    metadata |= {key: old["metadata"][key] for key in names if key in old["metadata"]}
    return {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata}


def _meant(config: Body) -> Object:
    """A configuration without what names its object, or is only the server's to set."""
    dropped = (*KEPT_BY_SERVER, "name", "namespace", "resourceVersion", "managedFields")
    metadata = {key: value for key, value in config["metadata"].items() if key not in dropped}
    rest = {key: value for key, value in config.items() if key not in {"apiVersion", "kind"}}
    return {**rest, "metadata": metadata}


def _spec(resource: Resource, item: Object) -> Object:
    """What a new generation is a change of."""
    outside = {"metadata", "status"} if resource.status else {"metadata"}
    return {key: value for key, value in item.items() if key not in outside}


def _counted(item: Object) -> Object:
    metadata = item["metadata"]
    if "generation" not in metadata:
        return item
    return {**item, "metadata": {**metadata, "generation": metadata["generation"] + 1}}


def _with_defaults(resource: Resource, item: Object) -> Object:
    """The few defaults and computed fields that clients look at."""
    if resource == SECRETS:
        plain = item.get("stringData") or {}
        coded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
        rest = {key: value for key, value in item.items() if key != "stringData"}
        data = {**(item.get("data") or {}), **coded}
        return {**rest, "type": item.get("type", "Opaque"), **({"data": data} if data else {})}
    if resource == NAMESPACES:
        metadata = item["metadata"]
        labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
        status = item.get("status") or {"phase": "Active"}
        return {**item, "metadata": {**metadata, "labels": labels}, "status": status}
    if resource == DEFINITIONS:
        conditions = [{"type": name, "status": "True"} for name in ("NamesAccepted", "Established")]
        names = item["spec"]["names"]
        return {**item, "status": {"acceptedNames": names, "conditions": conditions}}
    return item
