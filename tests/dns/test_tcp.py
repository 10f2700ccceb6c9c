from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from globaldns.dns import tcp
from globaldns.dns.counters import Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.seats import ServerSettings
from globaldns.dns.server import DnsServer
from globaldns.dns.tcp import BURST, TcpLimits
from tests.dns.conftest import make_server
from tests.dns.streams import (
    WEB,
    JumpingLoop,
    Streams,
    frame,
    hang_up,
    query,
    read_end,
    read_id,
    run_jumping,
    turns,
    until,
)


@asynccontextmanager
async def serving(responder: Responder, **limits: Any) -> AsyncIterator[tuple[DnsServer, int]]:
    settings = ServerSettings(listen=(parse_listen("127.0.0.1:0"),), tcp=TcpLimits(**limits))
    server = make_server(responder, settings)
    await server.start()
    try:
        yield server, server.addresses[0].port
    finally:
        await server.stop()


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 17, len(WEB) + 5, 100_000])
async def test_messages_are_answered_in_order_in_any_segmentation(
    responder: Responder, size: int
) -> None:
    numbers = range(1, 21)
    async with serving(responder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in cut(b"".join(map(query, numbers)), size):
            writer.write(piece)
            await asyncio.sleep(0)
        assert [await read_id(reader) for _ in numbers] == list(numbers)
        await hang_up(writer)


async def test_two_hundred_pipelined_messages_take_turns_with_the_rest(
    responder: Responder,
) -> None:
    count = 200
    assert count > BURST
    async with serving(responder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(map(query, range(count))))
        assert [await read_id(reader) for _ in range(count)] == list(range(count))
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


async def test_a_turn_of_the_loop_answers_a_bounded_number(responder: Responder) -> None:
    answered = [0]

    def count() -> bool:
        answered.append(responder.counters.responses().get(("tcp", "NOERROR"), 0))
        return answered[-1] == 500

    async with serving(responder) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(map(query, range(500))))
        await until(count)
        await hang_up(writer)
    assert max(now - before for before, now in pairwise(answered)) <= BURST


async def test_a_turn_of_the_loop_answers_a_bounded_number_of_all_connections(
    responder: Responder,
) -> None:
    answered = [0]
    count, messages = 20, 100

    def look() -> bool:
        answered.append(responder.counters.responses().get(("tcp", "NOERROR"), 0))
        return answered[-1] == count * messages

    async with serving(responder, per_source=count) as (_, port):
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
        for _, writer in streams:
            writer.write(b"".join(map(query, range(messages))))
        await until(look)
        for reader, _ in streams:
            assert [await read_id(reader) for _ in range(messages)] == list(range(messages))
        for _, writer in streams:
            await hang_up(writer)
    # What the last turn has left of its budget may be used before the next one.
    assert max(now - before for before, now in pairwise(answered)) <= 2 * BURST


@pytest.mark.parametrize("count", [1, 500])
async def test_what_came_whole_before_a_half_close_is_answered_then_closed(
    responder: Responder, count: int
) -> None:
    async with serving(responder) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(map(query, range(count))) + WEB[:5])
        writer.write_eof()
        assert [await read_id(reader) for _ in range(count)] == list(range(count))
        assert await read_end(reader) == b""
        await hang_up(writer)
        assert server.tcp_connections == 0


@pytest.mark.parametrize(
    "data",
    [b"\0\0", b"\0\5hello", b"\0\x0b" + bytes(11)],
    ids=["length 0", "length 5", "length 11"],
)
async def test_a_message_shorter_than_a_header_ends_the_connection(
    responder: Responder, data: bytes
) -> None:
    async with serving(responder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WEB + data + WEB)
        assert await read_id(reader) == 1
        assert await read_end(reader) == b""
        await hang_up(writer)
    assert responder.counters.dropped[Dropped.SHORT] == 1


async def test_a_malformed_message_does_not_end_the_connection(responder: Responder) -> None:
    async with serving(responder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(WEB[2:20]) + query(2))
        assert [await read_id(reader), await read_id(reader)] == [1, 2]
        await hang_up(writer)


