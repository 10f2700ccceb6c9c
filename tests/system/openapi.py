"""What an API server says its kinds look like, as files that kubeconform reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.system.administered import Administered

LOCATION = "{{.Group}}-{{.ResourceAPIVersion}}-{{.ResourceKind}}.json"
"""kubeconform's name for a kind's file; of the core group its Group is the version."""


def write_schemas(cluster: Administered, folder: Path) -> str:
    """Write a closed schema of every kind that is served; return where kubeconform finds them."""
    folder.mkdir()
    for path in _raw(cluster, "/openapi/v3")["paths"]:
        served = _raw(cluster, f"/openapi/v3/{path}").get("components", {}).get("schemas", {})
        closed = {name: _close(schema) for name, schema in served.items()}
        for name, file in _kinds(served):
            whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": closed}}
            (folder / file).write_text(json.dumps(whole))
    return f"{folder}/{LOCATION}"


def _raw(cluster: Administered, path: str) -> Any:
    done = cluster.kubectl("get", "--raw", path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _kinds(schemas: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name of each kind's schema, and of its file."""
    for name, schema in schemas.items():
        if not {"apiVersion", "kind", "metadata"} <= schema.get("properties", {}).keys():
            continue
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            group = kind["group"] or kind["version"]
            yield name, f"{group}-{kind['version']}-{kind['kind'].lower()}.json"


def _close(schema: Any) -> Any:
    """Return a schema that takes no fields beside those that it names."""
    if isinstance(schema, list):
        return [_close(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        word: {name: _close(below) for name, below in said.items()}
        if word == "properties"
        else _close(said)
        for word, said in schema.items()
    }
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
