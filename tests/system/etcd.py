"""What etcd has of a cluster, read and written without the API server's knowledge."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.system.running import CEILING

FIRST = "AA=="
"""The smallest key, the octet 0; as the end of a range: none."""
KEPT = ("masterleases/", "leases/kube-system/", "apiregistration.k8s.io/")
"""Below /registry: what an API server writes of itself as long as it runs."""


class Etcd:
    """A running one, by its port on loopback; keys and values are in base64."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/v3/kv"

    def compact(self) -> None:
        """Forget what every key was before."""
        header = self._ask("range", {"key": FIRST})["header"]
        self._ask("compaction", {"revision": header["revision"], "physical": True})

    def contents(self) -> dict[str, str]:
        """Return all that was stored, but for what an API server writes of itself."""
        kept = tuple(f"/registry/{name}".encode() for name in KEPT)
        found = self._ask("range", {"key": FIRST, "range_end": FIRST})["kvs"]
        rows = ((row["key"], row["value"]) for row in found)
        return {k: v for k, v in rows if not base64.b64decode(k).startswith(kept)}

    def put_back(self, contents: Mapping[str, str]) -> None:
        """Store what was stored once, and nothing else."""
        present = self.contents()
        for key in present.keys() - contents.keys():
            self._ask("deleterange", {"key": key})
        for key, value in contents.items():
            if present.get(key) != value:
                self._ask("put", {"key": key, "value": value})

    def _ask(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}/{what}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=CEILING) as reply:
            decoded: dict[str, Any] = json.load(reply)
            return decoded
