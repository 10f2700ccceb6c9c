"""The API server that tests of clients talk to keeps the contract of the real one."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.kube.contract import ReadingContract
from tests.kube.contract_recovery import RecoveryContract
from tests.kube.contract_writes import WritingContract
from tests.kube.fake import FakeApiServer


class FakeCluster:
    """The fake server as the contract wants it."""

    ssl: ssl.SSLContext | None = None
    powerless_token = "powerless-token"
    bookmark_timeout = "1"

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server
        self.url = server.url
        self.token = server.token
        server.add_token(self.powerless_token, "powerless")
        server.deny(user="powerless")

    async def restart(self) -> None:
        await self._server.stop()
        await self._server.start()

    async def compact(self) -> None:
        self._server.compact()

    async def backup(self) -> None:
        self._snapshot = self._server.snapshot()

    async def restore(self) -> None:
        self._server.restore(self._snapshot)

    async def rebuild(self) -> None:
        self._server.rebuild()


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeApiServer() as server:
        yield FakeCluster(server)


class TestReading(ReadingContract):
    """Against the fake."""


class TestWriting(WritingContract):
    """Against the fake."""


class TestRecovery(RecoveryContract):
    """Against the fake."""
