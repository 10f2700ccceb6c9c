"""Candidates for a Lease, whose clocks a test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.lease import NAME, Elector, LeaseTiming
from tests.kube.conftest import access
from tests.kube.fake import FakeApiServer

Connect = Callable[[Access], Client]
SPACE = "globaldns"


class Steady:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Candidates:
    """Two replicas, each with its own clock."""

    def __init__(self, fake: FakeApiServer, connect: Connect) -> None:
        fake.add_namespace(SPACE)
        self.fake = fake
        self._connect = connect
        self.clocks: list[Steady] = []
        self.a, self.b = self.make("a"), self.make("b")

    def make(self, identity: str, timing: LeaseTiming | None = None) -> Elector:
        clock = Steady()
        self.clocks.append(clock)
        client = self._connect(access(self.fake))
        return Elector(client, namespace=SPACE, identity=identity, timing=timing, steady=clock)

    def advance(self, seconds: float) -> None:
        for clock in self.clocks:
            clock.now += seconds

    async def look(self, *electors: Elector) -> None:
        for elector in electors or (self.a, self.b):
            await elector._look()

    @property
    def lease(self) -> dict[str, Any]:
        found = self.fake.get("leases", NAME, SPACE)
        assert found is not None
        return found

    @property
    def leaders(self) -> str:
        return "".join(one.identity for one in (self.a, self.b) if one.is_leader)

    def edit(self, **metadata: Any) -> None:
        lease = self.lease
        self.fake.put({**lease, "metadata": {**lease["metadata"], **metadata}})
