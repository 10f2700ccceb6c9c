"""The DNS server: all its addresses, with UDP and TCP or with TLS, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from globaldns.dns.batch import BatchEndpoint, load_calls
from globaldns.dns.binding import BoundPair, BoundStream, bind_all, bind_streams
from globaldns.dns.listen import DEFAULT_LISTEN, Listen
from globaldns.dns.renewal import Renewal
from globaldns.dns.responder import Responder
from globaldns.dns.tcp import Connections, TcpLimits
from globaldns.dns.tls import TlsConnections
from globaldns.dns.udp import UdpEndpoint
from globaldns.errors import ListenError

logger = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted; Linux cuts it to net.core.somaxconn."""

DRAIN_SECONDS = 2.0
"""How long the last replies over TCP may take to leave when the server stops."""


class TlsListening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where to listen for TLS, and with which certificate."""

    listen: tuple[Listen, ...]
    skip_missing: bool = False
    """Whether what the host does not have is skipped."""
    certificate: str
    """Path of a PEM file."""
    key: str
    """Path of a PEM file."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where to listen, and what clients may hold."""

    listen: tuple[Listen, ...] | None = None
    """None is ``DEFAULT_LISTEN``, of which what the host does not have is skipped."""
    tcp: TcpLimits = TcpLimits()
    """TLS connections count too."""
    tls: TlsListening | None = None
    """None is off."""


class DnsServer:
    """Answers over UDP, TCP and TLS until it is stopped."""

    def __init__(self, responder: Responder, settings: ServerSettings) -> None:
        self.responder = responder
        self._settings = settings
        self._pairs: tuple[BoundPair, ...] = ()
        self._streams: tuple[BoundStream, ...] = ()
        self._endpoints: list[UdpEndpoint] = []
        self._listeners: list[asyncio.Server] = []
        self._connections: Connections | None = None
        self._renewal: Renewal | None = None
        self._calls = load_calls()

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it listens for UDP and TCP, with real ports."""
        return tuple(pair.listen for pair in self._pairs)

    @property
    def tls_addresses(self) -> tuple[Listen, ...]:
        """Where it listens for TLS, with real ports."""
        return tuple(stream.listen for stream in self._streams)

    @property
    def certificate_expires(self) -> int | None:
        """The Unix time until which its certificate is valid; None: it has none."""
        if self._renewal is None or self._renewal.current is None:
            return None
        return self._renewal.current.expires

    @property
    def udp(self) -> str:
        """How datagrams are received: by which system call."""
        return "recvmsg" if self._calls is None else "recvmmsg"

    @property
    def tcp_connections(self) -> int:
        """How many TCP connections are open, those with TLS among them."""
        return 0 if self._connections is None else len(self._connections)

    def bind(self) -> None:
        """Take every address; queries wait in the sockets until ``start``.

        Raises:
            ListenError: an address cannot be had; none is kept.
        """
        listen, tls = self._settings.listen, self._settings.tls
        wanted = DEFAULT_LISTEN if listen is None else listen
        pairs = bind_all(wanted, skip_missing=listen is None)
        if tls is not None:
            try:
                self._streams = bind_streams(tls.listen, skip_missing=tls.skip_missing)
            except ListenError:
                for pair in pairs:
                    pair.close()
                raise
        self._pairs = pairs

    async def start(self) -> None:
        """Answer from now on; over TLS as soon as there is a certificate that can be used.

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
        if self._settings.tls is not None:
            await self._start_tls(self._settings.tls, self._connections)
        addresses = [str(address) for address in self.addresses]
        tls = [str(address) for address in self.tls_addresses]
        logger.info("listening", extra={"addresses": addresses, "udp": self.udp, "tls": tls})

    async def _start_tls(self, tls: TlsListening, connections: Connections) -> None:
        renewal = self._renewal = Renewal(Path(tls.certificate), Path(tls.key))
        renewal.start()
        accept = TlsConnections(connections, lambda: renewal.current).accept
        loop = asyncio.get_running_loop()
        for stream in self._streams:
            listener = await loop.create_server(accept, sock=stream.tcp, backlog=BACKLOG)
            self._listeners.append(listener)

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
        if self._renewal is not None:
            self._renewal.stop()
        for pair in self._pairs:  # those that were bound and never started
            pair.close()
        for stream in self._streams:
            stream.close()
        self._listeners, self._endpoints, self._pairs, self._streams = [], [], (), ()

    def reconfigure(self, settings: ServerSettings) -> None:
        """Hold clients to other limits, and answer TLS with another certificate.

        Connections that are open keep theirs. Where it listens is looked at by ``bind`` alone.
        """
        self._settings = settings
        if self._connections is not None:
            self._connections.limits = settings.tcp
        if self._renewal is not None and settings.tls is not None:
            self._renewal.follow(Path(settings.tls.certificate), Path(settings.tls.key))

    def count_socket_drops(self) -> None:
        """Bring the counter of ``socket_buffer`` up to date, for a scrape."""
        for endpoint in self._endpoints:
            endpoint.count_drops()
