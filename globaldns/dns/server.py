"""The DNS server: every address bound, UDP and TCP on each, started and stopped together."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from globaldns.dns.batch import BatchEndpoint, load_calls
from globaldns.dns.binding import BoundPair, bind_all
from globaldns.dns.listen import DEFAULT_LISTEN, Listen
from globaldns.dns.responder import Responder
from globaldns.dns.tcp import Connections, TcpLimits
from globaldns.dns.udp import UdpEndpoint

logger = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted; Linux cuts it to net.core.somaxconn."""

DRAIN_SECONDS = 2.0
"""How long the last replies over TCP may take to leave when the server stops."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where to listen, and what clients may hold."""

    listen: tuple[Listen, ...] | None = None
    """None is ``DEFAULT_LISTEN``, of which what the host does not have is skipped."""
    tcp: TcpLimits = TcpLimits()


class DnsServer:
    """Answers over UDP and TCP until it is stopped."""

    def __init__(self, responder: Responder, settings: ServerSettings) -> None:
        self.responder = responder
        self._settings = settings
        self._pairs: tuple[BoundPair, ...] = ()
        self._endpoints: list[UdpEndpoint] = []
        self._listeners: list[asyncio.Server] = []
        self._connections: Connections | None = None
        self._calls = load_calls()

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it listens, with real ports."""
        return tuple(pair.listen for pair in self._pairs)

    @property
    def udp(self) -> str:
        """How datagrams are received: by which system call."""
        return "recvmsg" if self._calls is None else "recvmmsg"

    @property
    def tcp_connections(self) -> int:
        """How many TCP connections are open."""
        return 0 if self._connections is None else len(self._connections)

    def bind(self) -> None:
        """Take every address; queries wait in the sockets until ``start``.

        Raises:
            ListenError: an address cannot be had; none is kept.
        """
        listen = self._settings.listen
        wanted = DEFAULT_LISTEN if listen is None else listen
        self._pairs = bind_all(wanted, skip_missing=listen is None)

    async def start(self) -> None:
        """Answer from now on.

        Raises:
            ListenError: an address cannot be had.
        """
        if not self._pairs:
            self.bind()
        self._connections = Connections(self.responder, self._settings.tcp)
        loop = asyncio.get_running_loop()
        for pair in self._pairs:
            listener = await loop.create_server(
                self._connections.accept, sock=pair.tcp, backlog=BACKLOG
            )
            self._listeners.append(listener)
            endpoint = self._make_endpoint(pair)
            endpoint.start()
            self._endpoints.append(endpoint)
        addresses = [str(address) for address in self.addresses]
        logger.info("listening", extra={"addresses": addresses, "udp": self.udp})

    def _make_endpoint(self, pair: BoundPair) -> UdpEndpoint:
        if self._calls is None:
            return UdpEndpoint(pair, self.responder)
        return BatchEndpoint(pair, self.responder, self._calls)

    async def stop(self) -> None:
        """Answer what has already come, and close everything; may be called at any time."""
        for listener in self._listeners:
            listener.close()
        for endpoint in self._endpoints:
            endpoint.close()
        if self._connections is not None:
            await self._connections.close(DRAIN_SECONDS)
        for pair in self._pairs:  # those that were bound and never started
            pair.udp.close()
            pair.tcp.close()
        self._listeners, self._endpoints, self._pairs = [], [], ()

    def limit(self, tcp: TcpLimits) -> None:
        """Hold clients to other limits; connections that are open keep theirs."""
        self._settings = msgspec.structs.replace(self._settings, tcp=tcp)
        if self._connections is not None:
            self._connections.limits = tcp

    def count_socket_drops(self) -> None:
        """Bring the counter of ``socket_buffer`` up to date, for a scrape."""
        for endpoint in self._endpoints:
            endpoint.count_drops()