@pytest.mark.parametrize("count", [1, 20])
async def test_the_replies_of_a_turn_are_one_write(
    responder: Responder, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Length and message in one segment (RFC 7766 section 8)."""
    written: list[bytes] = []
    async with serving(responder) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        write = type(writer.transport).write

        def recording(self: asyncio.Transport, data: bytes) -> None:
            written.append(bytes(data))
            write(self, data)

        monkeypatch.setattr(type(writer.transport), "write", recording)
        writer.write(b"".join(map(query, range(count))))
        assert [await read_id(reader) for _ in range(count)] == list(range(count))
        await hang_up(writer)
    ours, replies = written
    assert ours == b"".join(map(query, range(count)))
    assert int.from_bytes(replies[:2]) == len(replies) // count - 2


def on_jumping_loop(
    test: Callable[
        [JumpingLoop, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]
    ],
    responder: Responder,
) -> None:
    async def run(loop: JumpingLoop) -> None:
        async with serving(responder) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(query(7))
            assert await read_id(reader) == 7  # so the server has the connection
            await test(loop, reader, writer)
            await hang_up(writer)

    run_jumping(run)


def test_an_idle_connection_is_closed_after_thirty_seconds_and_not_before(
    responder: Responder,
) -> None:
    async def test(
        loop: JumpingLoop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for _ in range(3):  # each query begins the time anew
            await loop.jump(29.0)
            writer.write(WEB)
            assert await read_id(reader) == 1
        await loop.jump(30.0)
        assert await read_end(reader) == b""

    on_jumping_loop(test, responder)
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 0


def test_a_message_has_ten_seconds_from_its_first_octet(responder: Responder) -> None:
    async def drip(
        loop: JumpingLoop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ended = asyncio.create_task(read_end(reader))
        for seconds, octet in enumerate(cut(WEB, 1)):
            if ended.done():
                break
            assert seconds <= 11
            writer.write(octet)
            await turns(3)  # on loopback it has arrived, and its reader is due
            await loop.jump(1.0)
        assert await ended == b""

    on_jumping_loop(drip, responder)
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 1


def test_who_waits_for_a_turn_has_its_ten_seconds_from_the_last_answer(
    responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "BURST", 1)
    count = 60

    async def test(
        loop: JumpingLoop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"".join(map(query, range(count))))
        while responder.counters.responses()["tcp", "NOERROR"] <= count and loop.jumped < 1000:
            await loop.jump(4.0)
        assert 2 * TcpLimits().message_seconds < loop.jumped < 1000
        assert [await read_id(reader) for _ in range(count)] == list(range(count))

    on_jumping_loop(test, responder)
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 0


def test_connections_that_send_nothing_are_closed_as_idle_ones_are(responder: Responder) -> None:
    async def test(
        loop: JumpingLoop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await loop.jump(30.0)
        assert await read_end(reader) == b""
        assert not writer.is_closing()

    on_jumping_loop(test, responder)


def test_the_defaults_outlast_a_forwarder_s_own_idle_time() -> None:
    limits = TcpLimits()
    assert 10 < limits.idle_seconds <= 30
    assert limits.message_seconds <= 10


async def test_who_never_reads_is_not_read_from(responder: Responder) -> None:
    """20,000 large answers wait in the peer's queries, not in our memory."""
    async with serving(responder) as (server, port):
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            await asyncio.get_running_loop().sock_connect(greedy, ("127.0.0.1", port))
            pending = query(3, "big.shop.global") * 20_000
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(greedy, pending))
            await until(lambda: blocked(server))
            (connection,) = server._connections._open  # type: ignore[union-attr]
            answered = responder.counters.responses()["tcp", "NOERROR"]
            assert answered < 20_000
            assert connection._transport.get_write_buffer_size() < 2 * 65536
            assert not connection._transport.is_reading()
            with_others = await asyncio.open_connection("127.0.0.1", port)
            with_others[1].write(WEB)
            assert await read_id(with_others[0]) == 1
            await hang_up(with_others[1])
            assert responder.counters.responses()["tcp", "NOERROR"] == answered + 1
            sending.cancel()


def blocked(server: DnsServer) -> bool:
    connections = server._connections
    return connections is not None and any(c._is_blocked for c in connections._open)


def test_who_reads_nothing_for_half_a_minute_is_aborted(responder: Responder) -> None:
    async def run(loop: JumpingLoop) -> None:
        async with serving(responder) as (server, port):
            with socket.socket() as greedy:
                greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                greedy.setblocking(False)
                await loop.sock_connect(greedy, ("127.0.0.1", port))
                pending = query(3, "big.shop.global") * 5_000
                sending = asyncio.create_task(loop.sock_sendall(greedy, pending))
                await until(lambda: blocked(server))
                await loop.jump(30.0)
                assert server.tcp_connections == 0
                sending.cancel()

    run_jumping(run)
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 1


async def test_who_reads_late_gets_everything(responder: Responder) -> None:
    count = 1_000
    async with serving(responder) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"".join(query(n, "big.shop.global") for n in range(count)))
        await until(lambda: blocked(server))
        assert [await read_id(reader) for _ in range(count)] == list(range(count))
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


@pytest.mark.parametrize(("limits", "allowed"), [({"per_source": 3}, 3), ({"connections": 2}, 2)])
async def test_connections_are_limited_per_source_and_in_all(
    responder: Responder, limits: dict[str, int], allowed: int
) -> None:
    async with serving(responder, **limits) as (server, port):
        streams: list[Streams] = []
        for _ in range(allowed):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(WEB)
            assert await read_id(reader) == 1
            streams.append((reader, writer))
        refused, refused_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await read_end(refused) == b""
        await hang_up(refused_writer)
        assert server.tcp_connections == allowed
        assert responder.counters.dropped[Dropped.TCP_LIMIT] == 1
        for _, writer in streams:
            await hang_up(writer)
        await until(lambda: not server.tcp_connections)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


async def test_idle_connections_do_not_keep_udp_from_answering(
    server: DnsServer,
    connect: Callable[[], Awaitable[Streams]],
    ask_udp: Callable[[bytes], Awaitable[bytes | None]],
) -> None:
    streams = [await connect() for _ in range(200)]
    assert await ask_udp(WEB[2:]) is not None
    assert server.tcp_connections <= 128
    for _, writer in streams:
        await hang_up(writer)
