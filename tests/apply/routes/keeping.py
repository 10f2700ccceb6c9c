"""Routes kept in a fake API server, as the test wants them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from globaldns.apply.routes.objects import written_resources
from globaldns.apply.routes.patience import Fate, Rules, Wanted
from globaldns.apply.routes.routes import Routes
from globaldns.apply.routes.standing import Document
from globaldns.apply.routes.term import TermSeams, TermSettings
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import Timing
from globaldns.model.host import Host
from globaldns.tasks import Backoff
from tests.kube.apiserver.resources import Resource
from tests.kube.fake import FakeApiServer

GROUP = "networking.istio.io"
ENTRIES = Resource(GROUP, ("v1",), "serviceentries", "ServiceEntry")
RULES = Resource(GROUP, ("v1",), "destinationrules", "DestinationRule")
GATEWAYS = Resource(GROUP, ("v1",), "gateways", "Gateway")
KINDS = (ENTRIES, RULES, GATEWAYS)
TIMING = Timing(idle=5.0, watch=5.0, poll=0.05, backoff=Backoff(initial=0.01, maximum=0.05))
WRITES = ("create", "update", "delete", "patch")


class Keeper:
    """A replica that keeps the routes of one cluster."""

    def __init__(self, server: FakeApiServer, folder: Path) -> None:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(server.kubeconfig()))
        self.server = server
        self.wants: dict[Host, Wanted] = {}
        self.renewed: list[Host] = []
        self.may_write = True
        self.rate = 1000.0
        self.rules = Rules(weight_step=0.1, withdraw_seconds=0.2)
        self.counted: Counter[str] = Counter()
        self.is_settled = True
        self.resources = written_resources(routes=True, replicas=True)
        seams = TermSeams(
            resources=lambda: self.resources,
            wanted=lambda host: self.wants.get(host, Wanted(Fate.WITHDRAW)),
            hosts=lambda: [host for host in self.wants if host],
            zones=lambda: ("global",),
            renew=self._renew,
            is_settled=lambda: self.is_settled,
            may_write=lambda: self.may_write,
            rate=lambda: self.rate,
            rules=lambda: self.rules,
            count=lambda result: self.counted.update([result]),
        )
        settings = TermSettings("east", TIMING)
        self.routes = Routes(Client(Access(path=kubeconfig)), settings, seams, self._until_writable)

    def want(self, host: str, *documents: Document, fate: Fate = Fate.WRITE) -> None:
        self.wants[Host(host)] = Wanted(fate, documents)
        self.routes.note([Host(host)])

    def spec(self, kind: Resource, name: str = "web-global") -> Any:
        found = self.server.get(kind.id, name, "shop")
        return None if found is None else found["spec"]

    def writes(self) -> int:
        plurals = ("services", *(kind.plural for kind in KINDS))
        return sum(self.server.count(verb, plural) for verb in WRITES for plural in plurals)

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.server.until(holds)

    async def rest(self) -> None:
        """Return when all that was told was looked at."""
        async with asyncio.timeout(10):
            await asyncio.sleep(0.2)
            while self.routes.pending:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.1)

    def _renew(self) -> list[Host]:
        renewed, self.renewed = self.renewed, []
        return renewed

    async def _until_writable(self) -> None:
        while not self.may_write:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


@asynccontextmanager
async def keeping(keeper: Keeper) -> AsyncIterator[Keeper]:
    """Run it until the end of the block."""
    running = asyncio.create_task(keeper.routes.run())
    try:
        yield keeper
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await keeper.routes.close()
