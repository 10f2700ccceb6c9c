"""The real API server keeps the contract that the fake one is held to."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from tests.kube.contract import ReadingContract
from tests.kube.contract_recovery import RecoveryContract
from tests.kube.contract_writes import WritingContract
from tests.system.api_servers import ApiServer


class RealCluster:
    """A real server as the contract wants it."""

    bookmark_timeout = "4"

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._copy = server.folder / "backup"
        self.url = server.url
        self.ssl: ssl.SSLContext | None = server.ssl
        self.token = server.token
        self.powerless_token = server.token_of("powerless")

    async def restart(self) -> None:
        self._server.restart()

    async def compact(self) -> None:
        self._server.forget_history()

    async def backup(self) -> None:
        self._server.backup(self._copy)

    async def restore(self) -> None:
        self._server.restore(self._copy)

    async def rebuild(self) -> None:
        self._server.rebuild()


@pytest.fixture(scope="module")
def cluster(make_api_servers: Callable[..., list[ApiServer]]) -> RealCluster:
    return RealCluster(make_api_servers(users={"powerless": []})[0])


class TestReading(ReadingContract):
    """Against kube-apiserver."""


class TestWriting(WritingContract):
    """Against kube-apiserver."""


class TestRecovery(RecoveryContract):
    """Against kube-apiserver."""
