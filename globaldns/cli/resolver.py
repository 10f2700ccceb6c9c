"""Asking one DNS server one question: UDP, then TCP where the answer is truncated."""

from __future__ import annotations

import secrets
import socket
import time

import msgspec

from globaldns.dns.message import Message, decode_message, encode_query
from globaldns.errors import ServerError, ServerUnreachable

TRIES = 2
TRY_SECONDS = 2.0
"""What CoreDNS waits for one upstream's answer."""
MAX_DATAGRAM_OCTETS = 65_535


class Answered(msgspec.Struct, frozen=True):
    """An answer and how it came."""

    message: Message
    server: str
    protocol: str
    milliseconds: float


def ask(name: str, rrtype: int, *, host: str, port: int, tcp: bool) -> Answered:
    """Return a server's answer.

    Raises:
        ServerError: it gave none, or one that does not parse.
    """
    query = encode_query(name, rrtype, query_id=secrets.randbelow(1 << 16))
    server = f"{host}#{port}"
    started = time.monotonic()
    try:
        message = None if tcp else _ask_udp(query, (host, port))
        protocol = "UDP"
        if message is None or message.is_truncated:
            message, protocol = _ask_tcp(query, (host, port)), "TCP"
    except OSError as error:
        raise ServerUnreachable(
            f"{server} does not answer: {error.strerror or 'timed out'}".lower(),
            hint="is it running? globaldns serve; another one is asked with --at ADDRESS:PORT",
        ) from error
    return Answered(message, server, protocol, (time.monotonic() - started) * 1000)


def _ask_udp(query: bytes, address: tuple[str, int]) -> Message:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        # Connected: only this server's datagrams arrive, and a refusal is an error at once.
        connection.connect(address)
        for _ in range(TRIES):
            connection.send(query)
            if (answer := _await_datagram(connection, query)) is not None:
                return answer
    raise TimeoutError


def _await_datagram(connection: socket.socket, query: bytes) -> Message | None:
    """Return the answer with the query's id; what has another one is not for us."""
    deadline = time.monotonic() + TRY_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            wire = connection.recv(MAX_DATAGRAM_OCTETS)
        except TimeoutError:
            return None
        if wire[:2] == query[:2]:
            return decode_message(wire)
    return None


def _ask_tcp(query: bytes, address: tuple[str, int]) -> Message:
    with socket.create_connection(address, TRIES * TRY_SECONDS) as connection:
        connection.sendall(len(query).to_bytes(2) + query)
        with connection.makefile("rb") as stream:
            length = int.from_bytes(stream.read(2))
            wire = stream.read(length)
    if not wire or len(wire) < length:
        raise ServerError(f"{address[0]}#{address[1]} closed the connection in its answer")
    return decode_message(wire)
