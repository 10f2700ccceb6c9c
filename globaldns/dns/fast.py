"""The usual queries over UDP, answered at once; ``responder`` is the specification, and the rest.

What repeats is answered from a table: from a query without its ID to its reply without it. What
differs from it in the case of the name alone, as resolvers write names to tell forged replies, is
answered from a second one, of templates. What both lack and has the usual form is looked up and put
together in one go::

    | flags 2 | 0 1 0 0 0 0 0 n | QNAME | QTYPE, QCLASS 4 | nothing, or an OPT record seen before |

Whatever is anything else takes the long way. The tables keep what was asked lately, of a size that
clients have no say in, and all of it is forgotten when anything that is answered may differ. What
does not exist is denied anew each time: who asks for such names asks for ever new ones.

Standards:
    RFC 1035 section 4.1, RFC 4343   queries and replies; the question is echoed octet by octet
    RFC 2308 sections 2, 3           NODATA and NXDOMAIN carry the SOA
"""

from __future__ import annotations

from struct import Struct as Layout
from typing import Generic, NamedTuple, TypeVar

from globaldns.dns.codes import Rcode, Rrclass, Rrtype
from globaldns.dns.counters import Channel, CounterClass
from globaldns.dns.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS
from globaldns.dns.reply import PLAIN_ROOM
from globaldns.dns.responder import Responder
from globaldns.dns.wire import HEADER_OCTETS, parse_query
from globaldns.dns.zone import WILDCARD, Zone
from globaldns.errors import WireError
from globaldns.model.address import Family
from globaldns.model.snapshot import Answering

MOST_REPLIES = 16_384
"""Of one generation of each table; two are kept: some 20 MB of what is usual."""
MOST_OPTS = 1024
_MOST_QUERY_OCTETS = 300

_COUNTS = {b"\0\1\0\0\0\0\0\0": False, b"\0\1\0\0\0\0\0\1": True}
"""Counts of a usual query, and whether an OPT record is to follow."""
_ID_OCTETS = 2
_NAME = HEADER_OCTETS - _ID_OCTETS
"""Offset of the question."""
_UNUSUAL = 0xF8
"""QR and opcode, in the first octet; of the others RD is copied and the rest ignored."""
_RD = 0x01
_POINTER = 0xC000
_POINTERS = tuple(
    (_POINTER | HEADER_OCTETS + offset).to_bytes(2) for offset in range(MAX_NAME_OCTETS + 1)
)
"""Names that begin so far behind the question's first octet (RFC 1035 section 4.1.4)."""

_DATA, _NODATA, _NXDOMAIN = 0, 4, 8
_HAS_OPT = 2
_HEADS = tuple(
    bytes((0x84 | rd, rcode, 0, 1, 0, answers, 0, authorities, 0, opt))
    for rcode, answers, authorities in (
        (Rcode.NOERROR, 1, 0),
        (Rcode.NOERROR, 0, 1),
        (Rcode.NXDOMAIN, 0, 1),
    )
    for opt in (0, 1)
    for rd in (0, 1)
)
"""Headers without ID of authoritative replies."""

_RECORD = Layout(">HHIH")
_QUESTIONS = {
    bytes((0, rrtype, 0, Rrclass.IN)): (rrtype, family)
    for rrtype, family in ((Rrtype.A, Family.IPV4), (Rrtype.AAAA, Family.IPV6))
}

_Value = TypeVar("_Value")
Known = tuple[bytes, CounterClass]
"""A reply without its ID, and what it is counted as."""


class Template(NamedTuple):
    """The replies to queries that differ in the case of their name: the question is echoed."""

    head: bytes
    """Of the query, without ID."""
    tail: bytes
    """Of the query, behind the name."""
    prefix: bytes
    """Of the reply, without ID, up to the question."""
    end: int
    """Of the question in both."""
    suffix: bytes
    """Of the reply, behind the question."""
    counted: CounterClass


