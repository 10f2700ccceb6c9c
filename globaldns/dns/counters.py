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
    DOT_IPV4 = 4
    DOT_IPV6 = 5

    @property
    def proto(self) -> str:
        """The label of metrics: ``udp``, ``tcp`` or ``dot``, which is TLS."""
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
    TLS_HANDSHAKE = "tls_handshake"
    """A handshake was begun and failed, or there was no certificate for it."""


class Histogram:
    """How many messages were of which size."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(SIZE_BOUNDS) + 1)
        """One more than ``SIZE_BOUNDS``, not cumulated."""
        self.octets = 0

    def observe(self, size: int, count: int = 1) -> None:
        """Count messages of one size."""
        self.buckets[bisect_left(SIZE_BOUNDS, size)] += count
        self.octets += size * count


CounterClass = list[int]
"""How many replies of one class were sent that are not in the counters yet: one number."""


class Counters:
    """All counters of one process."""

    def __init__(self) -> None:
        self._classes: dict[tuple[int, int, int, int, int], CounterClass] = {}
        self._requests = [[0] * len(_TYPES) for _ in Channel]
        self._responses = [[0] * len(_RCODES) for _ in Channel]
        self.dropped = dict.fromkeys(Dropped, 0)
        self._request_sizes = Histogram()
        self._response_sizes = Histogram()

    def class_of(
        self, channel: Channel, qtype: int, query_octets: int, rcode: int, reply_octets: int
    ) -> CounterClass:
        """Return what queries and replies like these are counted in."""
        key = (channel, _TYPE_INDEX.get(qtype, -1), query_octets, rcode, reply_octets)
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = [0]
        return found

    def _settle(self) -> None:
        """Bring the counters up to date with the classes."""
        for (channel, kind, query, rcode, reply), counted in self._classes.items():
            count, counted[0] = counted[0], 0
            self._requests[channel][kind] += count
            self._responses[channel][_RCODE_INDEX[rcode]] += count
            self._request_sizes.observe(query, count)
            self._response_sizes.observe(reply, count)

    def count_request(self, channel: Channel, qtype: int, size: int) -> None:
        """Count a query; a type that we do not know by name is ``other``, as is none."""
        self._requests[channel][_TYPE_INDEX.get(qtype, -1)] += 1
        self._request_sizes.observe(size)

    def count_response(self, channel: Channel, rcode: int, size: int) -> None:
        """Count a reply."""
        self._responses[channel][_RCODE_INDEX[rcode]] += 1
        self._response_sizes.observe(size)

    @property
    def request_sizes(self) -> Histogram:
        """The sizes of queries."""
        self._settle()
        return self._request_sizes

    @property
    def response_sizes(self) -> Histogram:
        """The sizes of replies."""
        self._settle()
        return self._response_sizes

    def drop(self, reason: Dropped) -> None:
        """Count something that gets no reply."""
        self.dropped[reason] += 1

    def requests(self) -> dict[tuple[str, str, str], int]:
        """Return the number of queries by protocol, family and type, without zeros."""
        self._settle()
        return {
            (channel.proto, channel.family, rrtype): count
            for channel in Channel
            for rrtype, count in zip(_TYPES, self._requests[channel], strict=True)
            if count
        }

    def responses(self) -> dict[tuple[str, str], int]:
        """Return the number of replies by protocol and response code, without zeros."""
        self._settle()
        totals: dict[tuple[str, str], int] = {}
        for channel in Channel:
            for rcode, count in zip(_RCODES, self._responses[channel], strict=True):
                if count:
                    key = (channel.proto, rcode)
                    totals[key] = totals.get(key, 0) + count
        return totals
