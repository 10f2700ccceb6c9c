"""Carries DNS from an address of a namespace to a socket of another, which is inherited.

A cluster's DNS has an address that its pods know, like the ClusterIP of kube-dns; who answers there
is a CoreDNS outside, beside its globaldns. ``datagrams.py FD ADDRESS``: the socket is connected.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

DNS_PORT = 53
_LARGEST = 65535
_WAIT_SECONDS = 2.0
"""Who asked asks again."""


def carry(far: socket.socket, near: socket.socket) -> None:
    """Answer each query that comes by what the other side says of it, one after the other."""
    far.settimeout(_WAIT_SECONDS)
    while True:
        query, whom = near.recvfrom(_LARGEST)
        with suppress(OSError):
            far.send(query)
            while (reply := far.recv(_LARGEST))[:2] != query[:2]:
                pass  # of a query that was given up
            near.sendto(reply, whom)


if __name__ == "__main__":
    inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inside.bind((sys.argv[2], DNS_PORT))
    carry(socket.socket(fileno=int(sys.argv[1])), inside)
