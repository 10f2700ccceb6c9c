"""The query log: what was asked and answered, where a person switched it on.

The hot path puts raw messages into a ring and goes on. Names are decoded when lines are written,
and escaped: a name may have newlines and terminal sequences in it. Few lines are written at once:
nobody is answered meanwhile.
"""

from __future__ import annotations

import logging
import time
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
"""Queries that wait to be written; more are counted and forgotten, so that memory has an end."""
MOST_LINES = 32
"""Written at once: a line takes up to 130 us, so an answer waits 4 ms at most."""

_ERRORS = frozenset((Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED))
_FORMERR = "malformed"
_TC = 0x02
"""Of the header's third octet."""
_TYPES = {member.value: member.name for member in Rrtype}
_CLASSES = {member.value: member.name for member in Rrclass}


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

    @property
    def is_empty(self) -> bool:
        """Whether no query waits."""
        return not self._exchanges

    def drain(self, most: int = CAPACITY) -> list[QueryRecord]:
        """Return so many of what was kept at most, oldest first, and forget them."""
        count = min(most, len(self._exchanges))
        return [_record(self._exchanges.popleft()) for _ in range(count)]


def write_queries(ring: QueryRing, most: int = MOST_LINES) -> bool:
    """Write a line for each of the oldest queries; return whether more wait."""
    records = ring.drain(most)
    if logger.isEnabledFor(logging.INFO):
        boot = time.time_ns() / 1e9 - time.monotonic()
        for record in records:
            logger.handle(_line(record, boot))
    return not ring.is_empty


def write_lost(ring: QueryRing) -> None:
    """Write a line for all queries that did not fit since the last time."""
    lost, ring.lost = ring.lost, 0
    if lost:
        logger.warning("queries were not logged: too many at once", extra={"queries": lost})


def write_all(ring: QueryRing) -> None:
    """Write everything that is left, where nobody waits for answers."""
    while write_queries(ring):
        continue
    write_lost(ring)


def _line(record: QueryRecord, boot: float) -> logging.LogRecord:
    """Return a query as the log has it, at its own time; ``boot`` is where monotonic time began."""
    fields: dict[str, object] = msgspec.structs.asdict(record)
    del fields["at"]
    created = boot + record.at
    return logging.makeLogRecord(
        {
            "name": logger.name,
            "levelno": logging.INFO,
            "levelname": "INFO",
            "msg": "query",
            "created": created,
            "msecs": created % 1 * 1000,
            **fields,
        }
    )


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
    # RFC 3597 section 5 writes numbers without a name so
    qtype = _TYPES.get(query.qtype) or f"TYPE{query.qtype}"
    qclass = _CLASSES.get(query.qclass) or f"CLASS{query.qclass}"
    return format_name(name), qtype, qclass
