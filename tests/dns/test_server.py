from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import dns.message
import msgspec
import pytest

from globaldns.dns.certificate import read_certificate
from globaldns.dns.counters import Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.loop import DatagramLoop
from globaldns.dns.responder import Responder
from globaldns.dns.seats import ServerSettings, TlsListening
from globaldns.dns.server import DnsServer
from globaldns.dns.tcp import TcpLimits
from globaldns.errors import ListenError
from tests.certificates import make_pair
from tests.dns.conftest import make_server

CEILING_SECONDS = 20.0
WEB = dns.message.make_query("web.shop.global", "A", id=1).to_wire()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def make_plain_server(responder: Responder, *texts: str) -> DnsServer:
    return make_server(responder, ServerSettings(listen=tuple(map(parse_listen, texts))))


async def test_every_address_is_served_and_told_with_its_real_port(responder: Responder) -> None:
    server = make_plain_server(responder, "127.0.0.1:0", "127.0.0.2:0", "[::1]:0")
    await server.start()
    try:
        assert [address.host for address in server.addresses] == ["127.0.0.1", "127.0.0.2", "::1"]
        for address in server.addresses:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(len(WEB).to_bytes(2) + WEB)
            async with asyncio.timeout(CEILING_SECONDS):
                await reader.readexactly(2)
            writer.close()
            await writer.wait_closed()
    finally:
        await server.stop()


async def test_queries_wait_in_the_sockets_from_the_bind_on(responder: Responder) -> None:
    server = make_plain_server(responder, "127.0.0.1:0")
    (address,) = server.addresses
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as client:
        client.sendto(WEB, (address.host, address.port))
        await server.start()
        async with asyncio.timeout(CEILING_SECONDS):
            reply = await asyncio.get_running_loop().sock_recv(client, 512)
    await server.stop()
    assert reply[:2] == WEB[:2]


async def test_a_second_server_on_the_address_is_refused(responder: Responder) -> None:
    first = make_plain_server(responder, "127.0.0.1:0")
    await first.start()
    try:
        with pytest.raises(ListenError, match="in use"):
            make_plain_server(responder, str(first.addresses[0]))
    finally:
        await first.stop()


async def test_a_server_that_stopped_leaves_the_address_to_the_next(responder: Responder) -> None:
    first = make_plain_server(responder, "127.0.0.1:0")
    await first.start()
    (address,) = first.addresses
    reader, writer = await asyncio.open_connection(address.host, address.port)
    await first.stop()
    async with asyncio.timeout(CEILING_SECONDS):
        assert await reader.read() == b""
    second = make_plain_server(responder, str(address))
    await second.start()
    await second.stop()
    writer.close()
    await writer.wait_closed()


async def test_stopping_what_never_started_closes_its_sockets(responder: Responder) -> None:
    server = make_plain_server(responder, "127.0.0.1:0")
    (address,) = server.addresses
    await server.stop()
    await server.stop()
    again = make_plain_server(responder, str(address))
    await again.stop()


async def test_the_last_replies_leave_before_the_server_stops(
    server: DnsServer, connect: Callable[[], Awaitable[Streams]]
) -> None:
    reader, writer = await connect()
    writer.write((len(WEB).to_bytes(2) + WEB) * 3)
    async with asyncio.timeout(CEILING_SECONDS):
        await reader.readexactly(2)
    await server.stop()
    async with asyncio.timeout(CEILING_SECONDS):
        rest = await reader.read()
    assert rest.count(WEB[12:]) == 3
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, DatagramLoop])
@pytest.mark.parametrize("turns", range(6))
def test_who_was_accepted_a_moment_before_the_server_stops_may_ask_once(
    turns: int, loop: type[asyncio.SelectorEventLoop], responder: Responder
) -> None:
    async def ask() -> bytes:
        server = make_plain_server(responder, "127.0.0.1:0")
        await server.start()
        (address,) = server.addresses
        with (
            server._seat.pairs[0].tcp.dup() as also_listening,
            socket.create_connection((address.host, address.port), CEILING_SECONDS) as client,
        ):
            for _ in range(turns):
                await asyncio.sleep(0)
            stopping = asyncio.create_task(server.stop())
            client.sendall(len(WEB).to_bytes(2) + WEB)
            await stopping
            with suppress(BlockingIOError):
                left, _ = also_listening.accept()
                left.close()
                return b""
            return client.recv(512)

    with asyncio.Runner(loop_factory=loop) as runner:
        reply = runner.run(ask())
    assert reply[2:4] == WEB[:2] or (turns < 2 and reply == b"")


