"""A client calls over connections that it keeps, and says of each request how it ended."""

from __future__ import annotations

import asyncio

import pytest

from globaldns.demo.applications import Application, start
from globaldns.demo.client import Connection, add_up, call, read_response, to_tally
from globaldns.demo.plan import Speech
from globaldns.demo.words import Ask, Tally


@pytest.mark.parametrize("speech", list(Speech))
async def test_requests_follow_one_another_on_one_connection(speech: Speech) -> None:
    server = await start(Application("west", "pod", speech, "127.0.0.1", 0))
    async with server:
        address, port = server.sockets[0].getsockname()
        connection = Connection(address, Ask("a.b.global", port, speech))
        ends = [await connection.call() for _ in range(3)]
        connection.close()
        await asyncio.sleep(0)
    assert ends == [Tally("west", "pod", count=1)] * 3


async def test_a_connection_that_ends_is_a_failure_and_made_anew() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        address, port = server.sockets[0].getsockname()
        connection = Connection(address, Ask("a.b.global", port, Speech.TCP))
        ends = [await connection.call() for _ in range(2)]
    assert all(end.failure for end in ends)
    refused = await Connection(address, Ask("a.b.global", port, Speech.TCP)).call()
    assert refused.failure == "connection refused"


@pytest.mark.parametrize(
    ("status", "body", "tally"),
    [
        (200, b'{"cluster":"a","workload":"b","caller":"c"}', Tally("a", "b", "c", count=1)),
        (200, b"hello", Tally(failure="an answer of somebody else", count=1)),
        (503, b"no endpoint\n", Tally(failure="503 no endpoint", count=1)),
    ],
)
def test_an_answer_is_an_end(status: int, body: bytes, tally: Tally) -> None:
    assert to_tally(status, body) == tally


@pytest.mark.parametrize("speech", list(Speech))
async def test_an_address_is_called_as_it_is_and_asked_of_nobody(speech: Speech) -> None:
    server = await start(Application("west", "pod", speech, "127.0.0.1", 0))
    async with server:
        port = server.sockets[0].getsockname()[1]
        reply = await call(Ask("127.0.0.1", port, speech, 2))
        await asyncio.sleep(0)
    assert (reply.vip, reply.error) == ("127.0.0.1", "")
    assert reply.tallies == (Tally("west", "pod", count=2),)


def test_equal_ends_are_counted() -> None:
    one, other = Tally("a", "b", count=1), Tally(failure="refused", count=1)
    assert add_up([one, other, one]) == (
        Tally(failure="refused", count=1),
        Tally("a", "b", count=2),
    )


async def test_a_response_has_its_length() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert await read_response(reader) == (200, b"ok")
