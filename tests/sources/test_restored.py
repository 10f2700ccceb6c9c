"""An API server that has gone back, because its etcd was restored from a backup: that is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globaldns.kube.watch import Begun, Contact, Listed
from globaldns.model.claim import format_time
from globaldns.model.finding import Severity
from globaldns.model.view import View
from globaldns.sources.following import RESTORED_SECONDS
from globaldns.sources.remembered import decode_view, encode_view
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.manifests import at
from tests.sources.reading import DEFINED, Reading, reading
from tests.sources.served import entry, kept, read


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("a"))
        yield running


def remembered(one: Reading) -> View:
    """Return what the run after this one remembers of it."""
    view = one.source.view()
    return decode_view(encode_view(view, view.exports), view.cluster)


async def test_it_is_told_while_it_is_followed(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    backup = server.snapshot()
    server.put(entry("late"))
    async with reading(server, "a.ns", "late.ns") as one:
        assert one.source.freshness.restored_at is None
        server.restore(backup)
        await one.until("a.ns")
        await until(lambda: one.source.freshness.restored_at == one.now)
        (finding,) = one.source.findings()
        assert (finding.code, finding.severity) == ("restored", Severity.WARNING)
        assert format_time(one.now) in finding.reason
        await until(lambda: "an API server went back" in caplog.text)
        assert one.told.freshness
        assert one.told.freshness.restored_at == one.now


def lists(server: FakeApiServer, kind: str) -> int:
    return sum(one.resource == kind and "sendInitialEvents" in one.query for one in server.asked)


async def test_all_kinds_are_listed_again_though_one_alone_has_seen_it(
    server: FakeApiServer,
) -> None:
    """The others are followed from a resourceVersion that the server has, of another history."""
    async with reading(server, "a.ns") as one:
        backup = server.snapshot()
        server.put(entry("late"))
        await one.until("a.ns", "late.ns")
        assert lists(server, "nodes") == 1
        server.restore(backup)
        await one.until("a.ns")
        await until(lambda: lists(server, "nodes") == 2)
        server.put(entry("new"))
        await one.until("a.ns", "new.ns")
        assert lists(server, "nodes") == 2, "that is done once"


async def test_it_is_told_where_nobody_followed_it_then(server: FakeApiServer) -> None:
    backup = server.snapshot()
    server.put(entry("late"))
    async with reading(server, "a.ns", "late.ns") as one:
        view = remembered(one)
    server.restore(backup)
    async with reading(server, "a.ns", remembered=view) as other:
        assert other.source.freshness.restored_at == other.now
        again = remembered(other)
    async with reading(server, "a.ns", remembered=again) as third:
        assert third.source.freshness.restored_at == other.now, "it is known from before"


async def test_a_server_that_goes_on_is_told_of_by_nobody(server: FakeApiServer) -> None:
    async with reading(server, "a.ns") as one:
        server.put(entry("late"))
        await one.until("a.ns", "late.ns")
        await server.stop()
        await server.start()
        await one.asked_again("serviceentries.networking.istio.io")
        server.compact()
        server.cut_watches()
        await one.until("a.ns", "late.ns")
        view = remembered(one)
    async with reading(server, "a.ns", "late.ns", remembered=view) as other:
        assert other.source.freshness.restored_at is None
        assert other.source.findings() == []


def test_it_is_told_for_a_day() -> None:
    telling = read(entry("a"))
    scope = telling.scope("Service")
    telling.seconds = 5
    telling.tell(scope, Begun(), Listed(has_gone_back=True))
    telling.drain()
    assert telling.following.freshness.restored_at == at(5).wall
    telling.wait(RESTORED_SECONDS - 1)
    telling.tell(scope, Contact())
    assert telling.following.freshness.restored_at == at(5).wall
    telling.wait(1)
    assert telling.following.freshness.restored_at is None
    assert telling.following.findings() == []


def test_a_view_without_revisions_is_as_one_of_before() -> None:
    assert kept(entry("a")).revisions == ()
