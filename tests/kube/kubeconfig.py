"""Kubeconfigs for test servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def kubeconfig(name: str, server: str, user: Mapping[str, Any], **cluster: Any) -> dict[str, Any]:
    """Return a kubeconfig with one context; ``cluster`` are more keys of the cluster."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, **cluster}}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
