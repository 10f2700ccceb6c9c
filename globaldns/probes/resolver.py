"""A stub resolver: the addresses of a name with their TTL, which ``getaddrinfo`` does not tell.

Every question has an id of chance and a socket of its own, connected, so with a port of chance too:
who wants to answer in the resolver's place has 32 bits to guess (RFC 5452). Names are asked as they
stand: there is no search list, and no hosts file.

Standards:
    RFC 1035 section 4.2, RFC 7766   UDP, then TCP where the answer is truncated
    resolv.conf(5)                   ``nameserver`` lines, three at the most
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from globaldns.dns.codes import Rrtype
from globaldns.errors import ServerError
from globaldns.probes.message import (
    Answer,
    Question,
    decode_answer,
    encode_question,
    is_final,
    is_truncated,
)

RESOLV_CONF = Path("/etc/resolv.conf")
TRY_SECONDS = 2.0
"""How long a resolver is given; what it must fetch itself takes less."""
ROUNDS = 2
"""How often every resolver is asked: a datagram may be lost."""
MAX_SERVERS = 3
"""MAXNS of resolv.conf(5)."""
MAX_WAITING = 64
"""Datagrams that wait to be looked at; one is expected."""

Server = tuple[str, int]
"""Address and port."""


def parse_nameservers(text: str) -> tuple[Server, ...]:
    """Return the resolvers that a resolv.conf names; without any, the one of this machine."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            with suppress(ValueError):
                found.append((str(ip_address(words[1])), 53))
    return tuple(found[:MAX_SERVERS]) or (("127.0.0.1", 53),)


def read_nameservers(path: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """Return the resolvers of this machine, as its file says now.

    Raises:
        ServerError: it cannot be read.
    """
    try:
        return parse_nameservers(path.read_text(errors="replace"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ServerError(
            f"{path} cannot be read: {reason}", hint="name resolvers in routing.probes.resolvers"
        ) from error


async def resolve(name: str, servers: Sequence[Server]) -> Answer:
    """Return the addresses of a name: IPv4, or IPv6 where it has none; never both.

    A pod without IPv6 could not use half of the addresses of a name that has both.

    Raises:
        ServerError: no resolver answers, or the name has no address.
    """
    for rrtype in (Rrtype.A, Rrtype.AAAA):
        question = encode_question(name, rrtype, secrets.randbelow(1 << 16))
        answer = decode_answer(question, await _ask(question, servers))
        if answer.addresses:
            return answer
    raise ServerError("the name has no address")


async def _ask(question: Question, servers: Sequence[Server]) -> bytes:
    """Return an answer: the first that is final, else the last."""
    answer, failure = b"", "there is no resolver"
    for server in [*servers[:MAX_SERVERS]] * ROUNDS:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                answer = await exchange(question, server)
        except TimeoutError:
            failure = f"{server[0]}#{server[1]} does not answer within {TRY_SECONDS:g} s"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            failure = f"{server[0]}#{server[1]} does not answer: {reason}"
        else:
            if is_final(answer):
                break
    if not answer:
        raise ServerError(failure, hint="routing.probes.resolvers names others")
    return answer


async def exchange(question: Question, server: Server) -> bytes:
    """Return one resolver's answer, however long it takes.

    Raises:
        OSError: it cannot be reached, or hung up.
    """
    answer = await _ask_udp(question, server)
    return await _ask_tcp(question, server) if is_truncated(answer) else answer


class _Inbox(asyncio.DatagramProtocol):
    """What has come from the one peer of a connected socket."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | Exception] = asyncio.Queue(MAX_WAITING)

    def datagram_received(self, data: bytes, _address: object) -> None:
        with suppress(asyncio.QueueFull):
            self.arrived.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        with suppress(asyncio.QueueFull):
            self.arrived.put_nowait(exc)


async def _ask_udp(question: Question, server: Server) -> bytes:
    loop = asyncio.get_running_loop()
    transport, inbox = await loop.create_datagram_endpoint(_Inbox, remote_addr=server)
    try:
        transport.sendto(question.wire)
        while True:
            arrived = await inbox.arrived.get()
            if isinstance(arrived, Exception):
                raise arrived
            if question.is_answered_by(arrived):
                return arrived
    finally:
        transport.close()


async def _ask_tcp(question: Question, server: Server) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        wire = question.wire
        writer.write(len(wire).to_bytes(2) + wire)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("it hung up in its answer") from error
    finally:
        writer.transport.abort()
    if not question.is_answered_by(answer):
        raise ConnectionResetError("it answered something else")
    return answer
