"""What an Envoy is started with: who it is, where its documents are, who may ask it.

Standards:
    envoy.config.bootstrap.v3.Bootstrap
"""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from globaldns.envoy.book import CLUSTERS, LISTENERS
from globaldns.envoy.encoding import Document, address, extension, file_source

MAX_CONNECTIONS = 50_000
"""Of all listeners together: without a limit who connects often enough ends it by its memory."""
CONCURRENCY = 2
"""Threads that carry bytes, as Istio's sidecars have: each listens on every listener's address."""


class AdminPlace(msgspec.Struct, frozen=True):
    """Where an Envoy answers for its administrator: whoever comes there may end it."""

    path: str = ""
    """A unix socket for its own user; empty: the address counts."""
    host: str = "127.0.0.1"
    port: int = 15000


def bootstrap(*, node: str, cluster: str, folder: str, admin: AdminPlace) -> Document:
    """Return the first document of an Envoy that takes all others from a folder."""
    sources = {
        f"{kind}_config": {**file_source(str(PurePosixPath(folder, name)))}
        for kind, name in (("cds", CLUSTERS), ("lds", LISTENERS))
    }
    connections = extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=str(MAX_CONNECTIONS),
    )
    return {
        "node": {"id": node, "cluster": cluster},
        "admin": {"address": _place(admin)},
        "dynamic_resources": sources,
        # Statistics of what nobody uses are most of the memory of a large mesh.
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "overload_manager": {"resource_monitors": [connections]},
        # The empty layer is what the admin endpoint may change while it runs.
        "layered_runtime": {"layers": [{"name": "admin", "admin_layer": {}}]},
    }


def _place(admin: AdminPlace) -> Document:
    if admin.path:
        return {"pipe": {"path": admin.path, "mode": 0o600}}
    return address(admin.host, admin.port)
