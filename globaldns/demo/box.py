"""The box itself: what is started in which order, and what may be done to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import msgspec

from globaldns.demo.addresses import Pair
from globaldns.demo.credentials import write_credentials
from globaldns.demo.files import BOOTSTRAP, agent_nodes, write_box, write_orders
from globaldns.demo.layout import Layout
from globaldns.demo.ledgers import ShownLedger
from globaldns.demo.lines import exchange
from globaldns.demo.plan import CLUSTER_NAMES, GATEWAYS, WORKLOADS, Service
from globaldns.demo.processes import Processes, python
from globaldns.demo.status import Target, find_target, find_units, merge_hosts, read_digest
from globaldns.demo.wires import Wires
from globaldns.demo.words import AgentReply, AgentRequest, Ask, Curl, Kill, Read, Reply, Status
from globaldns.envoy.book import LISTENERS
from globaldns.envoy.rules import Role
from globaldns.errors import GlobalDnsError, RequestRefused
from globaldns.tasks import wall_clock

READY_SECONDS = 180.0
"""How long all may take to be ready; on a fast machine it is ten."""
_FOLLOW_SECONDS = 0.25
_LOOK_SECONDS = 0.1


class Box:
    """All that runs, in the namespaces of the process that makes it."""

    def __init__(self, layout: Layout, envoy: str) -> None:
        self._layout = layout
        self._envoy = envoy
        self._wires = Wires()
        self._processes = Processes(layout.logs)
        self._ledgers = [ShownLedger(layout, cluster) for cluster in CLUSTER_NAMES]
        self._are_begun = asyncio.Event()
        """Set once every ledger is: nobody else may be writing where one is shown."""
        self._cut: frozenset[Pair] = frozenset()
        self._trouble = ""
        self.phase = "writing files"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the ledgers meanwhile, and end everything afterwards."""
        following = asyncio.create_task(self._follow_ledgers())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._processes.close()
            self._wires.close()

    async def start(self) -> None:
        """Start everything, and return when all clusters answer the same and carry requests.

        Raises:
            GlobalDnsError: something does not start.
            OSError: likewise.
        """
        await asyncio.to_thread(self._write)
        self._are_begun.set()
        self.phase = "making namespaces"
        await asyncio.to_thread(self._wires.make)
        self.phase = "starting applications and globaldns"
        for node in agent_nodes():
            orders = write_orders(self._layout, node)
            await self._run_in(node, f"agent-{node}", python("globaldns.demo.agent", str(orders)))
        for cluster in CLUSTER_NAMES:
            config = str(self._layout.config(cluster))
            command = python("globaldns", "serve", "--config", config)
            await self._run_in(cluster, f"globaldns-{cluster}", command)
        for workload in WORKLOADS:
            if workload.is_mutual:
                await self._run_envoy(workload.node, workload.name)
        self.phase = "waiting until all clusters answer the same"
        await self._wait(self._is_agreed)
        self.phase = "starting gateways and clients' Envoys"
        for gateway in GATEWAYS:
            await self._run_envoy(gateway.name, gateway.name)
        for cluster in CLUSTER_NAMES:
            await self._run_envoy(cluster, cluster)
        self.phase = "waiting until requests are answered"
        await self._wait(self._is_carrying)
        self.phase = ""

    def _write(self) -> None:
        now = wall_clock()
        write_box(self._layout)
        write_credentials(self._layout, now)
        for ledger in self._ledgers:
            ledger.begin(now)

    async def _run_in(self, node: str, name: str, command: Sequence[str]) -> None:
        await self._processes.start(name, (*self._wires.enter(node), *command))

    async def _run_envoy(self, node: str, name: str) -> None:
        file = str(self._layout.envoy(name) / BOOTSTRAP)
        options = ("--concurrency", "1", "--disable-hot-restart", "-l", "warning")
        await self._run_in(node, f"envoy-{name}", (self._envoy, "-c", file, *options))

    async def _follow_ledgers(self) -> None:
        """Show the others what each cluster's globaldns has written, for ever."""
        await self._are_begun.wait()
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            self._trouble = await asyncio.to_thread(self._show_ledgers)

    def _show_ledgers(self) -> str:
        """Show what has changed; return why that is not possible, which may pass."""
        try:
            for ledger in self._ledgers:
                ledger.follow()
        except (GlobalDnsError, OSError) as error:
            return str(error)
        return ""

    async def _wait(self, holds: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await holds():
                    for name in self._processes.ended():
                        raise RequestRefused(f"{name} has ended: {self._processes.log(name)}")
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise RequestRefused(
                f"not within {READY_SECONDS:.0f} s: {self.phase}",
                hint="a machine with more cores, or less to do, is faster",
            ) from None

    async def _is_agreed(self) -> bool:
        folders = [self._layout.documents(cluster) for cluster in CLUSTER_NAMES]
        roles = (Role.SIDECAR, Role.GATEWAY)
        written = [(folder / role / LISTENERS).exists() for folder in folders for role in roles]
        if not all(written):
            return False
        status = await self.status()
        answered = [host for host in status.hosts if len(host.vips) == len(CLUSTER_NAMES)]
        return status.is_agreed and len(answered) == len({one.service for one in WORKLOADS})

    async def _is_carrying(self) -> bool:
        service = WORKLOADS[0].service
        replies = [await self._call(cluster, service, 1) for cluster in CLUSTER_NAMES]
        return all(not tally.failure for reply in replies for tally in reply.tallies)

    async def _agent(self, node: str, request: AgentRequest) -> AgentReply:
        try:
            return await exchange(self._layout.agent(node), request, AgentReply)
        except (OSError, msgspec.DecodeError) as error:
            return AgentReply(error=f"the agent of {node} does not answer: {error}")

    async def _call(self, cluster: str, service: Service | Target, count: int) -> AgentReply:
        return await self._agent(cluster, Ask(service.host, service.port, service.speech, count))

    async def curl(self, request: Curl) -> Reply:
        """Have a cluster's client call a host.

        Raises:
            RequestRefused: there is no such cluster or port, or the name is not answered.
        """
        _check(request.cluster, CLUSTER_NAMES, "cluster")
        target = find_target(request.host, (await self.status()).hosts)
        answer = await self._call(request.cluster, target, request.count)
        if answer.error:
            raise RequestRefused(
                f"in {request.cluster}: {answer.error}", hint="globaldns demo status"
            )
        return Reply(vip=answer.vip, tallies=answer.tallies)

    async def cut(self, one: str, other: str) -> Reply:
        """Cut two clusters off from each other.

        Raises:
            RequestRefused: they are no two clusters, or a route cannot be changed.
        """
        for name in (one, other):
            _check(name, CLUSTER_NAMES, "cluster")
        if one == other:
            raise RequestRefused(f"{one} is one cluster", hint="name two")
        self._cut |= {frozenset({one, other})}
        await asyncio.to_thread(self._wires.cut, self._cut)
        return Reply(names=(f"{one} - {other}",))

    async def kill(self, request: Kill) -> Reply:
        """End gateways or pods.

        Raises:
            RequestRefused: there is no such kind, or none of the name that runs.
        """
        units = {
            "gateway": {one.name: one.cluster for one in GATEWAYS},
            "pod": {one.name: one.cluster for one in WORKLOADS if one.is_mutual},
        }
        _check(request.kind, (*units,), "kind")
        clusters = units[request.kind]
        _check(request.name, (*clusters, *dict.fromkeys(clusters.values())), request.kind)
        meant = [name for name, cluster in clusters.items() if request.name in {name, cluster}]
        running = [name for name in meant if self._processes.is_up(f"envoy-{name}")]
        if not running:
            raise RequestRefused(f"{request.name} is dead already", hint="demo heal revives it")
        for name in running:
            await self._processes.kill(f"envoy-{name}")
        return Reply(names=tuple(running))

    async def heal(self) -> Reply:
        """Undo all that was cut and killed.

        Raises:
            RequestRefused: a route cannot be changed.
        """
        healed = [" - ".join(sorted(pair)) for pair in self._cut]
        self._cut = frozenset()
        await asyncio.to_thread(self._wires.cut, self._cut)
        ended = [*self._processes.ended()]
        for name in ended:
            await self._processes.restart(name)
        return Reply(names=tuple(sorted((*healed, *ended))))

    async def status(self) -> Status:
        """Say how it is."""
        paths = ("/api/v1/services?limit=1000", "/api/v1/digest")
        answers = await asyncio.gather(
            *(self._agent(cluster, Read(path)) for path in paths for cluster in CLUSTER_NAMES)
        )
        bodies = [answer.body if answer.status == HTTPStatus.OK else "" for answer in answers]
        listings = dict(zip(CLUSTER_NAMES, bodies, strict=False))
        digests = dict(zip(CLUSTER_NAMES, bodies[len(CLUSTER_NAMES) :], strict=True))
        gateways, pods = find_units(lambda name: self._processes.is_up(f"envoy-{name}"))
        return Status(
            phase=self.phase,
            hosts=merge_hosts(listings),
            gateways=gateways,
            pods=pods,
            cuts=tuple(sorted((min(pair), max(pair)) for pair in self._cut)),
            ended=tuple(sorted(self._processes.ended())),
            trouble=self._trouble,
            digests={cluster: read_digest(body) for cluster, body in digests.items()},
        )


def _check(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        raise RequestRefused(f"{name!r} is no {what}", hint=f"one of {', '.join(known)}")
