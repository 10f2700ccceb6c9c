"""GlobalServices kept in a fake API server, from a registry that the test changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from globaldns.apply.facts import collect
from globaldns.apply.globalservices import GlobalServices
from globaldns.apply.refusing import judge_spec
from globaldns.apply.term import TermSeams, TermSettings
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import Timing
from globaldns.model.host import Host
from globaldns.model.view import Change
from globaldns.registry.registry import Registry
from globaldns.tasks import Backoff
from tests.apply.showing import NOW
from tests.kube.apiserver.resources import Resource
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import export, remember, reset, settings, settled
from tests.sources.manifests import RULES

GLOBAL_SERVICES = Resource(
    "globaldns.io", ("v1alpha1",), "globalservices", "GlobalService", status=True
)
NAME = GLOBAL_SERVICES.id
TIMING = Timing(idle=5.0, watch=5.0, poll=0.05, backoff=Backoff(initial=0.01, maximum=0.05))
WRITES = ("create", "patch", "delete")


class Keeper:
    """A replica that keeps the GlobalServices of one cluster."""

    def __init__(self, server: FakeApiServer, registry: Registry, folder: Path) -> None:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(server.kubeconfig()))
        self.server = server
        self.registry = registry
        self.may_write = True
        self.is_complete = True
        self.rate = 1000.0
        self.now = NOW
        self.counted: Counter[str] = Counter()
        self.wishes: list[tuple[str, int]] = []
        self.refusal: Exception | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        seams = TermSeams(
            facts=lambda host: collect(self.registry, host, is_complete=self.is_complete),
            hosts=lambda: sorted(self.registry.services),
            is_settled=lambda: self.registry.is_settled,
            is_complete=lambda: self.is_complete,
            may_write=lambda: self.may_write,
            rate=lambda: self.rate,
            renumber=self._renumber,
            judge_spec=lambda seen: judge_spec(seen, self.registry, RULES, now=self.now),
            count=lambda result: self.counted.update([result]),
            wall=lambda: self.now,
        )
        self.services = GlobalServices(
            Client(Access(path=kubeconfig)),
            TermSettings("east", "globaldns", TIMING),
            seams,
            self._until_writable,
        )

    def change(self, *changes: Change) -> None:
        """Have the registry take in changes, and tell of what they did."""
        delta = self.registry.apply(changes, self.now)
        written = remember(self.registry, delta, self.now)
        hosts = [one.host for one in (*delta.services, *written.services)]
        hosts += (*delta.removed, *written.removed)
        self.services.note(hosts, (*delta.moves, *written.moves))

    def object(self, name: str, namespace: str = "ns") -> dict[str, Any]:
        found = self.server.get(NAME, name, namespace)
        assert found is not None
        return found

    def shown(self) -> dict[str, str]:
        """Return what is shown, by place: why each is ready or not."""
        return {
            f"{one['metadata']['namespace']}/{one['metadata']['name']}": reason(one)
            for one in self.server.objects(NAME)
        }

    def writes(self) -> int:
        """Return how many requests were to change GlobalServices."""
        return sum(self.server.count(verb, "globalservices") for verb in WRITES)

    def written(self) -> list[str]:
        """Return the names of objects that got a status, in that order."""
        return [asked.name for asked in self.server.asked if asked.full == "globalservices/status"]

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.server.until(holds)

    async def until_shown(self, **expected: str) -> None:
        """Return once all is shown as expected, in the namespace ns, and nothing else."""
        wanted = {f"ns/{name}": why for name, why in expected.items()}
        await self.until(lambda: self.shown() == wanted)

    async def rest(self) -> None:
        """Return when all that was told was looked at."""
        async with asyncio.timeout(10):
            while True:
                await asyncio.sleep(0.2)
                if self.services.pending == 0:
                    return

    async def _renumber(self, host: Host, at: int) -> None:
        self.wishes.append((host, at))
        if self.refusal is not None:
            raise self.refusal
        delta = self.registry.renumber([host], self.now)
        written = remember(self.registry, delta, self.now)
        self.services.note([host], (*delta.moves, *written.moves))

    async def _until_writable(self) -> None:
        await self._writable.wait()

    def depose(self) -> None:
        self.may_write = False
        self._writable.clear()

    def elect(self) -> None:
        self.may_write = True
        self._writable.set()


def reason(found: dict[str, Any], name: str = "Ready") -> str:
    """Return why a condition is as it is; empty where there is none."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((one["reason"] for one in conditions if one["type"] == name), "")


def exporting(*hosts: str) -> Registry:
    """Return a settled registry of one cluster that exports these."""
    registry = Registry(settings(clusters=["east"]))
    return settled(registry, reset("east", *map(export, hosts)), now=NOW)


@asynccontextmanager
async def keeping(keeper: Keeper) -> AsyncIterator[Keeper]:
    """Run it until the end of the block."""
    running = asyncio.create_task(keeper.services.run())
    try:
        yield keeper
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await keeper.services.close()
