"""Watches of servers that break their word."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

import pytest

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import PODS
from globaldns.kube.watch import Scope, Timing
from tests.kube.fake import FakeApiServer
from tests.kube.followed import Hurried, following
from tests.kube.scripted import answer, begun, saying, way_to

Connect = Callable[[Access], Client]
END = {"k8s.io/initial-events-end": "true"}
POD = Scope(PODS, "shop")


def event(kind: str, name: str = "a", version: int = 5, **more: Any) -> bytes:
    item = {"metadata": {"name": name, "resourceVersion": str(version), **more}}
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def failure(code: int, message: str = "no") -> bytes:
    status = {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message}}
    return json.dumps(status).encode() + b"\n"


LIST = answer(b'{"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "a"}}]}')
ENDED = event("BOOKMARK", annotations=END)


async def test_a_list_that_ends_before_it_is_whole_is_none_and_is_asked_for_in_pages(
    connect: Connect,
) -> None:
    """Servers of before 2023 do not know that they are to say when all is listed."""
    async with (
        saying(begun(event("ADDED")), LIST, begun(event("ADDED", "b", 6))) as url,
        following(connect(way_to(url)), POD) as told,
    ):
        assert await told.take(2) == ["Begun", "Found a"]
        assert await told.next() == "Failed"
        assert await told.take(3) == ["Begun", "Found a", "Listed"]


async def test_a_list_whose_connection_breaks_is_streamed_again(connect: Connect) -> None:
    cut = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", event("ADDED")]
    whole = begun(event("ADDED"), ENDED)
    async with saying(cut, whole) as url, following(connect(way_to(url)), POD) as told:
        assert await told.take(3) == ["Begun", "Found a", "Failed"]
        assert await told.take(3) == ["Begun", "Found a", "Listed"]


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"{}\n",
        b'{"type": "ADDED"}\n',
        b'{"type": "ADDED", "object": 5}\n',
        b'{"type": "ADDED", "object": {}}\n',
        b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": 5}}}\n',
        b'{"type": 5, "object": {"metadata": {}}}\n',
        b"<html>\n",
        b"\xff\xfe\n",
        failure(500),
        failure(429),
        b'{"type": "ERROR", "object": 5}\n',
    ],
)
async def test_a_line_that_is_no_event_is_a_failure_and_the_watch_goes_on_before_it(
    connect: Connect, line: bytes
) -> None:
    start = begun(event("ADDED"), ENDED, event("MODIFIED", version=6), line)
    after = begun(event("MODIFIED", version=7))
    async with saying(start, after) as url, following(connect(way_to(url)), POD) as told:
        assert await told.take(5) == ["Begun", "Found a", "Listed", "Put a", "Failed"]


@pytest.mark.parametrize("code", [410, 504])
async def test_a_version_that_is_too_old_or_too_large_is_no_failure(
    connect: Connect, code: int
) -> None:
    message, version, listed = "Expired", 9, "Listed"
    if code == HTTPStatus.GATEWAY_TIMEOUT:  # which a server says that has gone back
        message, version, listed = "Too large resource version: 6, current: 5", 2, "Listed back"
    start = begun(event("ADDED"), ENDED, failure(code, message))
    again = begun(event("ADDED", "b", 2), event("BOOKMARK", version=version, annotations=END))
    async with saying(start, again) as url, following(connect(way_to(url)), POD) as told:
        assert await told.take(3) == ["Begun", "Found a", "Listed"]
        assert await told.take(3) == ["Begun", "Found b", listed]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"metadata": {}, "items": 5}', b"\xff"]
)
async def test_an_answer_that_is_no_list_is_a_failure(connect: Connect, body: bytes) -> None:
    refused = answer(b"{}", "422 Unprocessable")
    async with (
        saying(refused, answer(body), LIST) as url,
        following(connect(way_to(url)), POD) as told,
    ):
        assert await told.take(3) == ["Begun", "Begun", "Failed"]
        assert await told.take(3) == ["Begun", "Found a", "Listed"]


async def test_an_answer_that_is_no_discovery_is_a_failure(connect: Connect) -> None:
    async with saying(answer(b"<html>")) as url, following(connect(way_to(url))) as told:
        assert await told.take(2) == ["Failed", "Failed"]


async def test_a_list_may_say_nothing_where_it_is_empty(connect: Connect) -> None:
    refused = answer(b"{}", "422 Unprocessable")
    empty = answer(b'{"metadata": {"resourceVersion": "5"}, "items": null}')
    async with saying(refused, empty) as url, following(connect(way_to(url)), POD) as told:
        assert await told.take(3) == ["Begun", "Begun", "Listed"]


async def test_an_object_of_three_megabytes_is_told(connect: Connect) -> None:
    large = event("MODIFIED", version=6, annotations={"text": "x" * (3 << 20)})
    start = begun(event("ADDED"), ENDED, large[:-9], large[-9:], event("DELETED", version=7))
    async with saying(start) as url, following(connect(way_to(url)), POD) as told:
        assert await told.take(5) == ["Begun", "Found a", "Listed", "Put a", "Removed a"]


@pytest.mark.parametrize(
    "said",
    [begun(), begun(failure(500)), answer(b"{}", "503 Service Unavailable"), b""],
    ids=["ends at once", "fails at once", "refuses", "breaks"],
)
async def test_a_server_that_ends_each_watch_at_once_is_asked_less_and_less(
    connect: Connect, said: bytes
) -> None:
    async with saying(begun(event("ADDED"), ENDED), LIST, said) as url:
        follower = Hurried(connect(way_to(url)), POD, Timing())
        async with aclosing(follower.run()) as notices:
            async for _ in notices:
                if len(follower.waits) >= 8:
                    break
    assert [failures for failures, _ in follower.waits[:8]] == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_server_that_is_gone_is_asked_less_and_less(
    fake: FakeApiServer, client: Client
) -> None:
    await fake.stop()
    follower = Hurried(client, POD, Timing())
    async with following(client, follower=follower) as told:
        for _ in range(6):
            await told.until("Failed")
    assert [failures for failures, _ in follower.waits] == [1, 2, 3, 4, 5]
