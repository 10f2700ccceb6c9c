"""One ConfigMap among the manifests of a directory, looked for when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from globaldns.errors import DocumentError
from globaldns.objects.kubernetes import ConfigMap
from globaldns.sources.manifest import read_text, walk
from globaldns.sources.scan import scan


def find_config_map(root: Path, namespace: str, name: str) -> ConfigMap | None:
    """Return a ConfigMap, the first of its name; None: there is none.

    Raises:
        DocumentError: the directory cannot be read, or it is not found and may be in a file that
            cannot be read; or it is no ConfigMap.
    """
    found = scan(root)
    if found.failure:
        raise DocumentError(found.failure)
    unread = dict(found.unreadable)
    for path in found.files:
        text = read_text(root, path)
        if text is None:
            unread[path] = "cannot be read"
        elif name in text:  # few files have it, and reading YAML is slow
            try:
                for value in _named(text, namespace, name):
                    return msgspec.convert(value, ConfigMap)
            except (DocumentError, msgspec.ValidationError) as error:
                unread[path] = str(error)
    if unread:
        path, reason = next(iter(unread.items()))
        raise DocumentError(f"{path}: {reason}")
    return None


def _named(text: str, namespace: str, name: str) -> Iterator[Mapping[str, Any]]:
    for _, _, value in walk(text):
        metadata = value.get("metadata")
        if (value.get("apiVersion"), value.get("kind")) != ("v1", "ConfigMap"):
            continue
        if not isinstance(metadata, Mapping) or metadata.get("name") != name:
            continue
        if metadata.get("namespace", "default") == namespace:
            yield value
