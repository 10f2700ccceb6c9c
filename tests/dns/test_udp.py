from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import dns.message
import pytest

from globaldns.dns.batch import BatchEndpoint, load_calls
from globaldns.dns.binding import IP_PKTINFO, BoundPair, bind_all
from globaldns.dns.counters import Channel, Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.udp import BATCH, UdpEndpoint, can_be_answered, reply_ancillary

CEILING_SECONDS = 20.0
WEB = dns.message.make_query("web.shop.global", "A", id=1).to_wire()


Make = Callable[[BoundPair, Responder], UdpEndpoint]


def make_batch(pair: BoundPair, responder: Responder) -> UdpEndpoint:
    calls = load_calls()
    assert calls is not None
    return BatchEndpoint(pair, responder, calls)


@pytest.fixture(params=[UdpEndpoint, make_batch], ids=["plain", "batch"])
def make(request: pytest.FixtureRequest) -> Make:
    """Each rule holds for both kinds of endpoint."""
    made: Make = request.param
    return made


@contextmanager
def endpoint(
    make: Make, text: str, responder: Responder
) -> Iterator[tuple[UdpEndpoint, socket.socket]]:
    """An endpoint that is not started yet, with its socket."""
    (pair,) = bind_all([parse_listen(text)], skip_missing=False)
    try:
        yield make(pair, responder), pair.udp
    finally:
        pair.udp.close()
        pair.tcp.close()


@asynccontextmanager
async def serving(make: Make, text: str, responder: Responder) -> AsyncIterator[int]:
    with endpoint(make, text, responder) as (udp, sock):
        udp.start()
        try:
            yield sock.getsockname()[1]
        finally:
            udp.close()


def client(family: socket.AddressFamily) -> socket.socket:
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


async def receive(sock: socket.socket) -> tuple[bytes, tuple[str, int]]:
    async with asyncio.timeout(CEILING_SECONDS):
        reply, source = await asyncio.get_running_loop().sock_recvfrom(sock, 65535)
        return reply, source[:2]


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ("0.0.0.0:0", "127.0.0.1"),
        ("0.0.0.0:0", "127.9.8.7"),
        ("127.9.8.7:0", "127.9.8.7"),
        ("[::]:0", "::1"),
        ("[::1]:0", "::1"),
    ],
)
async def test_a_reply_leaves_from_the_address_that_was_asked(
    make: Make, responder: Responder, listen: str, asked: str
) -> None:
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    async with serving(make, listen, responder) as port:
        with client(family) as sock:
            sock.sendto(WEB, (asked, port))
            reply, source = await receive(sock)
    assert reply[:2] == WEB[:2]
    assert source == (asked, port)
    assert responder.counters.requests() == {("udp", "ipv6" if ":" in asked else "ipv4", "A"): 1}


def test_packet_info_of_a_reply_has_the_local_address_and_no_interface() -> None:
    four = struct.pack("=i4s4s", 7, b"\x7f\x09\x08\x07", b"\x7f\xff\xff\xff")
    six = struct.pack("=16sI", b"\x20" * 16, 7)
    level4 = (socket.IPPROTO_IP, IP_PKTINFO)
    level6 = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
    assert reply_ancillary([(*level4, four)]) == [
        (*level4, struct.pack("=i4s4s", 0, b"\x7f\x09\x08\x07", bytes(4)))
    ]
    assert reply_ancillary([(*level6, six)]) == [(*level6, struct.pack("=16sI", b"\x20" * 16, 0))]
    assert reply_ancillary([]) == reply_ancillary([(0, 0, b"other")]) == []


@pytest.mark.parametrize(("port", "can"), [(0, False), (1, True), (53, True), (65535, True)])
def test_port_zero_cannot_be_answered(port: int, *, can: bool) -> None:
    assert can_be_answered(("192.0.2.1", port)) is can
    assert can_be_answered(("2001:db8::1", port, 0, 0)) is can


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may forge a datagram")
@pytest.mark.parametrize("batch", [[0], [0, 1, 0, 1]])
async def test_spoofed_port_zero_silences_nobody_else(
    make: Make, responder: Responder, batch: list[int]
) -> None:
    async with serving(make, "127.0.0.1:0", responder) as port:
        with (
            client(socket.AF_INET) as sock,
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as forger,
        ):
            sock.bind(("127.0.0.1", 0))
            forged = struct.pack(">4H", 0, port, 8 + len(WEB), 0) + WEB
            for is_good in (*batch, 1):
                if is_good:
                    sock.sendto(WEB, ("127.0.0.1", port))
                else:
                    forger.sendto(forged, ("127.0.0.1", 0))
            for _ in range(sum(batch) + 1):
                assert (await receive(sock))[0][:2] == WEB[:2]
    assert responder.counters.dropped[Dropped.PORT_ZERO] == batch.count(0)
    assert responder.counters.dropped[Dropped.SEND_ERROR] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may forge a datagram")
