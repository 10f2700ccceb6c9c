"""Queries over TCP.

A connection is in one of these states, and has one deadline::

    idle        no octets of a next message          closed after 30 s
    receiving   a part of a message                  closed 10 s after its first octet
    blocked     replies wait for the peer to read    reading stops; aborted after 30 s
    ending      the peer has half-closed             what came whole is answered, then closed

Messages come in any segmentation (two octets of length, then the message), many at once, and are
answered in order, the replies of a turn of the loop in one write. A turn answers a bounded number
of all connections together; who has more waits in a row for the next, and is not read from. So
neither a connection nor many of them keep the others and UDP waiting.

Standards:
    RFC 7766          sections 6.2.1.1 pipelining, 6.2.3 idle time-outs, 8 framing, 10 limits
    RFC 1035 section 4.2.2
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

import msgspec

from globaldns.dns.counters import Channel, Dropped
from globaldns.dns.fast import FastResponder
from globaldns.dns.responder import Responder, Source
from globaldns.dns.turns import Turns
from globaldns.dns.wire import HEADER_OCTETS, ID_OCTETS

BURST = 64
"""Messages that are answered in one turn of the loop."""

WRITE_BUFFER_OCTETS = 65536
"""Replies that may wait for a slow reader before no more is read from it: one of the largest."""

_LENGTH_OCTETS = 2
_CLOSING_SECONDS = 5.0
"""How long replies may go on leaving after the end of a connection was decided."""


class TcpLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What clients may hold of us."""

    connections: int = 1024
    """In all; each has a file descriptor."""
    per_source: int = 128
    """From one address."""
    idle_seconds: float = 30.0
    """RFC 7766 section 6.2.3; above the 10 s that CoreDNS keeps an unused connection."""
    message_seconds: float = 10.0
    """From the first octet of a message to its last; who sends slower holds on to us."""


class Connections:
    """All TCP connections of a server."""

    def __init__(self, responder: Responder, limits: TcpLimits) -> None:
        self.responder = responder
        self.limits = limits
        self._open: set[Connection] = set()
        self._per_source: Counter[str] = Counter()
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._fast: dict[Channel, FastResponder] = {}
        self._budget = BURST
        """How many more messages may be answered until somebody has to wait for a turn."""
        self._turns = Turns()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return Connection(self)

    def admit(self, connection: Connection, address: str) -> bool:
        """Count a connection in, unless there are too many."""
        limits = self.limits
        is_full = len(self._open) >= limits.connections
        if is_full or self._per_source[address] >= limits.per_source:
            self.responder.counters.drop(Dropped.TCP_LIMIT)
            return False
        self._open.add(connection)
        self._per_source[address] += 1
        self._none_left.clear()
        return True

    def release(self, connection: Connection, address: str) -> None:
        """Count a connection out that was admitted."""
        self._open.remove(connection)
        self._per_source[address] -= 1
        if not self._per_source[address]:
            del self._per_source[address]
        if not self._open:
            self._none_left.set()

    def fast(self, channel: Channel) -> FastResponder:
        """Return what answers all connections of a channel."""
        found = self._fast.get(channel)
        if found is None:
            found = self._fast[channel] = FastResponder(self.responder, channel)
        return found

    def may_answer(self) -> bool:
        """Whether one more message may be answered in this turn, which counts it."""
        if not self._budget:
            return False
        self._budget -= 1
        return True

    def wait(self, connection: Connection) -> None:
        """Let a connection go on in a turn to come, when it is its own."""

        def go_on() -> None:
            self._budget = BURST
            connection.go_on()

        self._turns.offer(go_on)

    async def close(self, seconds: float) -> None:
        """Close all, when their replies have left or after some seconds.

        A connection that has asked nothing yet may ask once: its client cannot know.
        """
        for connection in tuple(self._open):
            connection.retire()
        try:
            async with asyncio.timeout(seconds):
                await self._none_left.wait()
        except TimeoutError:
            for connection in tuple(self._open):
                connection.abort()
            await self._none_left.wait()


