from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from globaldns.registry.registry import Registry
from tests.apply.clusters import GLOBAL_SERVICES, Keeper
from tests.kube.fake import FakeApiServer


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    """A cluster with two namespaces, that knows GlobalServices."""
    async with FakeApiServer(GLOBAL_SERVICES) as running:
        running.add_namespace("ns")
        running.add_namespace("globaldns")
        yield running


@pytest.fixture
def make_keeper(server: FakeApiServer, tmp_path: Path) -> Callable[[Registry], Keeper]:
    return lambda registry: Keeper(server, registry, tmp_path)