async def test_drops_of_every_socket_are_counted_once_however_often_they_are_noted(
    server: DnsServer, responder: Responder
) -> None:
    address = server.addresses[0]
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    for endpoint in server._endpoints:
        endpoint._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        for _ in range(1000):
            client.sendto(WEB, (address.host, address.port))
    dropped = responder.counters.dropped
    assert dropped[Dropped.SOCKET_BUFFER] == 0
    for _ in range(2):
        server.note_standing()
        dropped = responder.counters.dropped
        assert 0 < dropped[Dropped.SOCKET_BUFFER] < 1000
        assert dropped[Dropped.SOCKET_BUFFER] == sum(one.drops for one in server._endpoints)
    await server.stop()
    server.note_standing()
    assert responder.counters.dropped == dropped


async def test_how_it_stands_is_shown_with_what_was_counted(
    responder: Responder, tmp_path: Path
) -> None:
    pair = make_pair(tmp_path)
    server = make_tls_server(responder, "127.0.0.1:0", folder=tmp_path)
    await server.start()
    (address,) = server.addresses
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(len(WEB).to_bytes(2) + WEB)
    async with asyncio.timeout(CEILING_SECONDS):
        await reader.readexactly(2)
    counters = responder.counters
    assert (counters.tcp_connections, counters.certificate_expires) == (0, None)
    server.note_standing()
    expires = read_certificate(pair.certificate, pair.key).expires
    assert (counters.tcp_connections, counters.certificate_expires) == (1, expires)
    await server.stop()
    server.note_standing()
    assert counters.tcp_connections == 0
    writer.close()
    await writer.wait_closed()


def make_tls_server(responder: Responder, *texts: str, folder: Path) -> DnsServer:
    tls = TlsListening(
        listen=tuple(map(parse_listen, texts)),
        certificate=str(folder / "tls.crt"),
        key=str(folder / "tls.key"),
    )
    return make_server(responder, ServerSettings(listen=(parse_listen("127.0.0.1:0"),), tls=tls))


async def test_addresses_of_tls_are_bound_with_the_rest_and_freed_with_it(
    responder: Responder, tmp_path: Path
) -> None:
    server = make_tls_server(responder, "127.0.0.1:0", "[::1]:0", folder=tmp_path)
    assert [address.host for address in server.tls_addresses] == ["127.0.0.1", "::1"]
    assert len(server.addresses) == 1
    address = server.tls_addresses[0]
    await server.stop()
    again = make_tls_server(responder, str(address), folder=tmp_path)
    await again.stop()


async def test_where_tls_cannot_listen_nothing_does(responder: Responder, tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"{taken} is in use"):
            make_tls_server(responder, "127.0.0.1:0", taken, folder=tmp_path)


async def test_limits_and_certificate_change_while_it_runs(
    responder: Responder, tmp_path: Path
) -> None:
    first, second = make_pair(tmp_path, days=9), make_pair(tmp_path, "new", days=99)
    server = make_tls_server(responder, "127.0.0.1:0", folder=tmp_path)
    server.reconfigure(server._settings)  # before its start: nothing to do yet
    await server.start()
    try:
        before = server.certificate_expires
        tls = server._settings.tls
        assert tls is not None
        tls = msgspec.structs.replace(tls, certificate=str(second.certificate), key=str(second.key))
        server.reconfigure(ServerSettings(tcp=TcpLimits(connections=7), tls=tls))
        assert server._connections is not None
        assert server._connections.limits.connections == 7
        expires = read_certificate(second.certificate, second.key).expires
        assert server.certificate_expires == expires
        assert before == read_certificate(first.certificate, first.key).expires
    finally:
        await server.stop()
