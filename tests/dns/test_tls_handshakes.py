"""Handshakes: who gets through one, and what those hold of us who do not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from globaldns.dns.counters import Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.seats import TlsListening
from globaldns.dns.server import DnsServer
from globaldns.dns.tls import TlsConnection
from tests.certificates import Pair, make_pair
from tests.dns.streams import CEILING_SECONDS, WEB, JumpingLoop, hang_up, read_end, read_id, until
from tests.dns.tls_clients import client_hello, connect, on_jumping_loop, serving


@pytest.fixture
def listen() -> str:
    return "127.0.0.1:0"


PLAIN = {
    "dns over tcp": WEB,
    "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "zeros": bytes(4096),
    "a record of nothing": b"\x16\x03\x01\xff\xff" + bytes(70_000),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_older_versions_are_refused_and_counted(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    context = pair.client()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    async with serving(responder, tls) as (_, port):
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            await connect(port, context)
    assert responder.counters.dropped[Dropped.TLS_HANDSHAKE] == 1


async def test_who_does_not_believe_the_certificate_is_counted(
    responder: Responder, tls: TlsListening
) -> None:
    async with serving(responder, tls) as (server, port):
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, ssl.create_default_context())
        await until(lambda: not server.tcp_connections)
    # Under TLS 1.3 the server hears of it when the client's alert comes instead of its last flight.
    assert responder.counters.dropped[Dropped.TLS_HANDSHAKE] == 1


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
async def test_who_does_not_speak_tls_is_told_so_and_closed(
    responder: Responder, tls: TlsListening, data: bytes
) -> None:
    async with serving(responder, tls) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        alert = await read_end(reader)
        assert alert[:1] in {b"\x15", b""}  # RFC 8446 section 5.1; lost where much was unread
        await hang_up(writer)
        await until(lambda: not server.tcp_connections)
    assert responder.counters.dropped[Dropped.TLS_HANDSHAKE] == 1
    assert responder.counters.requests() == {}


@pytest.mark.parametrize(("limits", "allowed"), [({"per_source": 3}, 3), ({"connections": 2}, 2)])
async def test_connections_count_among_those_over_tcp_from_before_their_handshake(
    responder: Responder, tls: TlsListening, pair: Pair, limits: dict[str, int], allowed: int
) -> None:
    async with serving(responder, tls, **limits) as (server, port):
        plain = server.addresses[0].port
        silent = [
            await asyncio.open_connection("127.0.0.1", [port, plain][n % 2]) for n in range(allowed)
        ]
        await until(lambda: server.tcp_connections == allowed)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(port, pair.client())
        refused, refused_writer = await asyncio.open_connection("127.0.0.1", plain)
        assert await read_end(refused) == b""
        await hang_up(refused_writer)
        assert responder.counters.dropped[Dropped.TCP_LIMIT] == 2
        for _, writer in silent:
            await hang_up(writer)
        await until(lambda: not server.tcp_connections)
        reader, writer = await connect(port, pair.client())
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


@pytest.mark.parametrize(("share", "counted"), [(0.0, 0), (0.5, 1), (1.0, 1)])
def test_a_handshake_has_ten_seconds_whatever_of_it_has_come(
    responder: Responder, tls: TlsListening, pair: Pair, share: float, counted: int
) -> None:
    async def test(loop: JumpingLoop, server: DnsServer, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        hello = client_hello(pair)
        writer.write(hello[: int(len(hello) * share)])
        if share == 1.0:
            assert await reader.read(1) == b"\x16"  # the server's flight has come
        await until(lambda: server.tcp_connections == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        await loop.jump(9.0)
        assert server.tcp_connections == 1
        await loop.jump(1.0)
        assert server.tcp_connections == 0
        await hang_up(writer)

    on_jumping_loop(test, responder, tls)
    assert responder.counters.dropped[Dropped.TLS_HANDSHAKE] == counted
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 0


def test_a_handshake_that_drips_gains_no_time(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async def test(loop: JumpingLoop, server: DnsServer, port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: server.tcp_connections == 1)
        seconds = 0
        for octet in client_hello(pair):
            if not server.tcp_connections:
                break
            writer.write(bytes((octet,)))
            await loop.jump(1.0)
            seconds += 1
        assert 9 <= seconds <= 11
        await hang_up(writer)

    on_jumping_loop(test, responder, tls)


async def test_one_step_of_one_handshake_is_taken_in_a_turn_of_the_loop(
    responder: Responder, tls: TlsListening, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    turn = 0
    shake = TlsConnection.shake

    def count(self: TlsConnection) -> None:
        steps.append(turn)
        shake(self)

    monkeypatch.setattr(TlsConnection, "shake", count)
    hello = client_hello(pair)
    async with serving(responder, tls) as (server, port):
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
        await until(lambda: server.tcp_connections == len(streams))
        for _, writer in streams:
            writer.write(hello)
        async with asyncio.timeout(CEILING_SECONDS):
            while len(steps) < len(streams):
                turn += 1
                await asyncio.sleep(0)
        for _, writer in streams:
            await hang_up(writer)
    assert len(set(steps)) == len(steps)


async def test_who_hangs_up_while_it_waits_for_its_turn_is_passed_over(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    hello = client_hello(pair)
    async with serving(responder, tls) as (server, port):
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for _, writer in streams:
            writer.write(hello)
            writer.transport.abort()
        await until(lambda: not server.tcp_connections)
        reader, writer = await connect(port, pair.client())
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


async def test_a_new_certificate_is_for_new_connections_and_drops_no_old_one(
    responder: Responder, tmp_path: Path
) -> None:
    old, new = make_pair(tmp_path / "v1"), make_pair(tmp_path / "v2")
    data = tmp_path / "..data"
    data.symlink_to("v1")
    tls = TlsListening(
        listen=(parse_listen("127.0.0.1:0"),),
        certificate=str(data / "tls.crt"),
        key=str(data / "tls.key"),
    )
    async with serving(responder, tls) as (server, port):
        reader, writer = await connect(port, old.client())
        swapped = tmp_path / "..tmp"
        swapped.symlink_to("v2")
        swapped.replace(data)
        assert server._renewal is not None
        server._renewal.look()
        later, later_writer = await connect(port, new.client())
        for streams in ((reader, writer), (later, later_writer)):
            streams[1].write(WEB)
            assert await read_id(streams[0]) == 1
            await hang_up(streams[1])
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, old.client())


async def test_without_a_certificate_the_rest_is_answered_and_tls_is_once_it_is_there(
    responder: Responder, tmp_path: Path
) -> None:
    tls = TlsListening(
        listen=(parse_listen("127.0.0.1:0"),),
        certificate=str(tmp_path / "tls.crt"),
        key=str(tmp_path / "tls.key"),
    )
    async with serving(responder, tls) as (server, port):
        assert server.certificate_expires is None
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(port, ssl.create_default_context())
        assert responder.counters.dropped[Dropped.TLS_HANDSHAKE] == 1
        reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)
        pair = make_pair(tmp_path)
        assert server._renewal is not None
        server._renewal.look()
        assert server.certificate_expires is not None
        reader, writer = await connect(port, pair.client())
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)
