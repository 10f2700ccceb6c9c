"""A source of an API server that runs, and whoever reads what it publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import yaml

from globaldns.exports.rules import ExportRules
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import Timing
from globaldns.model.view import Change, Reset, SetFreshness, SourceState, View
from globaldns.sources.cluster import ApiSettings, ClusterSource
from globaldns.tasks import Backoff
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer, Resource
from tests.sources.manifests import RULES
from tests.sources.served import LEDGERS, applied, comparable

DEFINED = {
    one.plural: one
    for one in (
        Resource("networking.istio.io", ("v1", "v1beta1"), "serviceentries", "ServiceEntry"),
        Resource("networking.istio.io", ("v1", "v1beta1"), "workloadentries", "WorkloadEntry"),
        Resource("multicluster.x-k8s.io", ("v1alpha1",), "serviceexports", "ServiceExport"),
        Resource("globaldns.io", ("v1alpha1",), "vipledgers", "VIPLedger"),
        Resource("globaldns.io", ("v1alpha1",), "globalservices", "GlobalService"),
        Resource("globaldns.io", ("v1alpha1",), "clusterfences", "ClusterFence", namespaced=False),
    )
}
FAST = Timing(page=2, idle=20.0, poll=0.01, backoff=Backoff(initial=0.002, maximum=0.01))
SETTINGS = ApiSettings(LEDGERS, 0.0, FAST)


def access(server: FakeApiServer, token: str | None = None) -> Access:
    """Return credentials as a remote secret has them; always another value."""
    return Access(text=yaml.safe_dump(server.kubeconfig(token=token)), may_run=True)


class Reading:
    """A source, and a reader who knows what it has published and nothing else."""

    def __init__(
        self,
        server: FakeApiServer,
        *,
        settings: ApiSettings = SETTINGS,
        remembered: View | None = None,
        rules: ExportRules = RULES,
        via: Access | None = None,
    ) -> None:
        self.server = server
        self.now = 1_800_000_000
        self.source = ClusterSource(
            via or access(server), rules, settings, remembered=remembered, wall=lambda: self.now
        )
        self.told = View(rules.cluster)
        self.said: list[Change] = []
        self.failures = 0

    def publish(self, changes: Sequence[Change], _received: float) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("unplugged")
        self.said += changes
        self.told = applied(self.told, changes)
        assert comparable(self.told) == comparable(self.source.view())

    @property
    def hosts(self) -> set[str]:
        return {export.host for export in self.told.exports}

    @property
    def addresses(self) -> dict[str, set[str]]:
        exports = self.told.exports
        return {one.host: {endpoint.address for endpoint in one.endpoints} for one in exports}

    @property
    def state(self) -> SourceState:
        return self.source.freshness.state if self.told.freshness else SourceState.WAITING

    @property
    def edits(self) -> list[Change]:
        """All that was said but how the source stands."""
        return [one for one in self.said if not isinstance(one, SetFreshness | Reset)]

    async def until(self, *hosts: str) -> None:
        """Wait until these are the hosts that it is told of, and the source is read."""
        await until(lambda: self.hosts == {*hosts} and self.state is SourceState.SYNCED)

    async def until_state(self, state: SourceState) -> None:
        await until(lambda: self.state is state)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.source.run(self.publish))
            try:
                yield
            finally:
                running.cancel()

    async def asked_again(self, resource: str = "*", *, times: int = 1, verb: str = "*") -> None:
        """Wait until the server was asked for something some more times."""
        before = self.server.count(verb, resource)
        await self.server.until(lambda: self.server.count(verb, resource) >= before + times)


@asynccontextmanager
async def reading(server: FakeApiServer, *hosts: str, **how: object) -> AsyncIterator[Reading]:
    """Run a source until it has read these hosts."""
    one = Reading(server, **how)  # type: ignore[arg-type]
    async with one.run():
        await one.until(*hosts)
        one.said.clear()
        yield one
