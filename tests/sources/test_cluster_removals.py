"""What people said to globaldns at an API server: taken back by them, or gone with its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globaldns.model.view import SourceState
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, reading
from tests.sources.served import entry, made

WORDS = {
    "globalservices.globaldns.io": made("GlobalService", "a", spec={"pins": ["240.0.0.7"]}),
    "clusterfences.globaldns.io": made(
        "ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"}
    ),
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("a"))
        yield running


@pytest.mark.parametrize("kind", WORDS)
async def test_what_people_said_stands_where_it_goes_with_its_kind(
    server: FakeApiServer, kind: str
) -> None:
    server.put(WORDS[kind])
    async with reading(server, "a.ns") as one:
        before = (one.told.policies, one.told.fences)
        server.end(kind)
        assert server.objects(kind) == []
        await until(lambda: "is being removed" in one.source.freshness.reason)
        assert (one.told.policies, one.told.fences) == before
        server.unserve(kind)
        await until(lambda: "is not served any more" in one.source.freshness.reason)
        assert (one.told.policies, one.told.fences) == before


@pytest.mark.parametrize("kind", WORDS)
async def test_what_a_person_takes_back_is_gone_once_the_server_could_be_asked(
    server: FakeApiServer, kind: str
) -> None:
    server.put(WORDS[kind])
    async with reading(server, "a.ns") as one:
        server.fail(503, times=2)
        metadata = WORDS[kind]["metadata"]
        server.delete(kind, metadata["name"], metadata.get("namespace", ""))
        await until(lambda: not (one.told.policies or one.told.fences))
        assert one.source.freshness.state is SourceState.SYNCED