class Recent(Generic[_Value]):
    """What was used lately, by octets: two generations, of which the older is forgotten."""

    def __init__(self) -> None:
        self.current: dict[bytes, _Value] = {}
        self._former: dict[bytes, _Value] = {}

    def find(self, key: bytes) -> _Value | None:
        """Return what is known of a key, and keep it."""
        found = self.current.get(key)
        if found is None:
            found = self._former.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: bytes, value: _Value) -> None:
        """Know something from now on."""
        if len(self.current) >= MOST_REPLIES:
            self._former, self.current = self.current, {}
        self.current[key] = value


class FastResponder:
    """Answers what comes over one UDP channel."""

    def __init__(self, responder: Responder, channel: Channel) -> None:
        self._slow = responder
        self._channel = channel
        self._version = -1
        self._may_deny = False
        self._replies: Recent[Known] = Recent()
        """By queries without ID."""
        self._templates: Recent[Template] = Recent()
        """By the same in lower case, all octets of them."""
        self._opts: dict[bytes, bytes] = {}
        """The OPT records of replies, by those of their queries."""
        self._classes: dict[tuple[int, int, int], CounterClass] = {}
        """Counter classes by kind of reply, family, and octets of the query."""
        self._owner: dict[Family, bytes] = {}
        """All in front of an address in a record of the question's own name."""
        self._soas: dict[bytes, bytes] = {}
        """The SOA records of negative replies by apex, without their owner."""

    def begin(self, now: float) -> dict[bytes, Known]:
        """Begin to answer at a monotonic time; return what is known already."""
        zones = self._slow.zones
        if self._version != zones.version or self._may_deny != zones.may_deny(now):
            self._renew(now)
        return self._replies.current

    def find(self, query: bytes, now: float) -> bytes | None:
        """Return the reply to a query that is not known, both without ID; None for silence."""
        folded = query.lower()
        template = self._templates.find(folded)
        if (
            template is not None
            and query.startswith(template.head)
            and query.endswith(template.tail)
        ):
            template.counted[0] += 1
            return template.prefix + query[_NAME : template.end] + template.suffix
        known = self._replies.find(query)
        if known is not None:
            known[1][0] += 1
            return known[0]
        return self._build(query, folded) or self._ask(query, now)

    def _renew(self, now: float) -> None:
        zones = self._slow.zones
        self._version, self._may_deny = zones.version, zones.may_deny(now)
        self._replies, self._templates = Recent(), Recent()
        self._opts, self._classes = {}, {}
        rules = zones.rules
        self._owner = {
            family: (_POINTER | HEADER_OCTETS).to_bytes(2)
            + _RECORD.pack(rrtype, Rrclass.IN, rules.ttl, family)
            for rrtype, family in _QUESTIONS.values()
        }
        ttl = min(rules.ttl, rules.negative_ttl)
        self._soas = {}
        if zones.serial is not None:
            for zone in zones.forward:
                rdata = zones.soa(zone.apex)
                head = _RECORD.pack(Rrtype.SOA, Rrclass.IN, ttl, len(rdata))
                self._soas[zone.apex] = head + rdata

    def _build(self, query: bytes, folded: bytes) -> bytes | None:
        """Return the reply to a usual query; None: it is not, or not so simple."""
        has_opt = _COUNTS.get(query[2:_NAME])
        root = query.find(0, _NAME)
        end = root + 5
        question = _QUESTIONS.get(query[root + 1 : end])
        if question is None or has_opt is None or root < 0 or query[0] & _UNUSUAL:
            return None
        opt = query[end:]
        if has_opt:
            answered = self._opts.get(opt)
            if answered is None:
                return None
            opt = answered
        elif opt:
            return None
        kind, records = self._look_up(folded[_NAME : root + 1], question[1])
        if not records:
            return None
        prefix = _HEADS[kind | (_HAS_OPT if opt else 0) | query[0] & _RD]
        reply = b"".join((prefix, query[_NAME:end], records, opt))
        octets = len(reply) + _ID_OCTETS
        if octets > PLAIN_ROOM:
            return None
        counted = self._class_of(kind, question, len(query) + _ID_OCTETS, octets)
        counted[0] += 1
        if kind is not _NXDOMAIN:  # names that do not exist are without number
            head, tail = query[:_NAME], query[root + 1 :]
            template = Template(head, tail, prefix, end, records + opt, counted)
            self._templates.keep(folded, template)
            self._replies.keep(query, (reply, counted))
        return reply

    def _class_of(
        self, kind: int, question: tuple[Rrtype, Family], query_octets: int, octets: int
    ) -> CounterClass:
        """Return what a reply is counted in; its octets follow from the rest."""
        key = (kind, question[1], query_octets << 16 | octets)
        found = self._classes.get(key)
        if found is None:
            rcode = Rcode.NXDOMAIN if kind is _NXDOMAIN else Rcode.NOERROR
            found = self._slow.counters.class_of(
                self._channel, question[0], query_octets, rcode, octets
            )
            self._classes[key] = found
        return found

    def _look_up(self, name: bytes, family: Family) -> tuple[int, bytes]:
        """Return what a name has of a family, as records; none: it is not so simple."""
        for zone in self._slow.zones.forward:
            apex = zone.apex
            if not name.endswith(apex):
                continue
            relative = name[: -len(apex)]
            entry = zone.hosts.get(relative)
            if entry is None:
                if not self._is_absent(relative, zone):
                    break
                kind = _NXDOMAIN
            else:
                if len(entry.vips) != 1 or entry.answering is Answering.FAILURE:
                    break
                vip = entry.vips[0]
                if len(vip) == family:
                    return _DATA, self._owner[family] + vip
                if entry.answering is not Answering.DATA:
                    break
                kind = _NODATA
            return kind, _POINTERS[len(relative)] + self._soas[apex]
        return _DATA, b""

    def _is_absent(self, relative: bytes, zone: Zone) -> bool:
        """Whether a name is known to be absent, at a glance."""
        return (
            self._may_deny
            and relative not in zone.below
            and relative not in zone.fixed
            and relative[1:2] != b"_"  # as those of a host's own names below it
            and len(relative) + len(zone.apex) <= MAX_NAME_OCTETS
            and _is_name(relative)
            and not (zone.wildcards and _may_be_covered(relative, zone))
        )

    def _ask(self, query: bytes, now: float) -> bytes | None:
        """Have the specification answer, and learn from it."""
        message = bytes(_ID_OCTETS) + query
        reply = self._slow.respond(message, self._channel, now)
        if reply is None:
            return None
        try:
            parsed = parse_query(message)
        except WireError:
            return reply[_ID_OCTETS:]
        edns = parsed.edns
        if edns is not None and edns.version:
            return reply[_ID_OCTETS:]
        if edns is not None and _COUNTS.get(query[2:_NAME]):
            if len(self._opts) >= MOST_OPTS:
                self._opts.clear()
            self._opts[message[parsed.end :]] = self._slow.opt(edns, Rcode.NOERROR)
        rcode = Rcode(reply[3] & 0x0F)
        counted = self._slow.counters.class_of(
            self._channel, parsed.qtype, len(message), rcode, len(reply)
        )
        if len(query) <= _MOST_QUERY_OCTETS and len(reply) <= PLAIN_ROOM:
            self._replies.keep(query, (reply[_ID_OCTETS:], counted))
        return reply[_ID_OCTETS:]


def _may_be_covered(relative: bytes, zone: Zone) -> bool:
    """Whether a wildcard may stand for an absent name: one lies next to it or to a name above."""
    above = relative
    while above:
        above = above[above[0] + 1 :]
        if WILDCARD + above in zone.hosts:
            return True
    return False


def _is_name(relative: bytes) -> bool:
    """Whether octets are whole labels, at least one."""
    offset, end = 0, len(relative)
    while offset < end:
        length = relative[offset]
        if length > MAX_LABEL_OCTETS:
            return False
        offset += length + 1
    return offset == end > 0
