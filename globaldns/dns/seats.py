"""Where the server listens, bound once: a seat of sockets for every worker.

Sockets belong to the server as long as it lives. Who sits there may die: queries and connections
wait in the seat for the next one.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import msgspec

from globaldns.dns.binding import BoundPair, BoundStream, bind_all, bind_streams, share
from globaldns.dns.listen import DEFAULT_LISTEN, Listen
from globaldns.dns.tcp import TcpLimits


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


class Seat(NamedTuple):
    """The sockets of one worker; those for connections are in every seat."""

    pairs: tuple[BoundPair, ...]
    streams: tuple[BoundStream, ...] = ()

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it listens for UDP and TCP, with real ports."""
        return tuple(pair.listen for pair in self.pairs)

    @property
    def tls_addresses(self) -> tuple[Listen, ...]:
        """Where it listens for TLS, with real ports."""
        return tuple(stream.listen for stream in self.streams)

    def close(self) -> None:
        """Close them for this process."""
        for pair in self.pairs:
            pair.close()
        for stream in self.streams:
            stream.close()


def bind_seats(settings: ServerSettings, workers: int = 1) -> tuple[Seat, ...]:
    """Take every address; queries wait in the seats.

    Raises:
        ListenError: an address cannot be had; none is kept.
    """
    wanted = DEFAULT_LISTEN if settings.listen is None else settings.listen
    with contextlib.ExitStack() as undo:
        pairs = bind_all(wanted, skip_missing=settings.listen is None)
        for pair in pairs:
            undo.callback(pair.close)
        streams: tuple[BoundStream, ...] = ()
        if (tls := settings.tls) is not None:
            streams = bind_streams(tls.listen, skip_missing=tls.skip_missing)
        for stream in streams:
            undo.callback(stream.close)
        shared = []
        for pair in pairs:
            shared.append(share(pair, workers))
            for one in shared[-1]:
                undo.callback(one.close)
        undo.pop_all()
    return tuple(Seat(pairs, streams) for pairs in zip(*shared, strict=True))
