from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from globaldns.admin.clusters import report_clusters
from globaldns.admin.events import (
    MAX_CLIENTS,
    MAX_WAITING,
    ClusterChanged,
    ServiceChanged,
    ServiceRemoved,
    VipMoved,
)
from globaldns.admin.reporting import report_service
from globaldns.admin.server import AdminServer
from globaldns.admin.streaming import HEARTBEAT_SECONDS, WRITE_SECONDS, format_event
from tests.admin.client import CEILING_SECONDS, connect, hang_up

FIRST = (
    b"event: snapshot\n"
    b'data: {"event":"snapshot","serial":2026,"services":3,"complete":true}\n\n\r\n'
)
"""What is served as the stream begins: the three services of the mesh."""
REQUEST = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test moves: what would wait half a minute is due at once."""

    jumped = 0.0

    def time(self) -> float:
        return super().time() + self.jumped


@asynccontextmanager
async def listening(server) -> AsyncIterator[asyncio.StreamReader]:
    """Open a stream, and read its first line and event."""
    reader, writer = await connect(server.address)
    try:
        writer.write(REQUEST)
        assert b"text/event-stream" in await read_to(reader, b"\r\n\r\n")
        await read_to(reader, b": connected\n\n")
        assert await read_to(reader, b"\n\n\r\n") == FIRST
        yield reader
    finally:
        await hang_up(writer)


async def read_to(reader: asyncio.StreamReader, end: bytes) -> bytes:
    async with asyncio.timeout(CEILING_SECONDS):
        return await reader.readuntil(end)


async def read_end(reader: asyncio.StreamReader) -> bytes:
    """What still comes before the connection ends."""
    async with asyncio.timeout(CEILING_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(CEILING_SECONDS):
        while not condition():  # noqa: ASYNC110  # of the server, which has no event for it
            await asyncio.sleep(0)


def on_jumping_loop(mesh, test) -> None:
    async def run() -> None:
        server = AdminServer(mesh, listen="127.0.0.1:0")
        await server.start()
        try:
            await test(server, asyncio.get_running_loop())
        finally:
            await server.stop()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(run())


def test_an_event_has_its_name_and_one_line_of_json(mesh):
    service = report_service(mesh.services["only.shop"], mesh.registry.claims, {})
    moved = VipMoved(host="a.ns", old=("240.0.0.1",), new=("240.0.0.2",), reason="pinned")
    for name, event in (
        ("service", ServiceChanged(service=service)),
        ("service-removed", ServiceRemoved(host="a\nb")),
        ("vip", moved),
        ("cluster", ClusterChanged(cluster=report_clusters(mesh)[0])),
    ):
        first, second, *rest = format_event(event).decode().split("\n")
        assert (first, rest) == (f"event: {name}", ["", ""])
        body = second.removeprefix("data: ")
        assert msgspec.json.decode(body)["event"] == name
        assert msgspec.json.decode(body, type=type(event)) == event


async def test_what_is_published_arrives_in_order(server, mesh):
    async with listening(server) as reader:
        mesh.broadcast.publish([ServiceRemoved(host="a.ns"), ServiceRemoved(host="b.ns")])
        mesh.broadcast.publish([ServiceRemoved(host="c.ns")])
        received = await read_to(reader, b'"c.ns"}\n\n')
    hosts = [received.find(host) for host in (b"a.ns", b"b.ns", b"c.ns")]
    assert -1 < hosts[0] < hosts[1] < hosts[2]


async def test_a_client_that_goes_is_no_listener_any_more(server, mesh, caplog):
    async with listening(server):
        assert mesh.broadcast.is_heard
    before = asyncio.get_running_loop().time()
    await until(lambda: not mesh.broadcast.is_heard)
    assert asyncio.get_running_loop().time() - before < HEARTBEAT_SECONDS / 2
    assert caplog.records == []


async def test_a_client_that_goes_at_the_moment_of_an_event_is_no_failure(server, mesh, caplog):
    async with listening(server) as reader:
        (connection,) = server._runner.server.connections
        mesh.broadcast.publish([ServiceRemoved(host="a.ns")])
        connection.transport.close()
        await until(lambda: not mesh.broadcast.is_heard)
        assert await read_end(reader) == b""
    assert caplog.records == []


async def test_a_client_that_is_too_far_behind_is_cut_off(server, mesh, caplog):
    async with listening(server) as reader:
        mesh.broadcast.publish([ServiceRemoved(host="a.ns")] * (MAX_WAITING + 1))
        assert b"event" not in await read_end(reader)
        assert not mesh.broadcast.is_heard
    assert caplog.records == []


async def test_streams_end_at_once_when_the_server_stops(mesh, caplog):
    server = AdminServer(mesh, listen="127.0.0.1:0")
    await server.start()
    async with listening(server) as reader:
        before = asyncio.get_running_loop().time()
        await server.stop()
        assert asyncio.get_running_loop().time() - before < 1.0
        assert await read_end(reader) == b"0\r\n\r\n"
    assert not mesh.broadcast.is_heard
    assert caplog.records == []


async def test_more_streams_than_the_server_bears_are_refused(get, mesh):
    listeners = [mesh.broadcast.subscribe() for _ in range(MAX_CLIENTS)]
    refused = await get("/api/v1/events")
    assert (refused.status, refused.detail) == (503, f"{MAX_CLIENTS} clients listen already")
    assert len(listeners) == MAX_CLIENTS


def test_a_silent_stream_says_that_it_lives(mesh):
    async def test(server, loop):
        async with listening(server) as reader:
            for _ in range(2):
                loop.jumped += HEARTBEAT_SECONDS
                await read_to(reader, b": heartbeat\n\n")

    on_jumping_loop(mesh, test)


def test_who_reads_nothing_is_dropped_after_a_while(mesh, caplog):
    big = [ServiceRemoved(host="a" * 1_000_000)] * 16

    async def test(server, loop):
        with socket.socket() as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.setblocking(False)
            host, _, port = server.address.rpartition(":")
            await loop.sock_connect(idle, (host, int(port)))
            await loop.sock_sendall(idle, REQUEST)
            await until(lambda: mesh.broadcast.is_heard)
            (listener,) = mesh.broadcast._listeners
            mesh.broadcast.publish(big)
            await until(lambda: not listener._waiting)  # so it is being written
            for _ in range(10):
                await asyncio.sleep(0)
            assert mesh.broadcast.is_heard
            loop.jumped += WRITE_SECONDS
            await until(lambda: not mesh.broadcast.is_heard)
            assert listener.is_dropped

    on_jumping_loop(mesh, test)
    assert caplog.records == []


@pytest.mark.parametrize("method", ["HEAD", "POST"])
async def test_only_a_get_listens(server, mesh, method):
    reader, writer = await connect(server.address)
    writer.write(REQUEST.replace(b"GET", method.encode()))
    assert b" 405 " in await read_to(reader, b"\r\n")
    assert not mesh.broadcast.is_heard
    await hang_up(writer)
