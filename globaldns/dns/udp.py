"""Queries over UDP: read a few, answer them, give the loop a turn.

A reply leaves from the address that the query was sent to. A socket that is bound to one address
does so by itself; one that is bound to the wildcard is told by the kernel where each query was sent
to (packet info), and tells it where each reply is from.

Standards:
    RFC 1122 section 4.1.3.5, RFC 3542 section 6   source addresses, packet info
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from struct import Struct as Layout

from globaldns.dns.binding import IP_PKTINFO, BoundPair
from globaldns.dns.counters import Channel, Counters, Dropped
from globaldns.dns.responder import Responder, Source
from globaldns.model.address import Family

BATCH = 64
"""Queries per turn of the loop: some 500 µs, so that connections and deltas do not wait."""

MAX_QUERY_OCTETS = 4096
"""What a query has beyond it is cut off; a question with options needs less than 600."""

_SO_MEMINFO = 55
"""linux socket.h: nine 32-bit counters of a socket; the last are its drops (sock_diag(7))."""
_MEMINFO = Layout("=9I")
_DROPS = 8

_PKTINFO4 = Layout("=i4s4s")
"""ip(7): interface, local address, destination in the header."""
_PKTINFO6 = Layout("=16sI")
"""RFC 3542 section 6.1: address, interface."""

Ancillary = list[tuple[int, int, bytes]]


def can_be_answered(source: Source) -> bool:
    """Whether a reply can be sent to a source: the kernel refuses port 0, after the work."""
    return source[1] != 0


def reply_ancillary(received: Ancillary) -> Ancillary:
    """Return the packet info of a reply, which leaves from where the query was sent to.

    The interface is left open: the way back may be another one. That of a link-local peer is in its
    socket address.
    """
    for level, kind, data in received:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            local = _PKTINFO4.unpack_from(data)[1]
            return [(level, kind, _PKTINFO4.pack(0, local, bytes(4)))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            local = _PKTINFO6.unpack_from(data)[0]
            return [(level, kind, _PKTINFO6.pack(local, 0))]
    return []


class UdpEndpoint:
    """One UDP socket, read whenever it has something."""

    def __init__(self, pair: BoundPair, responder: Responder) -> None:
        self._sock = pair.udp
        self._responder = responder
        self._counters: Counters = responder.counters
        is_ipv4 = pair.listen.family is Family.IPV4
        self._channel = Channel.UDP_IPV4 if is_ipv4 else Channel.UDP_IPV6
        self._serve_one = self._serve_wildcard if pair.listen.is_wildcard else self._serve_bound
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Read from now on, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock, self._on_readable, self._loop.time)

    def close(self) -> None:
        """Answer what already waits, and close."""
        if self._loop is not None:
            self._loop.remove_reader(self._sock)
            self._on_readable(self._loop.time)
        self._sock.close()

    @property
    def drops(self) -> int:
        """What the kernel has dropped because the buffer was full, since the socket is; 32 bits."""
        try:
            meminfo = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:
            return 0  # closed, or a kernel before 4.12
        return int(_MEMINFO.unpack(meminfo)[_DROPS])

    def _on_readable(self, clock: Callable[[], float]) -> None:
        now = clock()
        for _ in range(BATCH):
            try:
                self._serve_one(now)
            except BlockingIOError:
                return
            except OSError:
                self._counters.drop(Dropped.RECEIVE_ERROR)

    def _serve_bound(self, now: float) -> None:
        query, source = self._sock.recvfrom(MAX_QUERY_OCTETS)
        reply = self._reply(query, source, now)
        if reply is None:
            return
        try:
            self._sock.sendto(reply, source)
        except OSError:  # a full buffer too: waiting for it would stop the reading
            self._counters.drop(Dropped.SEND_ERROR)

    def _serve_wildcard(self, now: float) -> None:
        space = socket.CMSG_SPACE(_PKTINFO6.size)
        query, received, _, source = self._sock.recvmsg(MAX_QUERY_OCTETS, space)
        reply = self._reply(query, source, now)
        if reply is None:
            return
        try:
            self._sock.sendmsg([reply], reply_ancillary(received), 0, source)
        except OSError:
            self._counters.drop(Dropped.SEND_ERROR)

    def _reply(self, query: bytes, source: Source, now: float) -> bytes | None:
        if not can_be_answered(source):
            self._counters.drop(Dropped.PORT_ZERO)
            return None
        return self._responder.serve(query, source, self._channel, now)