class Connection(asyncio.Protocol):
    """One TCP connection."""

    channels = (Channel.TCP_IPV4, Channel.TCP_IPV6)

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._responder = connections.responder
        self._limits = connections.limits
        self._loop = asyncio.get_running_loop()
        self._source: Source = ("", 0)
        self._channel = self.channels[0]
        self._received = bytearray()
        self._replies = bytearray()
        """Those of this turn, each with its length."""
        self._is_admitted = False
        self._is_blocked = False
        self._has_ended = False
        """Whether the peer has half-closed."""
        self._is_new = True
        """Whether it has had no reply."""
        self._is_retiring = False
        """Whether its next reply is the last."""
        self._is_waiting = False
        """Whether it has more messages than could be answered in a turn."""
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is room for it."""
        self._transport = cast("asyncio.Transport", transport)
        self._source = transport.get_extra_info("peername") or self._source
        if len(self._source) > len(("address", "port")):
            self._channel = self.channels[1]
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_OCTETS)
        self._is_admitted = self._connections.admit(self, self._source[0])
        if self._is_admitted:
            self._begin()
        else:
            self._transport.abort()

    def _begin(self) -> None:
        """Begin to receive; the connection is admitted."""
        self._set_deadline(self._limits.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Let go of everything."""
        self._is_waiting = False
        if self._timer is not None:
            self._timer.cancel()
        if self._is_admitted:
            self._connections.release(self, self._source[0])

    def data_received(self, data: bytes) -> None:
        """Answer what has come whole."""
        if not self._received:
            self._set_deadline(self._limits.message_seconds)
        self._received += data
        if not self._is_waiting:
            self._answer()

    def eof_received(self) -> bool:
        """Answer what has come whole before closing; return whether that is still to do."""
        self._has_ended = True
        return self._is_blocked or self._is_waiting

    def pause_writing(self) -> None:
        """Read nothing more while replies wait for the peer."""
        self._is_blocked = True
        self._transport.pause_reading()
        self._set_deadline(self._limits.idle_seconds)

    def resume_writing(self) -> None:
        """Go on where the replies got stuck."""
        self._is_blocked = False
        if not self._is_waiting:
            self._answer()

    def retire(self) -> None:
        """Close when the replies have left, or the first has."""
        if self._is_new or self._received:
            self._is_retiring = True
        else:
            self.end()

    def end(self) -> None:
        """Close when the replies have left."""
        self._transport.close()
        self._set_deadline(_CLOSING_SECONDS)

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def go_on(self) -> None:
        """Answer what waits, unless the connection is lost."""
        if self._is_waiting:
            self._is_waiting = False
            self._answer()

    def _answer(self) -> None:
        answered = 0
        while not (self._is_blocked or self._transport.is_closing()) and self._has_message():
            if not self._connections.may_answer():
                self._send_replies()
                self._transport.pause_reading()
                self._is_waiting = True
                self._connections.wait(self)
                if answered:
                    self._set_deadline(self._limits.message_seconds)
                return
            self._answer_one()
            answered += 1
        self._send_replies()
        if self._is_blocked or self._transport.is_closing():
            return
        self._await_more(progressed=answered > 0)

    def _await_more(self, *, progressed: bool) -> None:
        if self._has_ended or (self._is_retiring and progressed):
            self.end()
            return
        self._transport.resume_reading()
        if not self._received:
            self._set_deadline(self._limits.idle_seconds)
        elif progressed:
            self._set_deadline(self._limits.message_seconds)

    def _has_message(self) -> bool:
        """Whether a message, or the length of one that is too short, waits to be taken."""
        if len(self._received) < _LENGTH_OCTETS:
            return False
        length = self._message_octets()
        return length < HEADER_OCTETS or len(self._received) >= _LENGTH_OCTETS + length

    def _message_octets(self) -> int:
        return self._received[0] << 8 | self._received[1]

    def _answer_one(self) -> None:
        length = self._message_octets()
        if length < HEADER_OCTETS:
            self._responder.counters.drop(Dropped.SHORT)
            self._send_replies()
            self.end()
            return
        end = _LENGTH_OCTETS + length
        message = bytes(self._received[_LENGTH_OCTETS:end])
        del self._received[:end]
        self._is_new = False
        reply = self._reply(message, self._loop.time())
        if reply is not None:
            self._replies += len(reply).to_bytes(_LENGTH_OCTETS)
            self._replies += reply
            if len(self._replies) >= WRITE_BUFFER_OCTETS:
                self._send_replies()

    def _reply(self, message: bytes, now: float) -> bytes | None:
        if self._responder.query_log is not None:
            return self._responder.serve(message, self._source, self._channel, now)
        reply = self._connections.fast(self._channel).respond(message[ID_OCTETS:], now)
        return None if reply is None else message[:ID_OCTETS] + reply

    def _send_replies(self) -> None:
        if self._replies and not self._transport.is_closing():
            replies, self._replies = self._replies, bytearray()
            self._send(replies)

    def _send(self, data: bytearray) -> None:
        """Send something in one write."""
        self._transport.write(data)

    def _set_deadline(self, seconds: float) -> None:
        """Set when the connection ends; its timer is moved only to an earlier time."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)
            return
        self._expire()

    def _expire(self) -> None:
        """End, for the deadline has passed."""
        if self._received or self._is_blocked:
            self._responder.counters.drop(Dropped.TCP_TIMEOUT)
        self._timer = None
        if self._is_blocked or self._transport.is_closing():
            self._transport.abort()
        else:
            self.end()
