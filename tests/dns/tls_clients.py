"""Servers of DNS over TLS on loopback, and clients of theirs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.seats import ServerSettings, TlsListening
from globaldns.dns.server import DnsServer
from globaldns.dns.tcp import TcpLimits
from tests.certificates import NAME, Pair
from tests.dns.conftest import make_server
from tests.dns.streams import CEILING_SECONDS, JumpingLoop, Streams, run_jumping


@asynccontextmanager
async def serving(
    responder: Responder, tls: TlsListening, **limits: Any
) -> AsyncIterator[tuple[DnsServer, int]]:
    plain = (parse_listen("127.0.0.1:0"),)
    settings = ServerSettings(listen=plain, tcp=TcpLimits(**limits), tls=tls)
    server = make_server(responder, settings)
    await server.start()
    try:
        yield server, server.tls_addresses[0].port
    finally:
        await server.stop()


async def connect(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> Streams:
    async with asyncio.timeout(CEILING_SECONDS):
        return await asyncio.open_connection(
            host, port, ssl=context, server_hostname=NAME, limit=1024
        )


class Octets:
    """A client whose records a test sees: its handshake is through, its last flight not sent."""

    def __init__(self, pair: Pair, reader: asyncio.StreamReader, writer: Any) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = pair.client().wrap_bio(self.incoming, self.outgoing, server_hostname=NAME)
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, pair: Pair) -> Octets:
        client = cls(pair, *await asyncio.open_connection("127.0.0.1", port))
        while True:
            try:
                client.session.do_handshake()
            except ssl.SSLWantReadError:
                client.send()
                client.incoming.write(await client.reader.read(65536))
            else:
                return client

    def send(self, more: bytes = b"") -> None:
        """Send what the session has for the peer, and more, in one segment."""
        self.writer.write(self.outgoing.read() + more)

    async def read_all(self) -> bytes:
        """What the peer has sent when the connection ends; it must have said that it is the end."""
        self.incoming.write(await self.reader.read())
        received = bytearray()
        with suppress(ssl.SSLZeroReturnError):  # what it is told who has ended itself
            while data := self.session.read(65536):
                received += data
        return bytes(received)


def on_jumping_loop(
    test: Callable[[JumpingLoop, DnsServer, int], Coroutine[Any, Any, None]],
    responder: Responder,
    tls: TlsListening,
) -> None:
    async def run(loop: JumpingLoop) -> None:
        async with serving(responder, tls) as (server, port):
            await test(loop, server, port)

    run_jumping(run)


def client_hello(pair: Pair) -> bytes:
    outgoing = ssl.MemoryBIO()
    client = pair.client().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
