"""What answers on one seat: all its addresses, UDP, TCP and TLS, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from globaldns.dns.batch import BatchEndpoint, load_calls, receiving_call
from globaldns.dns.binding import BACKLOG, BoundPair
from globaldns.dns.listen import Listen
from globaldns.dns.renewal import Renewal
from globaldns.dns.responder import Responder
from globaldns.dns.seats import Seat, ServerSettings, TlsListening
from globaldns.dns.tcp import Connections
from globaldns.dns.tls import TlsConnections
from globaldns.dns.udp import UdpEndpoint

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 2.0
"""How long the last replies over TCP may take to leave when the server stops."""

_ACCEPT_TURNS = 3
"""Turns of the loop after which what was accepted is a connection, as asyncio has it."""


class DnsServer:
    """Answers over UDP, TCP and TLS until it is stopped."""

    def __init__(self, responder: Responder, settings: ServerSettings, seat: Seat) -> None:
        self.responder = responder
        self._settings = settings
        self._seat = seat
        self._endpoints: list[UdpEndpoint] = []
        self._listeners: list[asyncio.Server] = []
        self._connections: Connections | None = None
        self._renewal: Renewal | None = None
        self._calls = load_calls()

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it listens for UDP and TCP, with real ports."""
        return self._seat.addresses

    @property
    def tls_addresses(self) -> tuple[Listen, ...]:
        """Where it listens for TLS, with real ports."""
        return self._seat.tls_addresses

    @property
    def certificate_expires(self) -> int | None:
        """The Unix time until which its certificate is valid; None: it has none."""
        if self._renewal is None or self._renewal.current is None:
            return None
        return self._renewal.current.expires

    @property
    def tcp_connections(self) -> int:
        """How many TCP connections are open, those with TLS among them."""
        return 0 if self._connections is None else len(self._connections)

    async def start(self) -> None:
        """Answer from now on; over TLS as soon as there is a certificate that can be used."""
        self._connections = Connections(self.responder, self._settings.tcp)
        loop = asyncio.get_running_loop()
        for pair in self._seat.pairs:
            listener = await loop.create_server(
                self._connections.accept, sock=pair.tcp, backlog=BACKLOG
            )
            self._listeners.append(listener)
            endpoint = self._make_endpoint(pair)
            endpoint.start()
            self._endpoints.append(endpoint)
        if self._settings.tls is not None:
            await self._start_tls(self._settings.tls, self._connections)
        addresses = [str(address) for address in self.addresses]
        tls = [str(address) for address in self.tls_addresses]
        logger.info(
            "listening", extra={"addresses": addresses, "udp": receiving_call(), "tls": tls}
        )

    async def _start_tls(self, tls: TlsListening, connections: Connections) -> None:
        renewal = self._renewal = Renewal(Path(tls.certificate), Path(tls.key))
        renewal.start()
        accept = TlsConnections(connections, lambda: renewal.current).accept
        loop = asyncio.get_running_loop()
        for stream in self._seat.streams:
            listener = await loop.create_server(accept, sock=stream.tcp, backlog=BACKLOG)
            self._listeners.append(listener)

    def _make_endpoint(self, pair: BoundPair) -> UdpEndpoint:
        if self._calls is None:
            return UdpEndpoint(pair, self.responder)
        return BatchEndpoint(pair, self.responder, self._calls)

    async def stop(self) -> None:
        """Answer what has already come, and close everything; may be called at any time."""
        await self._accept_no_more()
        for endpoint in self._endpoints:
            endpoint.close()
        if self._connections is not None:
            await self._connections.close(DRAIN_SECONDS)
        if self._renewal is not None:
            self._renewal.stop()
        self._seat.close()  # what was never started
        self._listeners, self._endpoints = [], []

    async def _accept_no_more(self) -> None:
        """Leave new connections to who else listens there.

        A listener that closes at once loses those that it has accepted in this turn of the loop.
        """
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            for sock in listener.sockets:
                loop.remove_reader(sock.fileno())
        for _ in range(_ACCEPT_TURNS):
            await asyncio.sleep(0)
        for listener in self._listeners:
            listener.close()

    def reconfigure(self, settings: ServerSettings) -> None:
        """Hold clients to other limits, and answer TLS with another certificate.

        Connections that are open keep theirs, and where it listens stays.
        """
        self._settings = settings
        if self._connections is not None:
            self._connections.limits = settings.tcp
        if self._renewal is not None and settings.tls is not None:
            self._renewal.follow(Path(settings.tls.certificate), Path(settings.tls.key))

    def note_standing(self) -> None:
        """Show what was counted, and how it stands."""
        counters = self.responder.counters
        counters.settle()
        counters.note_standing(
            tcp_connections=self.tcp_connections, certificate_expires=self.certificate_expires
        )
        if self._endpoints:
            counters.note_socket_drops(sum(endpoint.drops for endpoint in self._endpoints))
