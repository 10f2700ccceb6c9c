"""DNS over TLS through real sockets: as over TCP, in records."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl

import dns.edns
import dns.message
import pytest

from globaldns.dns.counters import Dropped
from globaldns.dns.fast import FastResponder
from globaldns.dns.responder import Responder
from globaldns.dns.seats import TlsListening
from globaldns.dns.server import DnsServer
from globaldns.dns.tcp import BURST
from globaldns.dns.tls import TlsConnection
from tests.certificates import NAME, Pair
from tests.dns.streams import (
    CEILING_SECONDS,
    WEB,
    JumpingLoop,
    frame,
    hang_up,
    query,
    read_end,
    read_id,
    read_message,
    until,
)
from tests.dns.tls_clients import Octets, connect, on_jumping_loop, serving


@pytest.fixture
def listen() -> str:
    return "127.0.0.1:0"


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_query_is_answered_and_counted_as_dot(
    responder: Responder, tls: TlsListening, pair: Pair, listen: str, version: ssl.TLSVersion
) -> None:
    context = pair.client()
    context.minimum_version = context.maximum_version = version
    async with serving(responder, tls) as (server, port):
        reader, writer = await connect(port, context, server.tls_addresses[0].host)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "dot"
        writer.write(WEB)
        reply = dns.message.from_wire(await read_message(reader))
        assert [str(record) for record in reply.answer[0]] == ["240.128.2.3"]
        assert server.tcp_connections == 1
        await hang_up(writer)
    family = "ipv6" if ":" in listen.removesuffix(":0") else "ipv4"
    assert responder.counters.requests() == {("dot", family, "A"): 1}
    assert responder.counters.responses() == {("dot", "NOERROR"): 1}


@pytest.mark.parametrize("protocols", [[], ["h2"], ["h2", "dot"]])
async def test_the_application_protocol_is_offered_and_not_required(
    responder: Responder, tls: TlsListening, pair: Pair, protocols: list[str]
) -> None:
    context = ssl.create_default_context(cafile=str(pair.certificate))
    if protocols:
        context.set_alpn_protocols(protocols)
    async with serving(responder, tls) as (_, port):
        reader, writer = await connect(port, context)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert chosen == ("dot" if "dot" in protocols else None)
        writer.write(WEB)
        assert await read_id(reader) == 1
        await hang_up(writer)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("count", [3, 3 * BURST])
async def test_many_messages_are_answered_in_order_in_any_segmentation(
    responder: Responder, tls: TlsListening, pair: Pair, size: int, count: int
) -> None:
    data = b"".join(map(query, range(count)))[: 200 * size if size > 1 else None]
    async with serving(responder, tls) as (_, port):
        reader, writer = await connect(port, pair.client())
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
        whole = len(data) // len(WEB)
        assert [await read_id(reader) for _ in range(whole)] == list(range(whole))
        await hang_up(writer)


async def test_a_reply_of_several_records_comes_whole_and_who_reads_late_gets_everything(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    count = 1_500
    async with serving(responder, tls) as (server, port):
        narrow = socket.socket()  # so that replies cannot all wait in the kernel
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(
            sock=narrow, ssl=pair.client(), server_hostname=NAME, limit=1024
        )
        writer.write(b"".join(query(n, "big.shop.global") for n in range(count)))
        await until(lambda: is_blocked(server))
        replies = [await read_message(reader) for _ in range(count)]
        assert [int.from_bytes(reply[:2]) for reply in replies] == list(range(count))
        assert {len(dns.message.from_wire(reply).answer[0]) for reply in replies[::100]} == {400}
        await hang_up(writer)


def is_blocked(server: DnsServer) -> bool:
    connections = server._connections
    return connections is not None and any(c._is_blocked for c in connections._open)


async def test_the_largest_reply_fits_into_its_records(
    responder: Responder, tls: TlsListening, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = b"\0\1" + bytes(65_533)
    monkeypatch.setattr(FastResponder, "respond", lambda *_: largest[2:])
    async with serving(responder, tls) as (_, port):
        reader, writer = await connect(port, pair.client())
        writer.write(WEB)
        assert await read_message(reader) == largest
        await hang_up(writer)


@pytest.mark.parametrize("count", [1, 200])
async def test_what_came_before_the_peer_s_end_is_answered_then_ended(
    responder: Responder, tls: TlsListening, pair: Pair, count: int
) -> None:
    """RFC 8446 section 6.1: close_notify ends one direction, the other is still read."""
    async with serving(responder, tls) as (_, port), asyncio.timeout(CEILING_SECONDS):
        client = await Octets.connect(port, pair)
        client.session.write(b"".join(map(query, range(count))))
        with pytest.raises(ssl.SSLWantReadError):
            client.session.unwrap()
        client.send()  # with the last of the handshake
        assert (await client.read_all()).count(WEB[14:]) == count
        await hang_up(client.writer)
    assert responder.counters.responses() == {("dot", "NOERROR"): count}


async def test_what_came_before_a_half_close_without_a_word_is_answered(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async with serving(responder, tls) as (_, port), asyncio.timeout(CEILING_SECONDS):
        client = await Octets.connect(port, pair)
        client.session.write(WEB)
        client.send()
        client.writer.write_eof()
        await until(lambda: bool(responder.counters.responses()))
        await client.reader.read()
        await hang_up(client.writer)


async def test_rubbish_after_the_handshake_is_told_and_ends_the_connection(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async with serving(responder, tls) as (server, port), asyncio.timeout(CEILING_SECONDS):
        client = await Octets.connect(port, pair)
        client.session.write(WEB)
        client.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac"):
            await client.read_all()
        await hang_up(client.writer)
        await until(lambda: not server.tcp_connections)


def test_an_idle_connection_is_ended_after_thirty_seconds_with_a_word(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async def test(loop: JumpingLoop, server: DnsServer, port: int) -> None:
        reader, writer = await connect(port, pair.client())
        for _ in range(3):
            writer.write(WEB)
            assert await read_id(reader) == 1
            await loop.jump(29.0)
            assert server.tcp_connections == 1
        await loop.jump(1.0)
        assert await read_end(reader) == b""
        await hang_up(writer)

    on_jumping_loop(test, responder, tls)
    assert responder.counters.dropped[Dropped.TCP_TIMEOUT] == 0


async def test_the_last_replies_leave_before_the_server_stops(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async with serving(responder, tls) as (_, port):
        reader, writer = await connect(port, pair.client())
        writer.write(WEB * 3)
        assert await read_id(reader) == 1
    assert (await read_end(reader)).count(WEB[14:]) == 2
    await hang_up(writer)


@pytest.mark.parametrize("asked", [None, 0, 128])
async def test_a_reply_is_padded_where_the_query_is(
    responder: Responder, tls: TlsListening, pair: Pair, asked: int | None
) -> None:
    options = [] if asked is None else [dns.edns.GenericOption(12, bytes(asked))]
    message = dns.message.make_query("web.shop.global", "A", use_edns=0, options=options)
    async with serving(responder, tls) as (_, port):
        reader, writer = await connect(port, pair.client())
        writer.write(frame(message.to_wire()))
        reply = await read_message(reader)
        assert (len(reply) == 468) is (asked is not None)
        assert len(dns.message.from_wire(reply).answer[0]) == 1
        await hang_up(writer)


async def test_nothing_of_a_connection_is_left(
    responder: Responder, tls: TlsListening, pair: Pair
) -> None:
    async with serving(responder, tls) as (server, port):
        for _ in range(5):
            reader, writer = await connect(port, pair.client())
            writer.write(WEB)
            assert await read_id(reader) == 1
            await hang_up(writer)
        await until(lambda: not server.tcp_connections)
        await asyncio.sleep(0)
        gc.collect()
        assert [one for one in gc.get_objects() if isinstance(one, TlsConnection)] == []
