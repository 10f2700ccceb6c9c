"""Gateways, clocks and doors to knock at."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from globaldns.model.export import Gateway

CEILING_SECONDS = 20.0
WEST = Gateway("network2", "203.0.113.20", 15443, "west")
NAMED = Gateway("network2", "gw.example", 15443, "west")


def gateway(address: str = "127.0.0.1", port: int = 15443, cluster: str = "west") -> Gateway:
    return Gateway("network2", address, port, cluster)


def free_port() -> int:
    """Return a port where nothing listened a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Door:
    """A TCP port that opens to whoever connects, as long as it is open; counts who came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.callers = 0

    def _open(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        writer.transport.abort()


@asynccontextmanager
async def opened(port: int = 0, address: str = "127.0.0.1") -> AsyncIterator[Door]:
    """Open a door for as long as it is needed."""
    door = Door(port)
    server = await asyncio.start_server(door._open, address, port)
    async with server:
        door.port = server.sockets[0].getsockname()[1]
        yield door


async def until(holds: Callable[[], bool]) -> None:
    """Let others have their turns until a condition holds."""
    end = time.monotonic() + CEILING_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.01)


def answer(query: bytes, *records: str, rcode: str = "NOERROR", flags: int = 0) -> bytes:
    """Return a reply; a record is written ``owner ttl type data``."""
    reply = dns.message.make_response(dns.message.from_wire(query))
    reply.set_rcode(dns.rcode.from_text(rcode))
    reply.flags |= flags | dns.flags.RA
    for record in records:
        owner, ttl, kind, data = record.split(maxsplit=3)
        reply.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, data))
    return reply.to_wire()
