"""The usual queries, answered at once; ``responder`` is the specification, and the rest.

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
from globaldns.dns.table import CONFIRMED, ROW, VERSION, WILDCARD, Table
from globaldns.dns.wire import HEADER_OCTETS, ID_OCTETS, parse_query
from globaldns.dns.zone import CONFIRMED_FOR_SECONDS, Zone
from globaldns.errors import WireError
from globaldns.model.address import Family
from globaldns.model.snapshot import Answering

MOST_REPLIES = 16_384
"""Of one generation of each table; two are kept: some 20 MB of what is usual."""
MOST_OPTS = 1024
MOST_DENIALS = 1024
_MOST_QUERY_OCTETS = 300

_COUNTS = {b"\0\1\0\0\0\0\0\0": False, b"\0\1\0\0\0\0\0\1": True}
"""Counts of a usual query, and whether an OPT record is to follow."""
_NAME = HEADER_OCTETS - ID_OCTETS
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


class Denial(NamedTuple):
    """The replies to queries for absent names of one length that differ in their name alone."""

    apex_at: int
    """Where their zone's name begins in them."""
    apex: bytes
    zone: Zone
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
    """Answers what comes over one channel."""

    def __init__(self, responder: Responder, channel: Channel) -> None:
        self._slow = responder
        self._table = responder.zones.table
        self._memory = self._table.memory
        self._counters = responder.counters
        self._channel = channel
        self._words, self._times = self._table.words, self._table.times
        self._version = -1
        self._is_fresh = False
        """Whether the table was confirmed of late."""
        self._may_deny = False
        self._has_wildcards = False
        self._names = self._names_mask = 0
        """Where the words of names begin in the table."""
        self._replies: Recent[Known] = Recent()
        """By queries without ID."""
        self._templates: Recent[Template] = Recent()
        """By the same in lower case, all octets of them."""
        self._opts: dict[bytes, bytes] = {}
        """The OPT records of replies, by those of their queries."""
        self._denials: dict[tuple[int, bytes, bytes], Denial] = {}
        """By where the name ends in a query, what is in front of it, and what is behind."""
        self._owner: dict[Family, bytes] = {}
        """All in front of an address in a record of the question's own name."""
        self._zones: dict[bytes, Zone] = {}
        """By apex, the lowest first."""
        self._soas: dict[bytes, bytes] = {}
        """The SOA records of negative replies by apex, without their owner."""

    def begin(self, now: float) -> dict[bytes, Known]:
        """Begin to answer at a monotonic time; return what is known already."""
        version = self._words[VERSION] + self._slow.zones.changes + self._counters.generation
        is_fresh = now - self._times[CONFIRMED] <= CONFIRMED_FOR_SECONDS
        if version != self._version or is_fresh is not self._is_fresh:
            self._slow.look()
            self._is_fresh = is_fresh
            self._renew(now)
        return self._replies.current

    def respond(self, query: bytes, now: float) -> bytes | None:
        """Return the reply to a query, both without ID; None for silence."""
        known = self.begin(now).get(query)
        if known is None:
            return self.find(query, now)
        known[1][0] += 1
        return known[0]

    def find(self, query: bytes, now: float) -> bytes | None:
        """Return the reply to a query that is not known, both without ID; None for silence."""
        folded = query.lower()
        template = self._templates.current.get(folded)
        if template is None:
            denied = self._deny(query, folded)
            if denied is not None:
                return denied
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

    def _deny(self, query: bytes, folded: bytes) -> bytes | None:
        """Return the reply to a query as one that was denied, if its name is absent too."""
        root = query.find(0, _NAME)
        denial = self._denials.get((root, query[:_NAME], query[root + 1 :]))
        if denial is None:
            return None
        apex_at, apex, zone, prefix, end, suffix, counted = denial
        name = folded[_NAME:apex_at]
        if folded[apex_at : root + 1] != apex:
            return None
        # Most names that are not in the table are none at the first word that they may have there.
        if self._words[self._names + (hash(name) & self._names_mask)] and self._table.find(name):
            return None
        if not self._is_absent(name, zone):
            return None
        counted[0] += 1
        return prefix + query[_NAME:end] + suffix

    def _renew(self, now: float) -> None:
        zones = self._slow.zones
        self._version = zones.version + self._counters.generation
        self._may_deny = zones.may_deny(now)
        root = self._table.look()
        self._names, self._names_mask = root.names, root.names_mask
        self._has_wildcards = bool(root.wildcards)
        self._replies, self._templates = Recent(), Recent()
        self._opts, self._denials = {}, {}
        rules = zones.rules
        self._owner = {
            family: (_POINTER | HEADER_OCTETS).to_bytes(2)
            + _RECORD.pack(rrtype, Rrclass.IN, rules.ttl, family)
            for rrtype, family in _QUESTIONS.values()
        }
        ttl = min(rules.ttl, rules.negative_ttl)
        self._soas = {}
        self._zones = {zone.apex: zone for zone in zones.forward}
        if zones.serial is not None:
            for zone in zones.forward:
                rdata = zones.soa(zone.apex)
                head = _RECORD.pack(Rrtype.SOA, Rrclass.IN, ttl, len(rdata))
                self._soas[zone.apex] = head + rdata

    def _build(self, query: bytes, folded: bytes) -> bytes | None:
        """Return the reply to a usual query; None: it is not, or not so simple."""
        root = query.find(0, _NAME)
        question = _QUESTIONS.get(query[root + 1 : root + 5])
        opt = self._opt_of(query, root + 5)
        if question is None or opt is None or root < 0 or query[0] & _UNUSUAL:
            return None
        kind, records, apex = self._look_up(folded[_NAME : root + 1], question[1])
        prefix = _HEADS[kind | (_HAS_OPT if opt else 0) | query[0] & _RD]
        reply = b"".join((prefix, query[_NAME : root + 5], records, opt))
        octets = len(reply) + ID_OCTETS
        if not records or octets > PLAIN_ROOM:
            return None
        rcode = Rcode.NXDOMAIN if kind is _NXDOMAIN else Rcode.NOERROR
        counted = self._counters.class_of(
            self._channel, question[0], len(query) + ID_OCTETS, rcode, octets
        )
        counted[0] += 1
        head, tail = query[:_NAME], query[root + 1 :]
        rest = (prefix, root + 5, records + opt, counted)
        if kind is _NXDOMAIN:  # names that do not exist are without number
            if len(self._denials) >= MOST_DENIALS:
                self._denials.clear()
            apex_at = root + 1 - len(apex)
            self._denials[root, head, tail] = Denial(apex_at, apex, self._zones[apex], *rest)
        else:
            self._templates.keep(folded, Template(head, tail, *rest))
            self._replies.keep(query, (reply, counted))
        return reply

    def _opt_of(self, query: bytes, end: int) -> bytes | None:
        """Return the OPT record of the reply, empty for none; None: the query is not usual."""
        has_opt = _COUNTS.get(query[2:_NAME])
        opt = query[end:]
        if has_opt:
            return self._opts.get(opt)
        return None if has_opt is None or opt else b""

    def _look_up(self, name: bytes, family: Family) -> tuple[int, bytes, bytes]:
        """Return what a name has of a family, as records, and its zone; no records: not so simple.

        A denial only is given where absent names are known to be absent.
        """
        for apex, zone in self._zones.items():
            if name.endswith(apex):
                relative = name[: -len(apex)]
                at = self._table.find(relative)
                if at and relative not in zone.fixed:
                    return *self._look_at(at, zone, len(relative), family), apex
                if self._may_deny and not at and self._is_absent(relative, zone):
                    return _NXDOMAIN, _POINTERS[len(relative)] + self._soas[apex], apex
                break
        return _DATA, b"", b""

    def _look_at(self, at: int, zone: Zone, octets: int, family: Family) -> tuple[int, bytes]:
        """Return what the host at a place has, whose name has so many octets in the zone."""
        _, shape, _, vip_count, answering, _ = ROW.unpack_from(self._memory, at)
        is_here = zone.name in self._table.shape(shape).zones
        if vip_count == 1 and is_here and answering != Answering.FAILURE:
            start = at + ROW.size + octets + 1
            vip = self._memory[start : start + self._memory[start - 1]]
            if len(vip) == family:
                return _DATA, self._owner[family] + vip
            if answering == Answering.DATA:
                return _NODATA, _POINTERS[octets] + self._soas[zone.apex]
        return _DATA, b""

    def _is_absent(self, relative: bytes, zone: Zone) -> bool:
        """Whether a name that is not in the table is known to be absent, at a glance."""
        return (
            _is_plain(relative)
            and relative not in zone.fixed
            and relative not in zone.above
            and not (self._has_wildcards and _may_be_covered(relative, self._table))
        )

    def _ask(self, query: bytes, now: float) -> bytes | None:
        """Have the specification answer, and learn from it."""
        message = bytes(ID_OCTETS) + query
        reply = self._slow.respond(message, self._channel, now)
        if reply is None:
            return None
        try:
            parsed = parse_query(message)
        except WireError:
            return reply[ID_OCTETS:]
        edns = parsed.edns
        if edns is not None and edns.version:
            return reply[ID_OCTETS:]
        is_padded = edns is not None and edns.is_padded and self._channel >= Channel.DOT_IPV4
        if edns is not None and not is_padded and _COUNTS.get(query[2:_NAME]):
            if len(self._opts) >= MOST_OPTS:
                self._opts.clear()
            self._opts[message[parsed.end :]] = self._slow.opt(edns, Rcode.NOERROR)
        if len(query) <= _MOST_QUERY_OCTETS and len(reply) <= PLAIN_ROOM:
            rcode = Rcode(reply[3] & 0x0F)
            counted = self._counters.class_of(
                self._channel, parsed.qtype, len(message), rcode, len(reply)
            )
            self._replies.keep(query, (reply[ID_OCTETS:], counted))
        return reply[ID_OCTETS:]


def _may_be_covered(relative: bytes, table: Table) -> bool:
    """Whether a wildcard may stand for an absent name: one lies next to it or to a name above."""
    above = relative
    while above:
        above = above[above[0] + 1 :]
        if table.find(WILDCARD + above):
            return True
    return False


def _is_plain(relative: bytes) -> bool:
    """Whether octets are whole labels, one or two, and not of a host's own names below it."""
    if not relative or relative[1:2] == b"_":
        return False
    first, octets = relative[0], len(relative)
    second = relative[first + 1] if first + 1 < octets else -1
    return first <= MAX_LABEL_OCTETS >= second and octets == first + second + 2
