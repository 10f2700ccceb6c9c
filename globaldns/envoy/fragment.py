"""What one service adds to the documents of an Envoy, encoded."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Fragment(msgspec.Struct, frozen=True):
    """Resources by their names."""

    clusters: Mapping[str, bytes] = {}
    listeners: Mapping[str, bytes] = {}
    places: frozenset[tuple[str, str, int]] = frozenset()
    """Cluster, address and port of every endpoint: what is missing afterwards is urgent."""
