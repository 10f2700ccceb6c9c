"""Queries over TLS: connections as over TCP, with a handshake in front.

::

    silent      nothing has come                 closed 10 s after it was accepted
    shaking     the handshake is not through     likewise
    open        all states of ``tcp``, on what the records hold
    failed      an alert is leaving              closed

A connection counts among those over TCP from the moment it comes, so a client that never finishes
its handshake holds what an idle one does, and for less time. A handshake costs a hundred times what
an answer does: one step of one is taken in a turn of the loop, so that queries over UDP wait for
one at most, however many clients come at once.

Records are opened and sealed in memory, and whatever is sealed leaves at once.

Standards:
    RFC 7858             sections 3.1 port, 3.3 framing, 3.4 connections as over TCP
    RFC 8446 section 6.1 close_notify ends one direction
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto

from globaldns.dns.certificate import Certificate
from globaldns.dns.counters import Channel, Dropped
from globaldns.dns.tcp import Connection, Connections
from globaldns.dns.turns import Turns

_READ_OCTETS = 65536
"""Four times what a record holds (RFC 8446 section 5.1)."""


class Phase(Enum):
    """How far a connection has come."""

    SILENT = auto()
    SHAKING = auto()
    OPEN = auto()
    FAILED = auto()


class TlsConnections:
    """All TLS connections of a server; they count among its TCP connections."""

    def __init__(
        self, connections: Connections, certificate: Callable[[], Certificate | None]
    ) -> None:
        self._connections = connections
        self._certificate = certificate
        self._handshakes = Turns()
        """A step of a handshake costs milliseconds."""

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return TlsConnection(self._connections, self._certificate, self._handshakes)


class TlsConnection(Connection):
    """One TLS connection."""

    channels = (Channel.DOT_IPV4, Channel.DOT_IPV6)

    def __init__(
        self,
        connections: Connections,
        certificate: Callable[[], Certificate | None],
        handshakes: Turns,
    ) -> None:
        super().__init__(connections)
        self._certificate = certificate
        self._handshakes = handshakes
        self._sealed = ssl.MemoryBIO()
        """Records that have come."""
        self._leaving = ssl.MemoryBIO()
        """Records that are to leave."""
        self._session: ssl.SSLObject
        """Made when the peer has said something: it is most of what a connection holds."""
        self._phase = Phase.SILENT

    def _begin(self) -> None:
        self._set_deadline(self._limits.message_seconds)

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or answer what has come whole."""
        self._sealed.write(data)
        if self._phase is Phase.OPEN:
            self._unseal()
        else:
            self._transport.pause_reading()
            self._handshakes.offer(self.shake)

    def shake(self) -> None:
        """Take a step of the handshake with what has come."""
        if self._transport.is_closing():
            return
        if self._phase is Phase.SILENT:
            certificate = self._certificate()
            if certificate is None:
                self._fail()
                return
            self._session = certificate.context.wrap_bio(
                self._sealed, self._leaving, server_side=True
            )
            self._phase = Phase.SHAKING
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            self._transport.resume_reading()
        except ssl.SSLError:
            self._flush()  # the alert that says why
            self._fail()
        else:
            self._phase = Phase.OPEN
            self._set_deadline(self._limits.idle_seconds)
            self._flush()
            self._transport.resume_reading()
            self._unseal()  # a query may have come behind the last of the handshake

    def _fail(self) -> None:
        self._phase = Phase.FAILED
        self._responder.counters.drop(Dropped.TLS_HANDSHAKE)
        self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; count a handshake that was begun and left."""
        if self._phase is Phase.SHAKING:
            self._responder.counters.drop(Dropped.TLS_HANDSHAKE)
        super().connection_lost(exc)

    def end(self) -> None:
        """Close when the replies have left, and say that it is the end."""
        if self._phase is Phase.OPEN and not self._transport.is_closing():
            with suppress(ssl.SSLError):  # it wants the peer's too, which nobody needs
                self._session.unwrap()
            self._flush()
        super().end()

    def _expire(self) -> None:
        if self._phase is Phase.OPEN:
            super()._expire()
        else:
            self._transport.abort()

    def _unseal(self) -> None:
        """Answer what the records hold that have come."""
        plain = bytearray()
        try:
            while data := self._read():
                plain += data
        except ssl.SSLError:
            self.end()
            return
        self._flush()
        if plain or self._has_ended:
            super().data_received(bytes(plain))

    def _read(self) -> bytes:
        """Return some of what the records hold; nothing: the rest has not come, or never will."""
        try:
            data = self._session.read(_READ_OCTETS)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLZeroReturnError:
            data = b""
        if not data:
            self._has_ended = True
        return data

    def _send(self, data: bytearray) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._session.write(rest) :]
        self._flush()

    def _flush(self) -> None:
        if self._leaving.pending:
            self._transport.write(self._leaving.read())
