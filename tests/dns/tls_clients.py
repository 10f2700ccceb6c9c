"""Servers of DNS over TLS on loopback, and clients of theirs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import dns.edns
import dns.message
import pytest

from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.server import DnsServer, ServerSettings, TlsListening
from globaldns.dns.tcp import TcpLimits
from tests.certificates import NAME, Pair

CEILING_SECONDS = 20.0


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


def query(number: int, name: str = "web.shop.global") -> bytes:
    return frame(dns.message.make_query(name, "A", id=number).to_wire())


WEB = query(1)


@asynccontextmanager
async def serving(
    responder: Responder, tls: TlsListening, **limits: Any
) -> AsyncIterator[tuple[DnsServer, int]]:
    plain = (parse_listen("127.0.0.1:0"),)
    settings = ServerSettings(listen=plain, tcp=TcpLimits(**limits), tls=tls)
    server = DnsServer(responder, settings)
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


async def read_message(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(CEILING_SECONDS):
        length = int.from_bytes(await reader.readexactly(2))
        return await reader.readexactly(length)


async def read_id(reader: asyncio.StreamReader) -> int:
    return int.from_bytes((await read_message(reader))[:2])


async def read_end(reader: asyncio.StreamReader) -> bytes:
    """What still comes before the connection ends."""
    async with asyncio.timeout(CEILING_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, ssl.SSLError):
        return


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(CEILING_SECONDS):
        while not condition():  # noqa: ASYNC110  # of the server, which has no event for it
            await asyncio.sleep(0)


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


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test moves."""

    jumped = 0.0

    def time(self) -> float:
        return super().time() + self.jumped

    async def jump(self, seconds: float) -> None:
        self.jumped += seconds
        for _ in range(5):  # a timer, what it schedules, and what that closes
            await asyncio.sleep(0)


def on_jumping_loop(
    test: Callable[[JumpingLoop, DnsServer, int], Coroutine[Any, Any, None]],
    responder: Responder,
    tls: TlsListening,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        async with serving(responder, tls) as (server, port):
            await test(loop, server, port)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(run())


def client_hello(pair: Pair) -> bytes:
    outgoing = ssl.MemoryBIO()
    client = pair.client().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
