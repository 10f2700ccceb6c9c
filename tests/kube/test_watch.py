"""One kind of objects followed: nothing is lost, nothing is told twice, nobody is pestered."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import PODS
from globaldns.kube.watch import Follower, Scope
from tests.kube.conftest import WIDGETS as SERVED
from tests.kube.conftest import access
from tests.kube.fake import FakeApiServer
from tests.kube.followed import QUICK, SHOP, WIDGETS, Hurried, following, widget

Connect = Callable[[Access], Client]
KINDS = pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "paged"])
PAGED = msgspec.structs.replace(QUICK, page=2)


@KINDS
async def test_all_there_is_is_told_then_what_changes(
    fake: FakeApiServer, client: Client, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    for name in "abcde":
        fake.put(widget(name))
    async with following(client, timing=PAGED) as told:
        begun = ["Begun"] if streaming else ["Begun", "Begun"]
        found = [f"Found {name} 0" for name in "abcde"]
        assert await told.until("Listed") == [*begun, *found, "Listed"]
        if not streaming:
            assert await told.next() == "Opened"
        fake.put(widget("a", 1))
        fake.delete("widgets", "b", "shop")
        fake.put(widget("b", 2))
        assert await told.take(3) == ["Put a 1", "Removed b 0", "Put b 2"]
        fake.add_namespace("other")
        fake.send_bookmarks()
        assert await told.next() == "Contact"


@KINDS
async def test_there_may_be_nothing(
    fake: FakeApiServer, client: Client, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    async with following(client) as told:
        assert (await told.until("Listed"))[-2:] == ["Begun", "Listed"]


@KINDS
async def test_only_what_is_asked_for_is_told(
    fake: FakeApiServer, client: Client, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    fake.put(widget("a", shown="yes"))
    fake.put(widget("b"))
    async with following(client, Scope(WIDGETS, "shop", "shown=yes")) as told:
        assert (await told.until("Listed"))[-2:] == ["Found a 0", "Listed"]
        fake.put(widget("b", 1))
        fake.put(widget("b", 2, shown="yes"))
        fake.put(widget("a", 3, shown="no"))
        assert (await told.until("Removed"))[-2:] == ["Put b 2", "Removed a 0"]


async def test_what_changes_between_list_and_watch_is_told(
    fake: FakeApiServer, client: Client
) -> None:
    fake.streaming_lists = False
    for name in "abc":
        fake.put(widget(name))
    async with following(client, timing=PAGED) as told:
        await told.until("Found a")
        fake.put(widget("c", 1))  # on the page that is not read yet, which shows it as it was
        fake.delete("widgets", "a", "shop")
        assert await told.until("Listed") == ["Found b 0", "Found c 0", "Listed"]
        fake.put(widget("d", 2))
        assert await told.take(4) == ["Opened", "Put c 1", "Removed a 0", "Put d 2"]


async def test_a_continue_token_that_expires_in_the_middle_has_the_list_begin_again(
    fake: FakeApiServer, client: Client
) -> None:
    fake.streaming_lists = False
    for name in "abc":
        fake.put(widget(name))
    async with following(client, timing=PAGED) as told:
        await told.until("Found b")
        fake.put(widget("d"))
        fake.compact()
        found = [f"Found {name} 0" for name in "abcd"]
        assert await told.until("Listed") == ["Begun", *found, "Listed"]


@pytest.mark.parametrize("is_event", [True, False], ids=["event", "status"])
async def test_a_past_that_is_gone_has_all_listed_again(
    fake: FakeApiServer, client: Client, *, is_event: bool
) -> None:
    fake.put(widget("a"))
    async with following(client) as told:
        await told.until("Listed")
        if is_event:
            fake.fail_watches(410)
        else:
            fake.fail(410, verb="watch")
            fake.cut_watches()
            await fake.until(lambda: fake.open_watches == 0)
        fake.delete("widgets", "a", "shop")
        fake.put(widget("b"))
        assert await told.until("Listed") == ["Begun", "Found b 0", "Listed"]


async def test_a_past_that_is_always_gone_is_a_failure_in_the_end_and_asked_for_less_and_less(
    fake: FakeApiServer, client: Client
) -> None:
    fake.streaming_lists = False
    follower = Hurried(client)
    async with following(client, follower=follower) as told:
        await told.until("Opened")
        fake.fail(410, verb="watch", times=1000)
        fake.fail_watches(410)
        assert (await told.until("Failed 410")).count("Listed") == 2
        assert (await told.until("Failed 410")).count("Listed") == 1
    assert [failures for failures, _ in follower.waits] == [1, 2, 3]


async def test_a_past_that_is_gone_after_an_outage_has_all_listed_again_at_once(
    fake: FakeApiServer, client: Client
) -> None:
    fake.streaming_lists = False
    follower = Hurried(client)
    async with following(client, follower=follower) as told:
        await told.until("Opened")
        fake.fail(503, verb="watch", times=5)
        fake.fail(410, verb="watch")
        fake.cut_watches()
        said = await told.until("Listed")
    assert [one for one in said if one.startswith("Failed")] == ["Failed 503"] * 5
    assert [failures for failures, _ in follower.waits] == [1, 2, 3, 4, 5, 6, 1]


@pytest.mark.parametrize("code", [401, 403, 429, 500, 502, 503, 504])
@KINDS
async def test_a_refusal_is_told_and_the_watch_goes_on_where_it_stopped(
    fake: FakeApiServer, client: Client, code: int, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    fake.put(widget("a"))
    async with following(client) as told:
        await told.until("Listed")
        if not streaming:
            assert await told.next() == "Opened"
        fake.fail(code, verb="watch")
        fake.cut_watches()
        assert await told.take(2) == [f"Failed {code}", "Opened"]
        fake.put(widget("b"))
        assert await told.next() == "Put b 0"


@pytest.mark.parametrize("code", [429, 500, 503, 504])
@KINDS
async def test_a_list_that_is_refused_is_a_failure_and_begins_again(
    fake: FakeApiServer, client: Client, code: int, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    fake.put(widget("a"))
    fake.fail(code, verb="watch" if streaming else "list", resource="widgets")
    async with following(client) as told:
        before = await told.until("Failed")
        assert before[-2:] == ["Begun", f"Failed {code}"]
        assert (await told.until("Listed"))[-3:] == ["Begun", "Found a 0", "Listed"]


async def test_a_gateway_without_a_server_behind_it_is_a_failure_not_a_past_that_is_gone(
    fake: FakeApiServer, client: Client
) -> None:
    fake.put(widget("a"))
    async with following(client) as told:
        await told.until("Listed")
        fake.fail(504, times=6)
        fake.cut_watches()
        assert await told.take(6) == ["Failed 504"] * 6
        assert await told.next() == "Opened"


async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    fake: FakeApiServer, client: Client
) -> None:
    fake.fail(429, verb="watch", retry_after=7)
    follower = Hurried(client)
    async with following(client, follower=follower) as told:
        await told.until("Failed 429")
        await told.until("Listed")
    assert follower.waits == [(1, 7.0)]


@pytest.mark.parametrize("abruptly", [True, False])
async def test_a_watch_that_ends_goes_on_without_losing_or_repeating(
    fake: FakeApiServer, client: Client, *, abruptly: bool
) -> None:
    async with following(client) as told:
        await told.until("Listed")
        seen: list[str] = []
        for number in range(1, 6):
            fake.put(widget("a", number))
            fake.cut_watches(abruptly=abruptly)
            fake.put(widget("b", number))
            seen += await told.until(f"Put b {number}")
    changes = [word for word in seen if word.startswith("Put")]
    assert changes == [f"Put {name} {n}" for n in range(1, 6) for name in "ab"]
    assert "Begun" not in seen


async def test_a_stalled_watch_is_given_up_and_goes_on_without_losing_or_repeating(
    fake: FakeApiServer, client: Client
) -> None:
    async with following(client, timing=msgspec.structs.replace(QUICK, idle=0.1)) as told:
        await told.until("Listed")
        fake.put(widget("a", 1))
        assert await told.next() == "Put a 1"
        fake.stall_watches()
        fake.put(widget("a", 2))
        assert await told.next() == "Failed"
        fake.stall_watches(stalled=False)
        assert await told.until("Put") == ["Opened", "Put a 2"]


async def test_a_server_that_starts_again_has_all_listed_again(
    fake: FakeApiServer, client: Client
) -> None:
    fake.put(widget("a"))
    async with following(client) as told:
        await told.until("Listed")
        await fake.stop()
        fake.put(widget("b"))
        assert await told.next() == "Failed"
        await fake.start()
        assert (await told.until("Listed"))[-4:] == ["Begun", "Found a 0", "Found b 0", "Listed"]


@KINDS
async def test_an_etcd_that_was_restored_is_noticed_though_a_watch_says_nothing_of_it(
    fake: FakeApiServer, client: Client, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    fake.put(widget("a"))
    backup = fake.snapshot()
    async with following(client) as told:
        await told.until("Listed")
        fake.put(widget("b"))
        await told.until("Put b")
        fake.restore(backup)
        assert (await told.until("Listed back"))[-3:] == ["Begun", "Found a 0", "Listed back"]
        fake.put(widget("c"))
        assert (await told.until("Put"))[-1] == "Put c 0"


@pytest.mark.parametrize(("namespace", "labels"), [("", ""), ("shop", "shown=yes")])
async def test_how_far_a_server_is_is_asked_by_any_object_but_of_one_namespace_by_its_labels(
    fake: FakeApiServer, client: Client, namespace: str, labels: str
) -> None:
    fake.put(widget("a", shown="yes"))
    async with following(client, Scope(WIDGETS, namespace, "shown=yes")) as told:
        await told.until("Listed")
        fake.cut_watches()
        await told.until("Opened")
    looks = [one.query for one in fake.asked if one.query.get("limit") == "1"]
    assert looks
    assert {one.get("labelSelector", "") for one in looks} == {labels}


async def test_an_etcd_that_comes_as_far_again_while_a_watch_is_opened_is_noticed(
    fake: FakeApiServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put(widget("a"))
    backup = fake.snapshot()
    stream, is_restored = client.stream, False

    @asynccontextmanager
    async def open_late(path: str, query: dict[str, str], **how: float) -> AsyncIterator[Any]:
        async with stream(path, query, **how) as lines:
            if is_restored:
                for name in "cde":
                    fake.put(widget(name))
            yield lines

    monkeypatch.setattr(client, "stream", open_late)
    async with following(client) as told:
        await told.until("Listed")
        fake.put(widget("b"))
        await told.until("Put b")
        is_restored = True
        fake.restore(backup)
        assert "Found a 0" in await told.until("Listed back")


@KINDS
async def test_a_kind_is_absent_until_it_is_served_and_again_when_it_is_not_any_more(
    fake: FakeApiServer, client: Client, *, streaming: bool
) -> None:
    fake.streaming_lists = streaming
    fake.unserve("widgets.example.test")
    async with following(client) as told:
        assert await told.take(2) == ["Absent", "Absent"]
        fake.serve(SERVED)
        fake.put(widget("a"))
        assert (await told.until("Listed"))[-3:] == ["Begun", "Found a 0", "Listed"]
        fake.unserve("widgets.example.test")
        await told.until("Absent")
        fake.serve(SERVED)
        fake.put(widget("b"))
        assert (await told.until("Listed"))[-3:] == ["Begun", "Found b 0", "Listed"]


async def test_a_definition_that_is_replaced_between_two_looks_has_all_listed_again(
    fake: FakeApiServer, client: Client
) -> None:
    fake.put(widget("a"))
    async with following(client) as told:
        await told.until("Listed")
        fake.fail(404, verb="watch")
        fake.unserve("widgets.example.test")
        fake.serve(SERVED)
        fake.put(widget("b"))
        assert (await told.until("Listed"))[-3:] == ["Begun", "Found b 0", "Listed"]


async def test_a_kind_that_is_served_and_cannot_be_found_is_a_failure_not_absent(
    fake: FakeApiServer, client: Client
) -> None:
    fake.fail(404, times=1000)
    async with following(client, Scope(PODS)) as told:
        assert "Absent" not in [*await told.until("Failed 404"), *await told.until("Failed 404")]


async def test_a_server_that_cannot_stream_a_list_is_not_asked_to_again(
    fake: FakeApiServer, client: Client
) -> None:
    fake.streaming_lists = False
    async with following(client) as told:
        for _ in range(3):
            await told.until("Opened")
            fake.fail_watches(410)
    initial = Counter("sendInitialEvents" in asked.query for asked in fake.asked)
    assert initial[True] == 1


async def test_a_follower_goes_on_with_another_client(
    fake: FakeApiServer, client: Client, connect: Connect
) -> None:
    fake.put(widget("a"))
    first = Follower(client, SHOP, QUICK)
    async with following(client, follower=first) as told:
        await told.until("Listed")
        await told.nothing()
    await client.close()
    fake.put(widget("b"))
    other = connect(access(fake))
    async with following(other, follower=first.through(other)) as told:
        assert await told.take(2) == ["Opened", "Put b 0"]


async def test_what_was_not_taken_is_told_again(fake: FakeApiServer, client: Client) -> None:
    """A follower that ends while it tells something does not know that anybody took it."""
    fake.put(widget("a"))
    follower = Follower(client, SHOP, QUICK)
    async with following(client, follower=follower) as told:
        await told.until("Listed")
    async with following(client, follower=follower) as told:
        assert await told.take(3) == ["Begun", "Found a 0", "Listed"]
        fake.put(widget("b"))
        assert await told.next() == "Put b 0"
    async with following(client, follower=follower) as told:
        assert await told.take(2) == ["Opened", "Put b 0"]


@pytest.mark.usefixtures("fake")
async def test_a_follower_that_ends_ends_its_watch(client: Client) -> None:
    async with following(client) as told:
        await told.until("Listed")
        assert client._session is not None
        assert client._session.users == 1
    assert client._session.users == 0
