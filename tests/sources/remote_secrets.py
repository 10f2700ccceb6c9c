"""Remote secrets, and a follower of them that runs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import yaml

from globaldns.sources.remotes import Remotes
from globaldns.sources.secrets import RemoteSettings
from tests.kube.fake import FakeApiServer
from tests.kube.kubeconfig import kubeconfig
from tests.sources.reading import FAST, access

NAMESPACE = "globaldns-system"


def config(token: str = "t", server: str = "http://127.0.0.1:1") -> str:
    return yaml.safe_dump(kubeconfig("x", server, {"token": token}))


def secret(name: str, *, labelled: bool = True, **clusters: str) -> dict[str, Any]:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in clusters.items()}
    labels = {"istio/multiCluster": "true"} if labelled else {}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


class Following:
    """Remote secrets that are followed, and what was known at each change."""

    def __init__(self, settings: RemoteSettings) -> None:
        self.known: list[dict[str, str | None]] = []
        self.remotes = Remotes(settings, self._note, FAST)

    def _note(self) -> None:
        self.known.append({name: way.text for name, way in self.remotes.clusters.access.items()})

    @property
    def clusters(self) -> set[str]:
        return set(self.remotes.clusters.access)

    def text(self, cluster: str) -> str | None:
        found = self.remotes.clusters.access.get(cluster)
        return None if found is None else found.text


@asynccontextmanager
async def following(settings: RemoteSettings) -> AsyncIterator[Following]:
    one = Following(settings)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(one.remotes.run())
        try:
            yield one
        finally:
            running.cancel()


def of_secrets(server: FakeApiServer, own: str = "home") -> RemoteSettings:

    return RemoteSettings(own, access(server), NAMESPACE)
