"""How a cluster's API server is reached, and what is done when it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from globaldns.kube.kubeconfig import Access
from globaldns.model.view import SourceState
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, FAST, SETTINGS, Reading, access, reading
from tests.sources.served import entry

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
PROBING = msgspec.structs.replace(SETTINGS, probe_after=0.02)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("a"))
        yield running


@pytest_asyncio.fixture
async def another() -> AsyncIterator[FakeApiServer]:
    """Another cluster."""
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("x"))
        yield running


def lists_of(server: FakeApiServer) -> int:
    """Return how often all that there is was asked for."""
    return sum("sendInitialEvents" in asked.query for asked in server.asked)


def nowhere() -> Access:
    return Access(text="clusters: [1]")


async def test_new_credentials_go_on_where_the_old_ones_stopped(server: FakeApiServer) -> None:
    async with reading(server, "a.ns") as one:
        server.renew_token()
        lists = lists_of(server)
        new = access(server)
        assert one.source.lead(new)
        await until(lambda: one.source.access is new)
        server.put(entry("b"))
        await one.until("a.ns", "b.ns")
        assert len(one.edits) == 1
        assert lists_of(server) == lists


async def test_old_credentials_that_have_ended_are_silence_until_there_are_new_ones(
    server: FakeApiServer,
) -> None:
    async with reading(server, "a.ns") as one:
        server.renew_token()
        server.cut_watches()
        await one.until_state(SILENT)
        server.put(entry("b"))
        one.source.lead(access(server))
        await one.until("a.ns", "b.ns")
        assert len(one.edits) == 1


@pytest.mark.parametrize("wrong", ["a token of nobody", "no kubeconfig", "another cluster"])
async def test_wrong_credentials_leave_the_old_ones_in_force_until_they_are_right(
    server: FakeApiServer, another: FakeApiServer, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    new = {
        "a token of nobody": access(server, "later"),
        "no kubeconfig": nowhere(),
        "another cluster": access(another),
    }[wrong]
    async with reading(server, "a.ns") as one:
        old = one.source.access
        one.source.lead(new)
        await until(lambda: "do not lead" in caplog.text)
        server.put(entry("b"))
        await one.until("a.ns", "b.ns")
        assert one.source.access is old
        assert one.source.another == (another.uid if wrong == "another cluster" else "")
        if wrong == "a token of nobody":
            server.add_token("later", "admin")
            await until(lambda: one.source.access is new)
        await one.until("a.ns", "b.ns")
        assert another.count("list") == 0
    assert caplog.text.count("do not lead") == 1, "once for each reason"
    assert "later" not in caplog.text


async def test_of_credentials_that_come_one_after_the_other_the_last_count(
    server: FakeApiServer,
) -> None:
    async with reading(server, "a.ns") as one:
        server.stall_requests()
        slow, last = access(server), access(server)
        one.source.lead(slow)
        await asyncio.sleep(0.01)
        one.source.lead(last)
        server.stall_requests(False)
        await until(lambda: one.source.access is last)
        await one.asked_again("namespaces", times=0)
        server.cut_watches()
        server.put(entry("b"))
        await one.until("a.ns", "b.ns")
        assert one.source.access is last


async def test_credentials_that_come_before_it_runs_are_used_at_once(server: FakeApiServer) -> None:
    one = Reading(server, via=nowhere())
    one.source.lead(access(server))
    async with one.run():
        await one.until("a.ns")


async def test_credentials_that_never_led_there_are_replaced(server: FakeApiServer) -> None:
    one = Reading(server, via=access(server, "nobody's"))
    async with one.run():
        await until(lambda: bool(one.source.freshness.reason))
        one.source.lead(access(server))
        await one.until("a.ns")


async def test_new_credentials_are_still_tried_after_a_restart(server: FakeApiServer) -> None:
    one = Reading(server)
    async with one.run():
        await one.until("a.ns")
        one.source.lead(new := access(server, "later"))
    server.add_token("later", "admin")
    async with one.run():
        await until(lambda: one.source.access is new)
        await one.until("a.ns")


async def test_a_list_that_waits_for_its_proof_is_told_again_with_new_credentials(
    server: FakeApiServer,
) -> None:
    timing = msgspec.structs.replace(
        FAST, backoff=msgspec.structs.replace(FAST.backoff, initial=0.01)
    )
    one = Reading(server, settings=msgspec.structs.replace(SETTINGS, timing=timing))
    async with one.run():
        await server.until(lambda: server.count("watch", "services") == 1)
        server.fail(500, verb="get", resource="namespaces", times=1000)
        await until(lambda: bool(one.source._unproven))
        waiting = set(one.source._unproven)
        one.source.lead(access(server))
        server.recover()
        await one.until("a.ns")
        assert waiting


async def test_a_silent_server_is_asked_whether_it_is_there(server: FakeApiServer) -> None:
    async with reading(server, "a.ns", settings=PROBING) as one:
        one.now += 100
        await one.asked_again("namespaces", verb="get", times=2)
        await until(lambda: one.source.freshness.contact == one.now)
        assert one.said == []


async def test_that_a_kind_is_looked_for_again_is_no_proof_of_what_is_known(
    server: FakeApiServer,
) -> None:
    server.unserve("serviceexports.multicluster.x-k8s.io")
    timing = msgspec.structs.replace(FAST, poll=0.005)
    seldom = msgspec.structs.replace(PROBING, timing=timing, probe_after=0.5)
    async with reading(server, "a.ns", settings=seldom) as one:
        one.now += 100
        await one.asked_again("namespaces", verb="get", times=2)
        await until(lambda: one.source.freshness.contact == one.now)


async def test_a_server_that_does_not_answer_is_silent_and_every_watch_of_it_is_begun_anew(
    server: FakeApiServer,
) -> None:
    async with reading(server, "a.ns", settings=PROBING) as one:
        contact = one.source.freshness.contact
        one.now += 100
        server.stall_watches()
        server.fail(500, verb="get", resource="namespaces", times=10_000)
        await one.until_state(SILENT)
        assert one.source.freshness.contact == contact
        assert [each.code for each in one.source.findings()] == ["unreadable"]
        server.put(entry("b"))
        before = server.count("watch")
        server.recover()
        server.stall_watches(False)
        await one.until("a.ns", "b.ns")
        await server.until(lambda: server.count("watch") > before)
        assert one.source.freshness.contact == one.now
        assert len(one.edits) == 1


async def test_a_stalled_watch_is_begun_anew_and_nothing_is_lost(server: FakeApiServer) -> None:
    timing = msgspec.structs.replace(FAST, idle=1.0)
    settings = msgspec.structs.replace(SETTINGS, timing=timing)
    async with reading(server, "a.ns", settings=settings) as one:
        server.stall_watches()
        server.put(entry("b"))
        before = server.count("watch", "serviceentries")
        await server.until(lambda: server.count("watch", "serviceentries") > before)
        server.stall_watches(False)
        await one.until("a.ns", "b.ns")
        assert len(one.edits) == 1


async def test_an_answer_from_a_server_that_tells_no_version_is_an_answer(
    server: FakeApiServer,
) -> None:
    server.deny("get", "namespaces")
    async with reading(server, "a.ns", settings=PROBING) as one:
        one.now += 100
        await until(lambda: one.source.freshness.contact == one.now)


async def test_an_account_that_may_read_nothing_is_told_in_one_line(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.deny()
    one = Reading(server)
    async with one.run():
        await one.asked_again("services", times=4)
        assert (one.state, one.hosts) == (SourceState.WAITING, set())
        assert one.source.freshness.reason == "its account may not read anything"
        assert caplog.text.count("source is silent") == 1
        server.allow()
        await one.until("a.ns")


async def test_no_object_is_asked_of_a_server_before_it_is_known_which_cluster_it_is_to_be(
    server: FakeApiServer,
) -> None:
    is_known, uids = asyncio.Event(), ["the one before"]

    async def recall() -> str:
        await is_known.wait()
        return uids[0]

    one = Reading(server, settings=msgspec.structs.replace(SETTINGS, recall=recall))
    async with one.run():
        await asyncio.sleep(0.05)
        assert server.count("get", "namespaces") == 0
        assert server.count("list") == server.count("watch") == 0
        is_known.set()
        await until(lambda: one.source.another == server.uid)
        await until(lambda: "it had the one before" in one.source.freshness.reason)
        assert one.source.freshness.state is SourceState.WAITING
        assert server.count("list") == server.count("watch") == 0
        uids[0] = server.uid
        await one.until("a.ns")
        assert (one.source.uid, one.source.another) == (server.uid, "")
