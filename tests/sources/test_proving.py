"""What is removed at an API server: by its owner, or with its whole kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from globaldns.model.view import SourceState, View
from globaldns.sources.cluster import ApiSettings
from globaldns.sources.proving import PROVEN_SECONDS
from globaldns.tasks import steady_clock
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, FAST, reading
from tests.sources.served import LEDGERS, Object, entry, made, service

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
WORDS: dict[str, Object] = {
    "globalservices.globaldns.io": made("GlobalService", "a", spec={"pins": ["240.0.0.7"]}),
    "clusterfences.globaldns.io": made(
        "ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"}
    ),
    "serviceentries.networking.istio.io": entry("b"),
    "serviceexports.multicluster.x-k8s.io": made("ServiceExport", "s"),
}

HOSTS = {
    "serviceentries.networking.istio.io": {"b.ns"},
    "serviceexports.multicluster.x-k8s.io": {"s.ns"},
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("a"))
        running.put(service("s", exported=False))
        yield running


def said(view: View) -> Any:
    return {export.host for export in view.exports}, view.policies, view.fences


def delete(server: FakeApiServer, kind: str) -> None:
    metadata = WORDS[kind]["metadata"]
    server.delete(kind, metadata["name"], metadata.get("namespace", ""))


@pytest.mark.parametrize("may_ask", [True, False])
@pytest.mark.parametrize("kind", WORDS)
async def test_what_was_said_stands_where_it_goes_with_its_kind(
    server: FakeApiServer,
    kind: str,
    may_ask: bool,  # noqa: FBT001
) -> None:
    server.put(WORDS[kind])
    if not may_ask:
        server.deny("get", DEFINITIONS)
    async with reading(server, "a.ns", *HOSTS.get(kind, ())) as one:
        before = said(one.told)
        server.end(kind)
        assert server.objects(kind) == []
        await until(lambda: "is being removed" in one.source.freshness.reason)
        assert said(one.told) == before
        server.unserve(kind)
        await until(lambda: "is not served any more" in one.source.freshness.reason)
        assert said(one.told) == before


@pytest.mark.parametrize("kind", WORDS)
async def test_what_a_person_takes_back_is_gone_once_the_server_could_be_asked(
    server: FakeApiServer, kind: str
) -> None:
    async with reading(server, "a.ns") as one:
        without = said(one.told)
        server.put(WORDS[kind])
        await until(lambda: said(one.told) != without)
        server.fail(503, times=2, resource=DEFINITIONS)
        delete(server, kind)
        await until(lambda: said(one.told) == without)
        assert one.source.freshness.state is SourceState.SYNCED


async def test_a_definition_is_asked_for_once_however_much_is_removed_at_a_time(
    server: FakeApiServer,
) -> None:
    names = [f"e{number}" for number in range(50)]
    for name in names:
        server.put(entry(name))
    async with reading(server, "a.ns", *(f"{name}.ns" for name in names)) as one:
        server.stall_requests()
        for name in names:
            server.delete("serviceentries.networking.istio.io", name, "ns")
        server.put(entry("last"))
        await server.until(lambda: server.count("get", DEFINITIONS) > 0)
        await until(lambda: "last.ns" in one.hosts)  # so all that was told before has come
        server.stall_requests(stalled=False)
        await until(lambda: one.hosts == {"a.ns", "last.ns"})
        assert server.count("get", DEFINITIONS) <= 2  # of what came after the first was asked


async def test_an_account_that_may_not_ask_believes_a_removal_a_moment_later(
    server: FakeApiServer,
) -> None:
    server.put(WORDS["serviceentries.networking.istio.io"])
    server.deny("get", DEFINITIONS)
    async with reading(server, "a.ns", "b.ns") as one:
        started = steady_clock()
        delete(server, "serviceentries.networking.istio.io")
        await until(lambda: one.hosts == {"a.ns"})
        assert steady_clock() >= started + PROVEN_SECONDS
        assert one.source.freshness.state is SourceState.SYNCED


async def test_what_is_late_keeps_nothing_else_from_being_believed(server: FakeApiServer) -> None:
    kind = "serviceexports.multicluster.x-k8s.io"
    server.put(WORDS[kind])
    patient = ApiSettings(LEDGERS, 3600.0, msgspec.structs.replace(FAST))
    async with reading(server, "a.ns", "s.ns", settings=patient) as one:
        server.unserve(kind)
        await until(lambda: "is not served any more" in one.source.freshness.reason)
        server.serve(DEFINED["serviceexports"])
        await until(lambda: one.source.freshness.state is SourceState.SYNCED)
        assert one.hosts == {"a.ns", "s.ns"}
        server.delete("serviceentries.networking.istio.io", "a", "ns")
        await until(lambda: one.hosts == {"s.ns"})


async def test_the_owner_says_that_a_kind_was_removed_for_good(server: FakeApiServer) -> None:
    kind = "serviceentries.networking.istio.io"
    server.put(service("t"))
    async with reading(server, "a.ns", "t.ns") as one:
        server.end(kind)
        server.unserve(kind)
        await until(lambda: "is not served any more" in one.source.freshness.reason)
        assert one.hosts == {"a.ns", "t.ns"}
        annotations = {"globaldns.io/removed-kinds": kind}
        server.put(made("Namespace", "kube-system", metadata={"annotations": annotations}))
        await until(lambda: one.hosts == {"t.ns"})
        await until(lambda: one.source.freshness.state is SourceState.SYNCED)
