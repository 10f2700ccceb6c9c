"""Who set which field: ``metadata.managedFields`` and what server-side apply makes of it.

Lists are one value each, as they are in an open schema; a path is a tuple of keys.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.kube.apiserver.resources import Schema
from tests.kube.apiserver.statuses import field_conflicts, invalid

Path = tuple[str, ...]
Fields = dict[Path, Any]

_UNMANAGED = {
    ("apiVersion",),
    ("kind",),
    ("metadata",),
    *(
        ("metadata", field)
        for field in (
            *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
            *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"),
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes, and by which operation: each pair owns fields of its own."""

    name: str
    operation: str
    subresource: str = ""

    def describe(self, api_version: str) -> str:
        return f'"{self.name}"' + (f" using {api_version}" if self.operation == "Update" else "")


def fields(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every managed path of an object with its value, parents first."""
    if path and path not in _UNMANAGED:
        yield path, value
    if isinstance(value, Mapping) and (path == ("metadata",) or path not in _UNMANAGED):
        for key, below in value.items():
            yield from fields(below, (*path, key))


def is_leaf(value: Any) -> bool:
    return not (isinstance(value, Mapping) and value)


def managed(item: Mapping[str, Any]) -> dict[Manager, set[Path]]:
    """Return what each manager of an object owns."""
    return {
        Manager(entry["manager"], entry["operation"], entry.get("subresource", "")): set(
            _decode(entry["fieldsV1"])
        )
        for entry in item["metadata"].get("managedFields") or ()
    }


def _decode(node: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    if path and (not node or "." in node):
        yield path
    for name, below in node.items():
        if name != ".":
            yield from _decode(below, (*path, name.removeprefix("f:")))


def _encode(paths: Iterable[Path]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    ordered = sorted(paths)
    for path in ordered:
        node = root
        for name in path:
            node = node.setdefault(f"f:{name}", {})
    parents = {path[:-1] for path in ordered}
    for path in parents & set(ordered):
        node = root
        for name in path:
            node = node[f"f:{name}"]
        node["."] = {}
    return root


def with_managers(
    item: Mapping[str, Any], owned: Mapping[Manager, set[Path]], now: str
) -> dict[str, Any]:
    """Return an object with its managers; an entry that says the same keeps its time."""
    old = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry
        for entry in item["metadata"].get("managedFields") or ()
    }
    entries = []
    for manager, paths in owned.items():
        if not paths:
            continue
        entry = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": item["apiVersion"],
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": _encode(paths),
            **({"subresource": manager.subresource} if manager.subresource else {}),
        }
        before = old.get((manager.name, manager.operation, manager.subresource))
        same = before is not None and before["fieldsV1"] == entry["fieldsV1"]
        entries.append(before if same else entry)
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    if entries:
        metadata["managedFields"] = entries
    return {**item, "metadata": metadata}


def note_update(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], manager: Manager, now: str
) -> dict[str, Any]:
    """Return an object whose changed fields belong to who changed them."""
    before, after = dict(fields(old or {})), dict(fields(new))
    changed = {
        path
        for path, value in after.items()
        if path not in before or _displaces(value, before[path])
    }
    if old is not None and not changed and not set(before) - set(after):
        metadata = {**new["metadata"], "managedFields": old["metadata"].get("managedFields")}
        kept = {key: value for key, value in metadata.items() if value is not None}
        return {**new, "metadata": kept}
    source = new if old is None else {**new, "metadata": {**new["metadata"]}}
    if old is not None:
        source["metadata"]["managedFields"] = old["metadata"].get("managedFields")
    owned = {
        who: {path for path in paths if path in after and path not in changed}
        for who, paths in managed(source).items()
        if who != manager
    }
    mine = managed(source).get(manager, set())
    owned[manager] = {path for path in mine if path in after} | changed
    return with_managers(source, owned, now)


def apply(
    live: Mapping[str, Any],
    config: Mapping[str, Any],
    manager: Manager,
    schema: Schema,
    *,
    force: bool,
    now: str,
) -> dict[str, Any]:
    """Return an object with a manager's configuration applied.

    Raises:
        ApiError: 409, other managers own fields that it would change.
    """
    owned = managed(live)
    wanted, present = dict(fields(config)), dict(fields(live))
    taken = {
        path
        for path, value in wanted.items()
        if (is_leaf(value) and path not in present)
        or (path in present and _displaces(value, present[path]))
    }
    disputes = [
        (other.describe(live["apiVersion"]), "." + ".".join(path))
        for other, paths in owned.items()
        if other != manager
        for path in sorted(paths & taken)
    ]
    if disputes and not force:
        raise field_conflicts(disputes)
    before = owned.get(manager, set())
    mine = {path for path, value in wanted.items() if is_leaf(value) or _is_owned(path, schema)}
    owned = {who: paths - taken for who, paths in owned.items()} | {manager: mine}
    others = set().union(*(paths for who, paths in owned.items() if who != manager))
    merged = _merge(live, config)
    _prune(merged, before - mine - others, others | set(wanted), schema)
    left = {path for path, _ in fields(merged)}
    return with_managers(merged, {who: paths & left for who, paths in owned.items()}, now)


def _is_owned(path: Path, schema: Schema) -> bool:
    """Whether who applies a map with fields owns the map too, not just those fields."""
    return schema is Schema.OPEN and path[0] != "metadata"


def _replaces(value: Any, old: Any) -> bool:
    """Whether a value is another than the old one, its children left aside."""
    if isinstance(value, Mapping) and isinstance(old, Mapping):
        return False
    return bool(value != old)


def _displaces(value: Any, live: Any) -> bool:
    """Whether a value takes the place of a live one; null is a map without fields."""
    return _replaces(value, live) and not (live is None and isinstance(value, Mapping) and value)


def _merge(onto: Any, config: Any) -> Any:
    if not isinstance(config, Mapping):
        return copy.deepcopy(config)
    merged = dict(onto) if isinstance(onto, Mapping) else {}
    for key, value in config.items():
        merged[key] = _merge(merged.get(key), value)
    return merged


def _prune(item: dict[str, Any], gone: set[Path], wanted: set[Path], schema: Schema) -> None:
    """Remove fields, deepest first, and what became of the maps that they were in."""
    for path in sorted(gone, key=len, reverse=True):
        above = _own_parent(item, path)
        if above is not None and (is_leaf(above.get(path[-1])) or _is_owned(path, schema)):
            above.pop(path[-1], None)
            _empty(item, path[:-1], gone, wanted, schema)


def _empty(
    item: dict[str, Any], path: Path, gone: set[Path], wanted: set[Path], schema: Schema
) -> None:
    """Remove a map that lost everything; one that has to stay is null.

    Raises:
        ApiError: 422, a schema forbids null.
    """
    above = _own_parent(item, path) if path not in {(), ("metadata",)} | gone else None
    if above is None or above.get(path[-1]) != {}:
        return
    stays = path in wanted or (schema is Schema.OPEN and path[0] != "metadata")
    if stays and schema is Schema.STRUCTURAL and path[0] != "metadata":
        where = ".".join(path)
        why = f'Invalid value: "null": {where} in body must be of type object: "null"'
        kind = f"{item['kind']}.{item['apiVersion'].partition('/')[0]}"
        raise invalid(kind, item["metadata"]["name"], where, why, "FieldValueTypeInvalid")
    if stays and schema is Schema.OPEN:
        above[path[-1]] = None
        return
    del above[path[-1]]
    _empty(item, path[:-1], gone, wanted, schema)


def _own_parent(item: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the map that holds a path, with every map on the way copied."""
    node = item
    for name in path[:-1]:
        below = node.get(name)
        if not isinstance(below, dict):
            return None
        node[name] = dict(below)
        node = node[name]
    return node
