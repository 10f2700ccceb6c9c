"""Replicas of a ledger on one fake API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from globaldns.errors import ApiError, LedgerError
from globaldns.kube.client import Client
from globaldns.kube.watch import Timing
from globaldns.ledger.kubernetes import KubernetesLedger, LedgerSeams
from globaldns.model.claim import Claim, ClaimKey, parse_claims
from globaldns.model.view import ClaimSet
from globaldns.tasks import Backoff
from tests.kube.conftest import access
from tests.kube.fake import FakeApiServer, Resource

SPACE = "globaldns"
LEDGERS = Resource("globaldns.io", ("v1alpha1",), "vipledgers", "VIPLedger")
TIMING = Timing(idle=5.0, poll=0.01, backoff=Backoff(initial=0.001, maximum=0.02))


class Deaf(Client):
    """A client that does not hear the answers to some methods."""

    methods: frozenset[str] = frozenset()

    async def send(self, method: str, path: str, *args: object, **more: object) -> bytes:
        answer = await super().send(method, path, *args, **more)  # type: ignore[arg-type]
        if method in self.methods:
            raise ApiError("it does not answer in time")
        return answer


class Replica:
    """A ledger, and all that it tells."""

    def __init__(self, fake: FakeApiServer, cluster: str = "east") -> None:
        self.fake = fake
        self.client = Deaf(access(fake))
        self.may_write = True
        self.loaded: list[tuple[list[Claim], Mapping[str, ClaimSet]]] = []
        self.known: dict[ClaimKey, Claim] = {}
        """What was loaded, and adopted since."""
        self.told = asyncio.Event()
        seams = LedgerSeams(load=self._load, adopt=self._adopt, guard=self._guard)
        self.ledger = KubernetesLedger(
            self.client, namespace=SPACE, cluster=cluster, seams=seams, timing=TIMING
        )

    def _load(self, claims: Sequence[Claim], copies: Mapping[str, ClaimSet]) -> None:
        self.loaded.append((list(claims), copies))
        self._adopt(claims, ())

    def _adopt(self, new: Sequence[Claim], gone: Sequence[Claim]) -> None:
        for claim in gone:
            self.known.pop(claim.key, None)
        for claim in new:
            self.known[claim.key] = self.known.get(claim.key, claim).merge(claim)
        self.told.set()

    def _guard(self) -> None:
        if not self.may_write:
            raise LedgerError("another replica writes")

    async def until_knows(self, *claims: Claim) -> None:
        """Return once it was told exactly these."""
        async with asyncio.timeout(5):
            while set(self.known.values()) != set(claims):
                self.told.clear()
                await self.told.wait()


@asynccontextmanager
async def replica(
    fake: FakeApiServer, *, repairs: bool = True, listed: bool = True
) -> AsyncIterator[Replica]:
    """Follow, and repair, until the block ends."""
    one = Replica(fake)
    tasks = [asyncio.create_task(one.ledger.follow())]
    if repairs:
        tasks.append(asyncio.create_task(one.ledger.repair()))
    try:
        if listed:
            async with asyncio.timeout(5):
                await one.ledger.listed.wait()
        yield one
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await one.client.close()
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results


def stored(fake: FakeApiServer, prefix: str = "") -> dict[str, list[Claim] | None]:
    """Return what stands on the server, by object; None: it is garbage."""
    return {
        one["metadata"]["name"]: _read(one["spec"]["data"])
        for one in fake.objects("vipledgers", SPACE)
        if one["metadata"]["name"].startswith(prefix)
    }


def _read(text: str) -> list[Claim] | None:
    try:
        return list(parse_claims(text))
    except LedgerError:
        return None


def markers(fake: FakeApiServer) -> set[str]:
    """Return the ids of the ledgers of which there are objects."""
    return {one["spec"]["marker"]["id"] for one in fake.objects("vipledgers", SPACE)}


async def eventually(holds: Callable[[], bool]) -> None:
    """Return once a condition holds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # nobody tells of what a replica thinks
            await asyncio.sleep(0.002)
