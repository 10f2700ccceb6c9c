"""Answers that come line by line, and for as long as a server likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube import client as module
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.kube.fake import FakeApiServer
from tests.kube.scripted import begun, saying, way_to

Connect = Callable[[Access], Client]
NAMESPACES = "/api/v1/namespaces"


async def lines(
    client: Client,
    path: str = "/",
    query: dict[str, str] | None = None,
    *,
    idle: float = 5.0,
    got: list[bytes] | None = None,
) -> list[bytes]:
    """Return all lines; ``got`` has those that came before an error."""
    got = [] if got is None else got
    async with client.stream(path, query or {}, idle_seconds=idle) as found:
        async for line in found:
            got.append(line)  # a comprehension keeps nothing of it
    return got


def cuts(text: bytes) -> st.SearchStrategy[list[bytes]]:
    places = st.lists(st.integers(0, len(text)), max_size=8).map(sorted)
    return places.map(
        lambda at: [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]
    )


class _Content:
    """An answer's body, in the pieces in which it came."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.content = self
        self._pieces = pieces

    async def iter_any(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@settings(max_examples=200, deadline=None)
@given(cuts(b'{"a":1}\n\n{"b":"\xc3\xa9"}\n{"c":3}\ncut off'))
def test_lines_are_whole_wherever_they_were_cut(pieces: list[bytes]) -> None:
    async def read() -> list[bytes]:
        return [line async for line in module._lines(_Content(pieces))]  # type: ignore[arg-type]

    assert asyncio.run(read()) == [b'{"a":1}', b'{"b":"\xc3\xa9"}', b'{"c":3}']


async def test_a_stream_gives_what_was_whole_and_a_connection_that_breaks_is_an_error(
    connect: Connect,
) -> None:
    async with saying(begun(b"one\nt", b"wo\n", b"thr")) as url:
        assert await lines(connect(way_to(url))) == [b"one", b"two"]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with saying([head, b"4\r\none\n\r\n", b"9\r\ntw"]) as url:
        got: list[bytes] = []
        with pytest.raises(ApiError, match="cannot be reached"):
            await lines(connect(way_to(url)), got=got)
    assert got == [b"one"]


async def test_an_event_of_three_megabytes_is_one_line(connect: Connect) -> None:
    large = b"x" * (3 << 20)
    async with saying(begun(large[:-5], large[-5:] + b"\nnext\n")) as url:
        assert await lines(connect(way_to(url))) == [large, b"next"]


async def test_a_line_without_an_end_is_not_kept_for_ever(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LINE_OCTETS", 1 << 20)
    async with saying(begun(*[b"x" * 65536] * 40)) as url:
        with pytest.raises(ApiError, match="an event of over 1 MiB"):
            await lines(connect(way_to(url)))


async def test_a_silent_stream_has_ended(fake: FakeApiServer, client: Client) -> None:
    query = {"watch": "1", "resourceVersion": str(fake.revision)}
    fake.add_namespace("shop")
    got: list[bytes] = []
    with pytest.raises(ApiError, match="does not answer in time"):
        await lines(client, NAMESPACES, query, idle=0.1, got=got)
    assert [b"shop" in line for line in got] == [True]


async def test_a_stream_that_is_left_is_closed(fake: FakeApiServer, client: Client) -> None:
    query = {"watch": "1", "resourceVersion": str(fake.revision)}
    async with client.stream(NAMESPACES, query, idle_seconds=5):
        await fake.until(lambda: fake.open_watches == 1)
    await fake.until(lambda: fake.open_watches == 0)


async def test_a_stream_may_be_refused(fake: FakeApiServer, client: Client) -> None:
    fake.deny("watch")
    with pytest.raises(ApiRefused) as refusal:
        await lines(client, NAMESPACES, {"watch": "1"})
    assert refusal.value.status == 403


async def test_a_request_that_is_given_up_leaves_nothing_behind(
    fake: FakeApiServer, client: Client
) -> None:
    fake.stall_requests()
    request = asyncio.create_task(client.get(NAMESPACES))
    await fake.until(lambda: len(fake.asked) == 1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    fake.stall_requests(stalled=False)
    assert client._session is not None
    assert client._session.users == 0
    await client.get(NAMESPACES)
