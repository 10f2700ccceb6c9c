"""From the bytes of a query to the bytes of its reply.

The order is the contract. A message goes through these steps and leaves at the first that fits:

 1. less than a header, or a response       no reply
 2. no QUERY, malformed                     header alone
 3. EDNS version beyond 0                   BADVERS
 4. class other than IN                     REFUSED, or who we are where ``chaos`` says so
 5. the tables                              ``answer.resolve``

Synchronous from end to end: no await, no task, no lock, no log line.

Standards:
    RFC 6891 sections 6.1.1, 6.1.3, 6.2   OPT if and only if asked, versions, payload sizes
    RFC 8906 section 3                    what is odd but well-formed gets an ordinary answer
    RFC 5001                              NSID
    RFC 7830 section 4                    over TLS, what answers a padded query is padded
"""

from __future__ import annotations

from collections.abc import Callable

from globaldns.dns.answer import REFUSED, resolve
from globaldns.dns.chaos import resolve_chaos
from globaldns.dns.codes import Rcode, Rrclass
from globaldns.dns.counters import Channel, Counters, Dropped
from globaldns.dns.querylog import QueryRing
from globaldns.dns.reply import (
    PLAIN_ROOM,
    STREAM_ROOM,
    Answer,
    encode_opt,
    encode_refusal,
    encode_reply,
    pad_reply,
)
from globaldns.dns.rules import DnsRules
from globaldns.dns.wire import HEADER_OCTETS, Edns, Query, is_answerable, parse_query
from globaldns.dns.zone import Zones
from globaldns.errors import WireError

Source = tuple[str, int] | tuple[str, int, int, int]
"""A peer's socket address: its address, its port and, for IPv6, flow and scope."""

_BADVERS = Answer(Rcode.BADVERS)
_LIMITED = frozenset((Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS))
_NO_TYPE = -1


class ErrorLimit:
    """At most so many error replies a second: they answer what no client of ours sends.

    Without it, spoofed rubbish makes this server a reflector, and its answers drown the good ones.
    """

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._second = -1
        self._count = 0

    def allows(self, now: float) -> bool:
        """Whether one more may be sent at this monotonic time, which counts it."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._count = 0
        self._count += 1
        return self._count <= self.per_second


class Responder:
    """Answers queries out of zones."""

    def __init__(
        self,
        zones: Zones,
        counters: Counters | None = None,
        *,
        query_log: QueryRing | None = None,
    ) -> None:
        self.zones = zones
        self.counters = Counters() if counters is None else counters
        self.query_log = query_log
        """None is off; may be switched at any time."""
        self.follow: Callable[[], None] | None = None
        """Called when anything that is answered may differ, before the next answer."""
        self._version = zones.version
        self._obey(zones.rules)

    def _obey(self, rules: DnsRules) -> None:
        self._rules = rules
        self._nsid = rules.nsid.encode()
        self._error_limit = ErrorLimit(rules.error_replies_per_second)

    def reconfigure(self, rules: DnsRules) -> None:
        """Obey other rules from the next query on, and have the zones obey them."""
        self.zones.reconfigure(rules)
        self._obey(rules)

    def look(self) -> None:
        """Have whoever wants to follow a change do so."""
        version = self.zones.version
        if version != self._version:
            self._version = version
            if self.follow is not None:
                self.follow()

    def serve(self, message: bytes, source: Source, channel: Channel, now: float) -> bytes | None:
        """Return the reply to a message from a peer, and log both where that is switched on."""
        reply = self.respond(message, channel, now)
        if self.query_log is not None and reply is not None:
            self.query_log.offer(message, reply, client=source[0], channel=channel, at=now)
        return reply

    def respond(self, message: bytes, channel: Channel, now: float) -> bytes | None:
        """Return the reply to a message, or None for silence; ``now`` is monotonic."""
        self.look()
        if not is_answerable(message):
            short = len(message) < HEADER_OCTETS
            self.counters.drop(Dropped.SHORT if short else Dropped.RESPONSE)
            return None
        try:
            query = parse_query(message)
        except WireError as error:
            self.counters.count_request(channel, _NO_TYPE, len(message))
            reply = encode_refusal(message, error.rcode)
            return self._release(reply, error.rcode, channel, now)
        self.counters.count_request(channel, query.qtype, len(message))
        answer = self._answer(query, now)
        edns = query.edns
        opt = b"" if edns is None else self.opt(edns, answer.rcode)
        room = STREAM_ROOM if channel >= Channel.TCP_IPV4 else self._room(edns)
        reply = encode_reply(message, query, answer, room=room, opt=opt)
        if edns is not None and edns.is_padded and channel >= Channel.DOT_IPV4:
            reply = pad_reply(reply, opt)
        return self._release(reply, answer.rcode, channel, now)

    def _answer(self, query: Query, now: float) -> Answer:
        if query.edns is not None and query.edns.version:
            return _BADVERS
        if query.qclass == Rrclass.IN:
            return resolve(self.zones, query.qname, query.qtype, now)
        if query.qclass == Rrclass.CH:
            return resolve_chaos(self._rules, query.qname, query.qtype)
        return REFUSED

    def _room(self, edns: Edns | None) -> int:
        if edns is None:
            return PLAIN_ROOM
        return max(PLAIN_ROOM, min(edns.payload, self._rules.udp_payload))

    def opt(self, edns: Edns, rcode: int) -> bytes:
        """Return the OPT record of a reply."""
        return encode_opt(
            payload=self._rules.udp_payload,
            rcode=rcode,
            is_dnssec_ok=edns.is_dnssec_ok,
            nsid=self._nsid if edns.wants_nsid else b"",
        )

    def _release(self, reply: bytes, rcode: int, channel: Channel, now: float) -> bytes | None:
        if rcode in _LIMITED and not self._error_limit.allows(now):
            self.counters.drop(Dropped.ERROR_LIMIT)
            return None
        self.counters.count_response(channel, rcode, len(reply))
        return reply
