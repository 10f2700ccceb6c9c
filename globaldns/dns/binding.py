"""Sockets for UDP, TCP and TLS on the addresses that the server listens on.

Addresses are bound without SO_REUSEPORT, and for UDP without SO_REUSEADDR: so a bind succeeds only
if nobody else has the address. Two servers on one port would each get a part of the queries. Where
several workers are to get parts of them, each has a socket of its own for UDP, bound again with
SO_REUSEPORT once that is known; connections they accept from one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from globaldns.dns.listen import Listen
from globaldns.errors import ListenError
from globaldns.model.address import Family

logger = logging.getLogger(__name__)

RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024
"""Queries wait here while a zone is loaded; Linux' default holds 256 datagrams."""

IP_PKTINFO = 8
"""ip(7); Python has no name for it before 3.14."""
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5
"""linux/in.h, linux/in6.h: believe no ICMP that a path is narrow, send whole or fragment locally;
forged ones would make us send fragments, which are easy to poison (RFC 8900)."""

_FREE_PORT_TRIES = 16
"""A port that TCP finds free may be taken for UDP."""

_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_MISSING = frozenset((errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))
_REASONS = {
    errno.EADDRINUSE: (
        "is in use by another process",
        "ss -lptun 'sport = :{port}' shows which; stop it, or set {key} to another port",
    ),
    errno.EACCES: (
        "is not allowed: ports below 1024 need a privilege",
        "use a port above 1023, or give the process CAP_NET_BIND_SERVICE",
    ),
    errno.EADDRNOTAVAIL: (
        "is no address of this host",
        "ip address shows those it has; correct {key}",
    ),
    errno.EAFNOSUPPORT: (
        "is of a family that this host does not have",
        "remove it from {key}",
    ),
}


BACKLOG = 1024
"""Connections that wait to be accepted; Linux cuts it to net.core.somaxconn."""


class BoundPair(NamedTuple):
    """The sockets of one address, both bound to the same port."""

    listen: Listen
    """With the real port."""
    udp: socket.socket
    tcp: socket.socket

    def close(self) -> None:
        """Close both."""
        self.udp.close()
        self.tcp.close()


class BoundStream(NamedTuple):
    """The socket of one address of TLS."""

    listen: Listen
    """With the real port."""
    tcp: socket.socket

    def close(self) -> None:
        """Close it."""
        self.tcp.close()


Bound = TypeVar("Bound", BoundPair, BoundStream)


def share(pair: BoundPair, workers: int) -> tuple[BoundPair, ...]:
    """Return the sockets of one address for so many workers; those of the pair are among them.

    Raises:
        ListenError: another process took the port in between.
    """
    if workers == 1:
        return (pair,)
    pair.udp.close()
    with contextlib.ExitStack() as undo:
        pairs = []
        for _ in range(workers):
            try:
                udp = _bind(pair.listen, socket.SOCK_DGRAM, is_shared=True)
            except OSError as error:
                raise _refusal(pair.listen, error, "dns.listen") from error
            undo.callback(udp.close)
            pairs.append(pair._replace(udp=udp))
        undo.pop_all()
    return tuple(pairs)


def bind_all(wanted: Iterable[Listen], *, skip_missing: bool) -> tuple[BoundPair, ...]:
    """Return sockets for every address; what the host does not have may be skipped.

    Raises:
        ListenError: an address cannot be bound, or none is left. No socket stays open.
    """
    return _bind_each(wanted, _bind_pair, key="dns.listen", skip_missing=skip_missing)


def bind_streams(wanted: Iterable[Listen], *, skip_missing: bool) -> tuple[BoundStream, ...]:
    """Return sockets for every address of TLS; as ``bind_all``."""
    return _bind_each(wanted, _bind_stream, key="dns.tls.listen", skip_missing=skip_missing)


def _bind_each(
    wanted: Iterable[Listen], bind: Callable[[Listen], Bound], *, key: str, skip_missing: bool
) -> tuple[Bound, ...]:
    bound: list[Bound] = []
    with contextlib.ExitStack() as undo:
        for listen in wanted:
            try:
                one = bind(listen)
            except OSError as error:
                if skip_missing and error.errno in _MISSING:
                    logger.warning(
                        "address is skipped: the host does not have it",
                        extra={"address": str(listen)},
                    )
                    continue
                raise _refusal(listen, error, key) from error
            undo.callback(one.close)
            bound.append(one)
        if not bound:
            raise ListenError("there is no address to listen on", hint=f"set {key}")
        undo.pop_all()
    return tuple(bound)


def _refusal(listen: Listen, error: OSError, key: str) -> ListenError:
    unknown = (f"cannot be bound: {(error.strerror or str(error)).lower()}", "")
    reason, hint = _REASONS.get(error.errno or 0, unknown)
    return ListenError(f"{listen} {reason}", hint=hint.format(port=listen.port, key=key))


def _bind_stream(listen: Listen) -> BoundStream:
    sock = _bind(listen, socket.SOCK_STREAM)
    return BoundStream(Listen(listen.address, sock.getsockname()[1]), sock)


def _bind_pair(listen: Listen) -> BoundPair:
    tries = 1 if listen.port else _FREE_PORT_TRIES
    for left in reversed(range(tries)):
        tcp = _bind(listen, socket.SOCK_STREAM)
        bound = Listen(listen.address, tcp.getsockname()[1])
        try:
            return BoundPair(bound, _bind(bound, socket.SOCK_DGRAM), tcp)
        except OSError as error:
            tcp.close()
            if error.errno != errno.EADDRINUSE or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _bind(listen: Listen, kind: socket.SocketKind, *, is_shared: bool = False) -> socket.socket:
    """Return a non-blocking socket that is bound, and no other's unless it is to be shared.

    SO_REUSEADDR on a TCP socket only lets connections of a server that ended be; a port that
    another one listens on stays taken (socket(7)). Connections wait from now on.
    """
    sock = socket.socket(_FAMILIES[listen.family], kind | socket.SOCK_NONBLOCK)
    try:
        if listen.family is Family.IPV6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            _prepare_datagrams(sock, listen)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(is_shared))
        sock.bind((listen.host, listen.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare_datagrams(sock: socket.socket, listen: Listen) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux doubles it
    logger.info(
        "receive buffer",
        extra={"address": str(listen), "octets": granted, "asked": RECEIVE_BUFFER_OCTETS},
    )
    if listen.family is Family.IPV6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, int(listen.is_wildcard))
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, int(listen.is_wildcard))
