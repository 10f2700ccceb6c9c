"""Sockets for UDP and TCP on the addresses that the server listens on.

Addresses are bound without SO_REUSEPORT, and for UDP without SO_REUSEADDR: so a bind succeeds only
if nobody else has the address. Two servers on one port would each get a part of the queries.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Iterable
from typing import NamedTuple

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
        "ss -lptun 'sport = :{port}' shows which; stop it, or set dns.listen to another port",
    ),
    errno.EACCES: (
        "is not allowed: ports below 1024 need a privilege",
        "use a port above 1023, or give the process CAP_NET_BIND_SERVICE",
    ),
    errno.EADDRNOTAVAIL: (
        "is no address of this host",
        "ip address shows those it has; correct dns.listen",
    ),
    errno.EAFNOSUPPORT: (
        "is of a family that this host does not have",
        "remove it from dns.listen",
    ),
}


class BoundPair(NamedTuple):
    """The sockets of one address, both bound to the same port, neither listening yet."""

    listen: Listen
    """With the real port."""
    udp: socket.socket
    tcp: socket.socket


def bind_all(wanted: Iterable[Listen], *, skip_missing: bool) -> tuple[BoundPair, ...]:
    """Return sockets for every address; what the host does not have may be skipped.

    Raises:
        ListenError: an address cannot be bound, or none is left. No socket stays open.
    """
    pairs: list[BoundPair] = []
    with contextlib.ExitStack() as undo:
        for listen in wanted:
            try:
                pair = _bind_pair(listen)
            except OSError as error:
                if skip_missing and error.errno in _MISSING:
                    logger.warning(
                        "address is skipped: the host does not have it",
                        extra={"address": str(listen)},
                    )
                    continue
                raise _refusal(listen, error) from error
            undo.callback(pair.udp.close)
            undo.callback(pair.tcp.close)
            pairs.append(pair)
        if not pairs:
            raise ListenError("there is no address to listen on", hint="set dns.listen")
        undo.pop_all()
    return tuple(pairs)


def _refusal(listen: Listen, error: OSError) -> ListenError:
    unknown = (f"cannot be bound: {(error.strerror or str(error)).lower()}", "")
    reason, hint = _REASONS.get(error.errno or 0, unknown)
    return ListenError(f"{listen} {reason}", hint=hint.format(port=listen.port))


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


def _bind(listen: Listen, kind: socket.SocketKind) -> socket.socket:
    """Return a non-blocking socket that is bound, and no other's.

    SO_REUSEADDR on a TCP socket only lets connections of a server that ended be; a port that
    another one listens on stays taken (socket(7)).
    """
    sock = socket.socket(_FAMILIES[listen.family], kind | socket.SOCK_NONBLOCK)
    try:
        if listen.family is Family.IPV6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            _prepare_datagrams(sock, listen)
        sock.bind((listen.host, listen.port))
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
