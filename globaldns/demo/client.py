"""A cluster's client: it asks its globaldns for a name, and calls what it is answered."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
from collections import Counter
from http import HTTPStatus

import msgspec

from globaldns.demo.applications import Said
from globaldns.demo.plan import ADMIN_PORT, DNS_PORT, Speech
from globaldns.demo.words import AgentReply, Ask, Read, Tally
from globaldns.dns.codes import Rrtype
from globaldns.errors import ServerError
from globaldns.model.address import is_address
from globaldns.probes.message import decode_answer, encode_question

LANES = 8
"""Connections at once, each kept for one request after the other."""
SECONDS = 10.0
"""How long a request may take."""
_DNS_SECONDS = 5.0
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_LOOPBACK = "127.0.0.1"


class Connection:
    """A connection to a VIP, made anew when it ended."""

    def __init__(self, vip: str, ask: Ask) -> None:
        self._vip = vip
        self._ask = ask
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self) -> Tally:
        """Return the end of one request."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._call()
        except TimeoutError:
            return self._fail(f"no answer within {SECONDS:.0f} s")
        except asyncio.IncompleteReadError:
            return self._fail("the connection was closed without an answer")
        except OSError as error:
            # asyncio writes a text of its own over the kernel's.
            return self._fail(os.strerror(error.errno).lower() if error.errno else str(error))

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _fail(self, why: str) -> Tally:
        self.close()
        return Tally(failure=why, count=1)

    async def _call(self) -> Tally:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._vip, self._ask.port)
        reader, writer = self._streams
        if self._ask.speech is Speech.TCP:
            writer.write(b"who are you\n")
            return to_tally(HTTPStatus.OK, await reader.readuntil(b"\n"))
        writer.write(f"GET / HTTP/1.1\r\nhost: {self._ask.host}\r\n\r\n".encode())
        return to_tally(*await read_response(reader))


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body of a response whose length is told.

    Raises:
        IncompleteReadError: it ends in the middle.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return int(head.split(b" ", 2)[1]), body


def to_tally(status: int, body: bytes) -> Tally:
    """Return an answer as the end of a request."""
    if status != HTTPStatus.OK:
        return Tally(failure=f"{status} {body.decode(errors='replace').strip()}", count=1)
    try:
        said = msgspec.json.decode(body, type=Said)
    except msgspec.DecodeError:
        return Tally(failure="an answer of somebody else", count=1)
    return Tally(said.cluster, said.workload, said.caller, count=1)


def add_up(tallies: list[Tally]) -> tuple[Tally, ...]:
    """Return requests that came to the same end as one tally, sorted."""
    return tuple(
        msgspec.structs.replace(end, count=count) for end, count in sorted(Counter(tallies).items())
    )


async def call(ask: Ask) -> AgentReply:
    """Resolve a host and call it; of each connection the requests follow one another."""
    try:
        vip = await asyncio.to_thread(resolve, ask.host)
    except (OSError, ServerError) as error:
        return AgentReply(error=f"{ask.host}: {error}")
    shares = [ask.count // LANES + (lane < ask.count % LANES) for lane in range(LANES)]
    lanes = await asyncio.gather(*(_run_lane(vip, ask, share) for share in shares if share))
    return AgentReply(vip=vip, tallies=add_up([one for lane in lanes for one in lane]))


async def _run_lane(vip: str, ask: Ask, count: int) -> list[Tally]:
    connection = Connection(vip, ask)
    try:
        return [await connection.call() for _ in range(count)]
    finally:
        connection.close()


def resolve(host: str) -> str:
    """Return the first address of a host, as this cluster's globaldns answers; of one it is that.

    Raises:
        OSError: it does not answer.
        ServerError: it has none.
    """
    if is_address(host):
        return host
    question = encode_question(host, Rrtype.A, secrets.randbelow(1 << 16))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_DNS_SECONDS)
        asking.connect((_LOOPBACK, DNS_PORT))
        asking.send(question.wire)
        wire = asking.recv(65535)
    if not question.is_answered_by(wire):
        raise ServerError("what came back is no answer")
    found = decode_answer(question, wire).addresses
    if not found:
        raise ServerError("it has no IPv4 address (NODATA)")
    return min(found)


async def read(request: Read) -> AgentReply:
    """Return what the admin endpoint of this cluster's globaldns says."""
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(_LOOPBACK, ADMIN_PORT)
            try:
                writer.write(f"GET {request.path} HTTP/1.0\r\nhost: {_LOOPBACK}\r\n\r\n".encode())
                status, body = await read_response(reader)
            finally:
                writer.close()
    except (TimeoutError, OSError, asyncio.IncompleteReadError):
        return AgentReply()
    return AgentReply(status=status, body=body.decode())
