"""The query log: what was asked and answered, where a person switched it on.

The hot path puts raw messages into a ring and goes on. Names are decoded when the ring is emptied,
and escaped: a name may have newlines and terminal sequences in it.
"""

from __future__ import annotations

import logging
from collections import deque

import msgspec

from globaldns.config.schema import QueryLog
from globaldns.dns.codes import Rcode, Rrclass, Rrtype
from globaldns.dns.counters import Channel
from globaldns.dns.names import format_name
from globaldns.dns.wire import HEADER_OCTETS, parse_query
from globaldns.errors import WireError

logger = logging.getLogger("globaldns.queries")

CAPACITY = 4096
"""Queries between two emptyings; more are counted and forgotten, so that memory has an end."""

_ERRORS = frozenset((Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED))
_FORMERR = "malformed"
_TC = 0x02
"""Of the header's third octet."""


class QueryRecord(msgspec.Struct, frozen=True, gc=False):
    """One query and what it got."""

    at: float
    """Monotonic seconds."""
    client: str
    proto: str
    qname: str
    """In presentation format; ``malformed`` where there is none."""
    qtype: str
    qclass: str
    rcode: str
    answers: int
    size: int
    """Octets of the reply."""


class _Exchange(msgspec.Struct, frozen=True, gc=False):
    query: bytes
    reply: bytes
    client: str
    channel: Channel
    at: float


class QueryRing:
    """The last queries that a policy wants logged."""

    def __init__(self, policy: QueryLog, *, capacity: int = CAPACITY) -> None:
        self.policy = policy
        self.lost = 0
        """How many did not fit."""
        self._capacity = capacity
        self._exchanges: deque[_Exchange] = deque()

    def offer(
        self, query: bytes, reply: bytes, *, client: str, channel: Channel, at: float
    ) -> None:
        """Keep a query and its reply, if the policy wants it and there is room."""
        if not _is_wanted(self.policy, reply):
            return
        if len(self._exchanges) >= self._capacity:
            self.lost += 1
            return
        self._exchanges.append(_Exchange(query, reply, client, channel, at))

    def drain(self) -> list[QueryRecord]:
        """Return what was kept, oldest first, and forget it."""
        exchanges, self._exchanges = self._exchanges, deque()
        return [_record(exchange) for exchange in exchanges]


def write_queries(ring: QueryRing) -> None:
    """Write a line for each query that was kept, and one for all that did not fit."""
    for record in ring.drain():
        logger.info("query", extra=_fields(record))
    lost, ring.lost = ring.lost, 0
    if lost:
        logger.warning("queries were not logged: too many at once", extra={"queries": lost})


def _fields(record: QueryRecord) -> dict[str, object]:
    """Return a query as the log has it; the line's own time stands for the query's."""
    fields: dict[str, object] = msgspec.structs.asdict(record)
    del fields["at"]
    return fields


def _is_wanted(policy: QueryLog, reply: bytes) -> bool:
    rcode = reply[3] & 0xF
    match policy:
        case QueryLog.NONE:
            return False
        case QueryLog.ALL:
            return True
        case QueryLog.ERROR:
            return rcode in _ERRORS
        case QueryLog.DENIAL:
            is_empty = reply[6:8] == b"\0\0" and not reply[2] & _TC
            return rcode == Rcode.NXDOMAIN or (rcode == Rcode.NOERROR and is_empty)


def _record(exchange: _Exchange) -> QueryRecord:
    reply = exchange.reply
    qname, qtype, qclass = _question(exchange.query)
    return QueryRecord(
        at=exchange.at,
        client=exchange.client,
        proto=exchange.channel.proto,
        qname=qname,
        qtype=qtype,
        qclass=qclass,
        rcode=Rcode(reply[3] & 0xF).name,
        answers=int.from_bytes(reply[6:8]),
        size=len(reply),
    )


def _question(message: bytes) -> tuple[str, str, str]:
    try:
        query = parse_query(message)
    except WireError:
        return _FORMERR, "", ""
    name = message[HEADER_OCTETS : HEADER_OCTETS + len(query.qname)]
    return format_name(name), _mnemonic(query.qtype), _class_mnemonic(query.qclass)


def _mnemonic(number: int) -> str:
    """Return a type as people write it (RFC 3597 section 5)."""
    return Rrtype(number).name if number in Rrtype.__members__.values() else f"TYPE{number}"


def _class_mnemonic(number: int) -> str:
    return Rrclass(number).name if number in Rrclass.__members__.values() else f"CLASS{number}"
