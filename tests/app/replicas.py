"""Replicas of one cluster that share a ledger in its API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from globaldns.app.copying import CopySeams, LedgerCopier
from globaldns.app.mesh import Mesh, MeshSeams
from globaldns.app.publication import Publication
from globaldns.app.serials import Serials
from globaldns.app.sharing import SharedLedger, SharedSettings
from globaldns.app.writing import LedgerNews, LedgerWriter, Seams
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.lease import LeaseTiming
from globaldns.kube.watch import Timing
from globaldns.ledger.opening import OnLoss
from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.head import Head, Uids
from globaldns.model.view import ClaimSet, Reset
from globaldns.registry.registry import Registry
from globaldns.registry.settings import RegistrySettings
from globaldns.state import StateDirectory
from globaldns.tasks import Backoff
from tests.app.meshes import Hands, until
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import settings

NAMESPACE = "globaldns-system"
LEASE = LeaseTiming(duration=1.5, deadline=1.2, retry=0.05)
FAST = Timing(poll=0.01, backoff=Backoff(initial=0.002, maximum=0.02))


class Replica:
    """One replica, whose views and clock are the test's."""

    def __init__(
        self,
        server: FakeApiServer,
        state: Path,
        name: str,
        *,
        obeyed: RegistrySettings | None = None,
        on_loss: OnLoss = OnLoss.REFUSE,
        kept: tuple[ClaimSet, ...] = (),
    ) -> None:
        self.name, self.kept, self.is_heard = name, kept, True
        self.uids: Uids = ()
        self.obeyed = obeyed or settings()
        self.hands = Hands(wall=2_000_000_000)
        self.registry = Registry(self.obeyed)
        server.add_token(name, name)
        config = yaml.safe_dump(server.kubeconfig(token=name))
        shared = SharedSettings(
            self.obeyed.cluster, NAMESPACE, name, on_loss, FAST, LEASE, retry=0.02
        )
        self.state = StateDirectory(state)
        self.client = Client(Access(text=config, may_run=True))
        self.ledger = SharedLedger(self.client, shared, self.state)
        self.restarts: list[str] = []
        self.mesh = self._make_mesh()
        self.writer = self._make_writer()
        self.ledger.attach(self._make_news())
        self.registry.stop_writing(self.ledger.rest_reason, self.hands.wall)

    def _make_mesh(self) -> Mesh:
        scribe = Scribe(Table())
        seams = MeshSeams(
            may_settle=lambda: self.is_heard and self.ledger.is_listed,
            write=lambda: self.writer.wake(),  # noqa: PLW0108 - made later
            tell=lambda _delta: None,
            confirm=self._confirm,
            measure=lambda _cluster, _at: None,
        )
        publication = Publication(scribe, Serials(self.state, self.hands.wall))
        return Mesh(self.registry, publication, self.hands.clock(), seams)

    def _make_writer(self) -> LedgerWriter:
        others = self.registry.others
        copies = CopySeams(others.said, others.begin_copies, self.mesh.acknowledge_copies)
        self.copier = LedgerCopier(self.ledger, copies, {})
        seams = Seams(
            pending=lambda: self.registry.unwritten,
            acknowledge=self.mesh.acknowledge,
            begin_copies=self.copier.begin,
            stop=self.mesh.stop_writing,
            resume=self.mesh.resume_writing,
            observe=lambda _seconds: None,
            count_failure=lambda: None,
        )
        return LedgerWriter(self.ledger, seams)

    def _make_news(self) -> LedgerNews:
        return LedgerNews(
            load=self._load,
            adopt=self.mesh.adopt,
            are_heard=lambda: self.is_heard,
            kept=lambda: self.kept,
            changed=self.writer.wake,
            wall=lambda: self.hands.wall,
            head=lambda: Head(self.registry.settings.fingerprint, self.uids),
            on_restart=self.restarts.append,
        )

    def _confirm(self) -> None:
        if self.copier.is_behind:
            self.writer.wake()

    def _load(self, claims: list[Claim], copies: Mapping[str, ClaimSet]) -> None:
        self.copier.know(copies)
        self.mesh.load(claims, copies)

    def say(self, *views: Reset) -> None:
        self.mesh.offer(views, 0.0)

    @property
    def answers(self) -> dict[str, tuple[Address, ...]]:
        return {host: one.vips for host, one in self.registry.services.items() if one.vips}

    async def until_answered(self, *hosts: str) -> dict[str, tuple[Address, ...]]:
        await until(lambda: set(self.answers) == {*hosts})
        return self.answers

    @asynccontextmanager
    async def run(self, *, is_closed: bool = True) -> AsyncIterator[Replica]:
        """Run it; unless it is closed it dies with its Lease in its hand."""
        async with asyncio.TaskGroup() as group:
            runs = (self.mesh.run(), self.writer.run(), self.ledger.follow())
            tasks = [group.create_task(run) for run in runs]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
        if is_closed:
            await self.ledger.close()
        else:
            await self.client.close()
