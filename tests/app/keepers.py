"""Clusters whose DNS is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from globaldns.app.stubkeeping import StubKeeper
from globaldns.config.schema import Config
from globaldns.kube.client import Client
from globaldns.stubs.changing import remove
from globaldns.stubs.objects import DnsObjects
from tests.app.test_stubbing import config_of
from tests.kube.fake import FakeApiServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import KUBEADM


class Kept:
    """A cluster, and who keeps its DNS; a test says what is configured, and who may write."""

    def __init__(self, server: FakeApiServer, config: Config) -> None:
        self.server = server
        self.config = config
        self.rest_reason = ""
        self.client: Client
        self.keeper: StubKeeper

    @property
    def corefile(self) -> str:
        found = self.server.get("configmaps", "coredns", "kube-system")
        assert found is not None
        return str(found["data"]["Corefile"])

    @property
    def state(self) -> str:
        (state,) = self.states
        return state

    @property
    def states(self) -> list[str]:
        return [place.state for place in self.keeper.report().places]

    @property
    def looks(self) -> int:
        """How often all nodes were read."""
        return self.server.count("list", "nodes")

    @property
    def causes(self) -> list[tuple[str, str]]:
        return [(one.path, one.cause) for one in self.keeper.report().paths]

    async def suspend(self) -> None:
        """Have a person take it out."""
        objects = DnsObjects(self.client, "globaldns", "east")
        await remove(objects, {}, lambda _change: None, suspend=True)

    async def revert(self) -> None:
        """Have the platform write what it ships, and take a turn."""
        self.server.put(KUBEADM[0])
        await self.keeper.turn()


@asynccontextmanager
async def kept(folder: Path, *manifests: Mapping[str, Any], **stub: Any) -> AsyncIterator[Kept]:
    async with cluster(*manifests) as (server, client):
        config = config_of(server, folder)
        told = msgspec.structs.replace(config.stub, **{"manage": True, **stub})
        here = Kept(server, msgspec.structs.replace(config, stub=told))
        here.client = client
        here.keeper = StubKeeper(client, lambda: here.config, lambda: here.rest_reason)
        yield here
