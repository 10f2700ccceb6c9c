"""What is counted of queries: plain integers, read when metrics are scraped.

Every table has a fixed size: nothing is keyed by what a client sends.
"""

from __future__ import annotations

from bisect import bisect_left
from enum import IntEnum, StrEnum

from globaldns.dns.codes import Rcode, Rrtype

SIZE_BOUNDS = (32, 48, 64, 96, 128, 256, 512, 1024, 1232, 4096, 16384, 65535)
"""Upper bounds of the buckets of message sizes, in octets."""

_OTHER = "other"
_TYPES = (*(rrtype.name for rrtype in Rrtype), _OTHER)
_TYPE_INDEX = {int(rrtype): index for index, rrtype in enumerate(Rrtype)}
_RCODES = (*(rcode.name for rcode in Rcode),)
_RCODE_INDEX = {int(rcode): index for index, rcode in enumerate(Rcode)}


class Channel(IntEnum):
    """How a message came."""

    UDP_IPV4 = 0
    UDP_IPV6 = 1
    TCP_IPV4 = 2
    TCP_IPV6 = 3

    @property
    def proto(self) -> str:
        """The label of metrics: ``udp`` or ``tcp``."""
        return self.name[:3].lower()

    @property
    def family(self) -> str:
        """The label of metrics: ``ipv4`` or ``ipv6``."""
        return self.name[4:].lower()


class Dropped(StrEnum):
    """Why something got no reply."""

    SHORT = "short"
    """It had less than a header."""
    RESPONSE = "response"
    """It was a response."""
    ERROR_LIMIT = "error_limit"
    """There were too many error replies in this second."""
    PORT_ZERO = "port_zero"
    """Nothing can be sent to port 0."""
    SEND_ERROR = "send_error"
    RECEIVE_ERROR = "receive_error"
    SOCKET_BUFFER = "socket_buffer"
    """The kernel had no room for it."""
    TCP_LIMIT = "tcp_limit"
    """Too many connections, in all or from one address."""
    TCP_TIMEOUT = "tcp_timeout"
    """A message did not arrive whole in time, or replies were not read."""


class Histogram:
    """How many messages were of which size."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(SIZE_BOUNDS) + 1)
        """One more than ``SIZE_BOUNDS``, not cumulated."""
        self.octets = 0

    def observe(self, size: int) -> None:
        """Count one message."""
        self.buckets[bisect_left(SIZE_BOUNDS, size)] += 1
        self.octets += size


class Counters:
    """All counters of one process."""

    def __init__(self) -> None:
        self._requests = [[0] * len(_TYPES) for _ in Channel]
        self._responses = [[0] * len(_RCODES) for _ in Channel]
        self.dropped = dict.fromkeys(Dropped, 0)
        self.request_sizes = Histogram()
        self.response_sizes = Histogram()

    def count_request(self, channel: Channel, qtype: int, size: int) -> None:
        """Count a query; a type that we do not know by name is ``other``, as is none."""
        self._requests[channel][_TYPE_INDEX.get(qtype, -1)] += 1
        self.request_sizes.observe(size)

    def count_response(self, channel: Channel, rcode: int, size: int) -> None:
        """Count a reply."""
        self._responses[channel][_RCODE_INDEX[rcode]] += 1
        self.response_sizes.observe(size)

    def drop(self, reason: Dropped) -> None:
        """Count something that gets no reply."""
        self.dropped[reason] += 1

    def requests(self) -> dict[tuple[str, str, str], int]:
        """Return the number of queries by protocol, family and type, without zeros."""
        return {
            (channel.proto, channel.family, rrtype): count
            for channel in Channel
            for rrtype, count in zip(_TYPES, self._requests[channel], strict=True)
            if count
        }

    def responses(self) -> dict[tuple[str, str], int]:
        """Return the number of replies by protocol and response code, without zeros."""
        totals: dict[tuple[str, str], int] = {}
        for channel in Channel:
            for rcode, count in zip(_RCODES, self._responses[channel], strict=True):
                if count:
                    key = (channel.proto, rcode)
                    totals[key] = totals.get(key, 0) + count
        return totals
