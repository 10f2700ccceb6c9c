"""A fake API server, and clients of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.kube.fake import FakeApiServer, Resource

WIDGETS = Resource("example.test", ("v1", "v1beta1"), "widgets", "Widget", status=True)


def access(server: FakeApiServer) -> Access:
    """Return a way to a fake, with its present token."""
    return Access(text=json.dumps(server.kubeconfig()))


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(WIDGETS) as running:
        yield running


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Callable[[Access], Client]]:
    """Make clients, which are closed in the end."""
    clients: list[Client] = []

    def make(way: Access) -> Client:
        clients.append(Client(way))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


@pytest_asyncio.fixture
async def client(fake: FakeApiServer, connect: Callable[[Access], Client]) -> Client:
    return connect(access(fake))