async def test_a_query_forged_from_our_own_address_is_answered_once(
    make: Make, responder: Responder
) -> None:
    """Query and reply, and the reply is not answered: two datagrams (CVE-2024-2169)."""
    async with serving(make, "127.0.0.1:0", responder) as port:
        with (
            client(socket.AF_INET) as sock,
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as forger,
        ):
            forged = struct.pack(">4H", port, port, 8 + len(WEB), 0) + WEB
            forger.sendto(forged, ("127.0.0.1", 0))
            for _ in range(3):  # each behind all that came before it
                sock.sendto(WEB, ("127.0.0.1", port))
                await receive(sock)
    assert responder.counters.responses() == {("udp", "NOERROR"): 4}
    assert responder.counters.dropped[Dropped.RESPONSE] == 1


async def test_a_reply_that_the_kernel_refuses_is_counted_and_the_next_is_sent(
    responder: Responder,
) -> None:
    """A reply to a broadcast address is refused (EACCES), as one with no route is."""
    with endpoint(UdpEndpoint, "127.0.0.1:0", responder) as (udp, sock):
        refusing = RefusingOnce(sock)
        udp._sock = refusing  # type: ignore[assignment]
        with client(socket.AF_INET) as asking:
            for _ in range(2):
                asking.sendto(WEB, sock.getsockname())
            udp._on_readable(lambda: 0.0)
            assert (await receive(asking))[0][:2] == WEB[:2]
            with pytest.raises(BlockingIOError):
                asking.recvfrom(512)
    assert responder.counters.dropped[Dropped.SEND_ERROR] == 1


class RefusingOnce:
    """A socket whose first reply the kernel refuses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._has_refused = False

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        return self._sock.recvfrom(size)

    def sendto(self, reply: bytes, source: tuple[str, int]) -> int:
        target = source if self._has_refused else ("255.255.255.255", source[1])
        self._has_refused = True
        return self._sock.sendto(reply, target)


async def test_a_turn_of_the_loop_answers_a_bounded_number(
    make: Make, responder: Responder
) -> None:
    with endpoint(make, "127.0.0.1:0", responder) as (udp, sock), client(socket.AF_INET) as asking:
        for _ in range(BATCH + 5):
            asking.sendto(WEB, sock.getsockname())
        udp._on_readable(lambda: 0.0)
        assert responder.counters.responses() == {("udp", "NOERROR"): BATCH}
        udp._on_readable(lambda: 0.0)
        assert responder.counters.responses() == {("udp", "NOERROR"): BATCH + 5}


async def test_what_waits_when_the_server_stops_is_answered(
    make: Make, responder: Responder
) -> None:
    with endpoint(make, "127.0.0.1:0", responder) as (udp, sock), client(socket.AF_INET) as asking:
        udp.start()
        asking.sendto(WEB, sock.getsockname())
        udp.close()
        assert (await receive(asking))[0][:2] == WEB[:2]


async def test_what_the_kernel_dropped_is_known_while_the_socket_is_open(
    make: Make, responder: Responder
) -> None:
    with endpoint(make, "127.0.0.1:0", responder) as (udp, sock), client(socket.AF_INET) as asking:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(1000):
            asking.sendto(WEB, sock.getsockname())
        dropped = udp.drops
        assert 0 < dropped < 1000
        assert udp.drops == dropped
        sock.close()
        assert udp.drops == 0


async def test_a_datagram_beyond_what_is_read_is_cut_off_and_no_exception(
    make: Make, responder: Responder, described: Callable[[bytes | None], str]
) -> None:
    async with serving(make, "127.0.0.1:0", responder) as port:
        with client(socket.AF_INET) as sock:
            sock.sendto(WEB + bytes(60_000), ("127.0.0.1", port))
            assert described((await receive(sock))[0]) == "NOERROR aa 1/0"


async def test_an_empty_datagram_is_silence(
    ask_udp: Callable[[bytes], Awaitable[bytes | None]],
) -> None:
    assert await ask_udp(b"") is None


def test_channels_are_those_of_udp(make: Make, responder: Responder) -> None:
    for text, channel in (("127.0.0.1:0", Channel.UDP_IPV4), ("[::1]:0", Channel.UDP_IPV6)):
        with endpoint(make, text, responder) as (udp, _):
            assert udp._channel is channel
