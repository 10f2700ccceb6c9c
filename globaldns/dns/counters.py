"""What is counted of queries: numbers in shared memory, read when metrics are scraped.

Each worker counts in a block of its own, and its successor goes on there: a death takes what was
counted in the last quarter of a second. Every table has a fixed size: nothing is keyed by what a
client sends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum, StrEnum
from itertools import accumulate, chain, islice
from typing import NamedTuple

from globaldns.dns.codes import Rcode, Rrtype

SIZE_BOUNDS = (32, 48, 64, 96, 128, 256, 512, 1024, 1232, 4096, 16384, 65535)
"""Upper bounds of the buckets of message sizes, in octets."""

_OTHER = "other"
_TYPES = (*(rrtype.name for rrtype in Rrtype), _OTHER)
_TYPE_INDEX = {int(rrtype): index for index, rrtype in enumerate(Rrtype)}
_OTHER_INDEX = len(_TYPES) - 1
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


def _offsets(*sizes: int) -> Iterator[int]:
    return accumulate(sizes, initial=0)


_BUCKETS = len(SIZE_BOUNDS) + 1
(
    _REQUESTS,
    _RESPONSES,
    _DROPPED,
    _REQUEST_SIZES,
    _RESPONSE_SIZES,
    _TCP_CONNECTIONS,
    _CERTIFICATE,
    _SOCKET_DROPS,
    _END,
) = _offsets(
    len(Channel) * len(_TYPES),
    len(Channel) * len(_RCODES),
    len(Dropped),
    *(_BUCKETS + 1, _BUCKETS + 1),
    *(1, 1, 1),
)
"""Where in a block what is, in words; behind the buckets of sizes are the octets of all."""
_DROPPED_AT = {reason: _DROPPED + index for index, reason in enumerate(Dropped)}

MOST_CLASSES = 4096
"""Clients choose the sizes of queries, and so of replies; a thousand are usual."""

BLOCK_OCTETS = -(-_END * 8 // 4096) * 4096


class Histogram(NamedTuple):
    """How many messages were of which size."""

    buckets: tuple[int, ...]
    """One more than ``SIZE_BOUNDS``, not cumulated."""
    octets: int


CounterClass = list[int]
"""How many replies of one class were sent that are not in the counters yet: one number."""
_Classes = dict[tuple[int, int, int, int, int], CounterClass]


class Counts:
    """What was counted in some blocks together."""

    def __init__(self, blocks: Sequence[memoryview]) -> None:
        """Read blocks, each a view of words."""
        self._blocks = blocks

    def _sum(self, start: int, size: int) -> tuple[int, ...]:
        """Return the sums of so many words."""
        parts = (block[start : start + size] for block in self._blocks)
        return tuple(map(sum, zip(*parts, strict=True)))

    @property
    def dropped(self) -> dict[Dropped, int]:
        """What got no reply, by reason."""
        return dict(zip(Dropped, self._sum(_DROPPED, len(Dropped)), strict=True))

    @property
    def request_sizes(self) -> Histogram:
        """The sizes of queries."""
        return self._histogram(_REQUEST_SIZES)

    @property
    def response_sizes(self) -> Histogram:
        """The sizes of replies."""
        return self._histogram(_RESPONSE_SIZES)

    def _histogram(self, start: int) -> Histogram:
        *buckets, octets = self._sum(start, _BUCKETS + 1)
        return Histogram(tuple(buckets), octets)

    @property
    def tcp_connections(self) -> int:
        """How many TCP connections are open, those with TLS among them."""
        return self._sum(_TCP_CONNECTIONS, 1)[0]

    @property
    def certificate_expires(self) -> int | None:
        """The Unix time until which all certificates are valid; None: there is none."""
        ends = [block[_CERTIFICATE] for block in self._blocks if block[_CERTIFICATE]]
        return min(ends, default=None)

    def requests(self) -> dict[tuple[str, str, str], int]:
        """Return the number of queries by protocol, family and type, without zeros."""
        counts = iter(self._sum(_REQUESTS, len(Channel) * len(_TYPES)))
        return {
            (channel.proto, channel.family, rrtype): count
            for channel in Channel
            for rrtype, count in zip(_TYPES, islice(counts, len(_TYPES)), strict=True)
            if count
        }

    def responses(self) -> dict[tuple[str, str], int]:
        """Return the number of replies by protocol and response code, without zeros."""
        counts = iter(self._sum(_RESPONSES, len(Channel) * len(_RCODES)))
        totals: dict[tuple[str, str], int] = {}
        for channel in Channel:
            for rcode, count in zip(_RCODES, islice(counts, len(_RCODES)), strict=True):
                if count:
                    key = (channel.proto, rcode)
                    totals[key] = totals.get(key, 0) + count
        return totals


class Counters(Counts):
    """Counts in one block; others see what was counted by classes after ``settle``."""

    def __init__(self, block: memoryview | None = None) -> None:
        """Count in a block, a view of words; or in one of its own."""
        self._words = block if block is not None else memoryview(bytearray(BLOCK_OCTETS)).cast("Q")
        super().__init__((self._words,))
        self._classes: _Classes = {}
        self._former: _Classes = {}
        """Classes that were given out before the last time there were too many."""
        self.generation = 0
        """Goes up when classes that were given out soon count no more: there were too many."""

    def _sum(self, start: int, size: int) -> tuple[int, ...]:
        self.settle()
        return super()._sum(start, size)

    def class_of(
        self, channel: Channel, qtype: int, query_octets: int, rcode: int, reply_octets: int
    ) -> CounterClass:
        """Return what queries and replies like these are counted in until ``settle``."""
        key = (channel, _TYPE_INDEX.get(qtype, _OTHER_INDEX), query_octets, rcode, reply_octets)
        found = self._classes.get(key)
        if found is None:
            if len(self._classes) >= MOST_CLASSES:
                self.settle()
                self._former, self._classes = self._classes, {}
                self.generation += 1
            found = self._classes[key] = [0]
        return found

    def settle(self) -> None:
        """Bring the block up to date with the classes."""
        classes = chain(self._former.items(), self._classes.items())
        for (channel, kind, query, rcode, reply), counted in classes:
            count, counted[0] = counted[0], 0
            if count:
                self._words[_REQUESTS + channel * len(_TYPES) + kind] += count
                self._words[_RESPONSES + channel * len(_RCODES) + _RCODE_INDEX[rcode]] += count
                self._observe(_REQUEST_SIZES, query, count)
                self._observe(_RESPONSE_SIZES, reply, count)

    def _observe(self, start: int, size: int, count: int = 1) -> None:
        self._words[start + bisect_left(SIZE_BOUNDS, size)] += count
        self._words[start + _BUCKETS] += size * count

    def count_request(self, channel: Channel, qtype: int, size: int) -> None:
        """Count a query; a type that we do not know by name is ``other``, as is none."""
        kind = _TYPE_INDEX.get(qtype, _OTHER_INDEX)
        self._words[_REQUESTS + channel * len(_TYPES) + kind] += 1
        self._observe(_REQUEST_SIZES, size)

    def count_response(self, channel: Channel, rcode: int, size: int) -> None:
        """Count a reply."""
        self._words[_RESPONSES + channel * len(_RCODES) + _RCODE_INDEX[rcode]] += 1
        self._observe(_RESPONSE_SIZES, size)

    def drop(self, reason: Dropped) -> None:
        """Count something that gets no reply."""
        self._words[_DROPPED_AT[reason]] += 1

    def note_standing(self, *, tcp_connections: int, certificate_expires: int | None) -> None:
        """Note how the server stands that is counted for."""
        self._words[_TCP_CONNECTIONS] = tcp_connections
        self._words[_CERTIFICATE] = certificate_expires or 0

    def note_socket_drops(self, drops: int) -> None:
        """Count what the kernel says that it has dropped since the sockets are; it has 32 bits."""
        seen = self._words[_SOCKET_DROPS]
        self._words[_DROPPED_AT[Dropped.SOCKET_BUFFER]] += (drops - seen) & 0xFFFF_FFFF
        self._words[_SOCKET_DROPS] = drops & 0xFFFF_FFFF
