from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.apply.routes.keeping import KINDS, Keeper
from tests.kube.fake import FakeApiServer


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*KINDS) as running:
        running.add_namespace("shop")
        yield running


@pytest.fixture
def keeper(server: FakeApiServer, tmp_path: Path) -> Keeper:
    return Keeper(server, tmp_path)
