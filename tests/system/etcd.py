"""What etcd has of a cluster, read and written without the API server's knowledge."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.system.running import CEILING

FIRST = "AA=="
"""The smallest key, the octet 0."""
PREFIX, END = "/registry/", "/registry0"
"""Where objects are; beside them stands what compaction by an API server remembers."""
KEPT = (
    "apiregistration.k8s.io/",
    "leases/kube-system/",
    "masterleases/",
    "peerserverleases/",
)
"""Below the prefix: what an API server writes of itself as long as it runs."""


def encode(text: str) -> str:
    """Return a key or a value as etcd is told it."""
    return base64.b64encode(text.encode()).decode()


class Etcd:
    """A running one, by its port on loopback; keys and values are in base64."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/v3/kv"

    def compact(self) -> None:
        """Forget what every key was before."""
        header = self._ask("range", {"key": FIRST})["header"]
        self._ask("compaction", {"revision": header["revision"], "physical": True})

    def contents(self) -> dict[str, str]:
        """Return all objects that are stored, but for what an API server writes of itself."""
        kept = tuple(f"{PREFIX}{name}".encode() for name in KEPT)
        found = self._ask("range", {"key": encode(PREFIX), "range_end": encode(END)})
        rows = ((row["key"], row["value"]) for row in found.get("kvs", ()))
        return {k: v for k, v in rows if not base64.b64decode(k).startswith(kept)}

    def put_back(self, contents: Mapping[str, str]) -> None:
        """Store the objects that were stored once, and no others."""
        present = self.contents()
        for key in present.keys() - contents.keys():
            self._ask("deleterange", {"key": key})
        for key, value in contents.items():
            if present.get(key) != value:
                self.put(key, value)

    def put(self, key: str, value: str) -> None:
        self._ask("put", {"key": key, "value": value})

    def get(self, key: str) -> str | None:
        """Return a key's value; None where it has none."""
        found = self._ask("range", {"key": key}).get("kvs", ())
        return found[0]["value"] if found else None

    def _ask(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}/{what}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=CEILING) as reply:
            decoded: dict[str, Any] = json.load(reply)
            return decoded
