"""Answers, independent of messages: what the tables say of a name and type.

Names and their records, for an entry ``web.shop`` with a port ``http``::

    web.shop.global               A AAAA SRV(all ports)
    _http._tcp.web.shop.global    SRV           _tcp.web.shop.global is an empty non-terminal
    _explain.web.shop.global      TXT
    3.2.128.240.in-addr.arpa      PTR           in the reverse zones of the pools
    ns.global  _globaldns.global  A AAAA, TXT
    _globaldns.shop.global        TXT           where shop is a namespace that alone is sent to us

What is not known is a failure, never a denial: NXDOMAIN needs a complete zone that the control
side has confirmed of late (``Zones.may_deny``).

Standards:
    RFC 1034 section 4.3.2   the search; there are no delegations and no CNAMEs
    RFC 2308 section 2       NODATA and NXDOMAIN carry the SOA
    RFC 2782                 SRV
    RFC 4592                 wildcards, the closest encloser
    RFC 8020                 what has something below it exists
    RFC 8482 section 4.1     ANY gets one RRset
"""

from __future__ import annotations

from enum import Enum

from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.names import parent, split_first
from globaldns.dns.records import encode_ptr, encode_srv, encode_txt
from globaldns.dns.reply import Answer, Rrset, Soa
from globaldns.dns.reverse import ReverseZone
from globaldns.dns.rules import DnsRules
from globaldns.dns.table import WILDCARD
from globaldns.dns.zone import Zone, Zones
from globaldns.model.address import Family
from globaldns.model.claim import format_time
from globaldns.model.snapshot import Answering, Entry, EntryPort

REFUSED = Answer(Rcode.REFUSED)
_SERVFAIL = Answer(Rcode.SERVFAIL)

_TRANSPORTS = frozenset((b"_tcp", b"_udp", b"_sctp"))
_EXPLAIN = b"_explain"
_MAX_PORT = 65535


class Lack(Enum):
    """Why there is no RRset."""

    NODATA = "nodata"
    """The name exists, and has other types or none."""
    ABSENT = "absent"
    """The tables do not have the name."""
    FAILURE = "failure"
    """The name exists, but what it has is not known."""


Found = Rrset | Lack


def resolve(zones: Zones, qname: bytes, qtype: int, now: float) -> Answer:
    """Return the answer to a question of class IN; ``qname`` is folded, ``now`` monotonic."""
    if qtype in (Rrtype.AXFR, Rrtype.IXFR):
        return REFUSED
    place = zones.find(qname)
    if place is None:
        return REFUSED
    if zones.serial is None:
        return _SERVFAIL
    zone, name = place
    if not name:
        found = _find_at_apex(zones, zone, qtype)
    elif isinstance(zone, Zone):
        found = _find_forward(zone, name, qtype, zones.rules)
    else:
        found = _find_pointer(zones, zone, name, qtype)
    if isinstance(found, Rrset):
        return Answer(Rcode.NOERROR, True, found)
    if found is Lack.FAILURE or (found is Lack.ABSENT and not zones.may_deny(now)):
        return _SERVFAIL
    rcode = Rcode.NXDOMAIN if found is Lack.ABSENT else Rcode.NOERROR
    ttl = min(zones.rules.ttl, zones.rules.negative_ttl)
    return Answer(rcode, True, None, Soa(len(name), ttl, zones.soa(zone.apex)))


def _find_at_apex(zones: Zones, zone: Zone | ReverseZone, qtype: int) -> Found:
    if qtype in (Rrtype.SOA, Rrtype.ANY):
        return Rrset(Rrtype.SOA, zones.rules.ttl, (zones.soa(zone.apex),))
    if qtype == Rrtype.NS:
        return Rrset(Rrtype.NS, zones.rules.ttl, (zones.ns(zone.apex),))
    if isinstance(zone, ReverseZone):  # of a pool so small that the apex names an address
        found = _find_pointer(zones, zone, b"", qtype)
        return found if isinstance(found, Rrset) else Lack.NODATA
    return Lack.NODATA


def _find_forward(zone: Zone, name: bytes, qtype: int, rules: DnsRules) -> Found:
    entry = zone.host(name)
    if entry is not None:
        return _find_at_host(entry, name + zone.apex, qtype, rules)
    rrsets = zone.fixed.get(name)
    if rrsets is not None:
        return next((r for r in rrsets if qtype in (r.rrtype, Rrtype.ANY)), Lack.NODATA)
    found = _find_below_host(zone, name, qtype, rules)
    if found is not Lack.ABSENT:
        return found
    if zone.has_below(name):
        return Lack.NODATA
    if zone.has_wildcards:
        found = _find_by_wildcard(zone, name, qtype, rules)
    return Lack.NODATA if found is Lack.ABSENT and name in zone.above else found


def _find_at_host(entry: Entry, target: bytes, qtype: int, rules: DnsRules) -> Found:
    """Return what a host has; ``target`` is its wire name."""
    if not _has_all_types(entry):
        if entry.answering is Answering.FAILURE:
            return Lack.FAILURE
        if qtype not in (Rrtype.A, Rrtype.AAAA, Rrtype.ANY):
            return Lack.FAILURE
    rdatas: list[bytes] = []
    rrtype = qtype
    if qtype in (Rrtype.A, Rrtype.ANY):
        rrtype = Rrtype.A
        rdatas = [vip for vip in entry.vips if len(vip) == Family.IPV4]
    if qtype == Rrtype.AAAA or (qtype == Rrtype.ANY and not rdatas):
        rrtype = Rrtype.AAAA
        rdatas = [vip for vip in entry.vips if len(vip) == Family.IPV6]
    if qtype == Rrtype.SRV:
        return _srv(_served_ports(entry), target, rules)
    if rdatas:
        return Rrset(rrtype, rules.ttl, tuple(rdatas))
    is_missing = entry.answering is Answering.PARTIAL and qtype in (Rrtype.A, Rrtype.AAAA)
    return Lack.FAILURE if is_missing else Lack.NODATA


def _has_all_types(entry: Entry) -> bool:
    """Whether an entry says more than addresses."""
    return entry.answering <= Answering.PARTIAL


def _served_ports(entry: Entry) -> tuple[EntryPort, ...]:
    """Return the ports that SRV records name: none without an address to reach them at."""
    return entry.ports if entry.vips else ()


def _srv(ports: tuple[EntryPort, ...], target: bytes, rules: DnsRules) -> Found:
    numbers = dict.fromkeys(port.number for port in ports if 0 <= port.number <= _MAX_PORT)
    rdatas = tuple(encode_srv(number, target) for number in numbers)
    return Rrset(Rrtype.SRV, rules.ttl, rdatas) if rdatas else Lack.NODATA


def _find_below_host(zone: Zone, name: bytes, qtype: int, rules: DnsRules) -> Found:
    """Return what ``_explain.``, ``_proto.`` or ``_port._proto.`` in front of a host has."""
    if name[1:2] != b"_":
        return Lack.ABSENT
    first, rest = split_first(name)
    entry = zone.host(rest)
    if first == _EXPLAIN:
        return _explanation(entry, qtype, rules) if entry and rules.explain else Lack.ABSENT
    if first in _TRANSPORTS:
        return _find_transport(entry, first) if entry else Lack.ABSENT
    transport, host = split_first(rest) if rest else (b"", b"")
    entry = zone.host(host) if transport in _TRANSPORTS else None
    if entry is None:
        return Lack.ABSENT
    return _find_port(entry, _named_ports(entry, first, transport), host + zone.apex, qtype, rules)


def _find_port(
    entry: Entry, ports: tuple[EntryPort, ...], target: bytes, qtype: int, rules: DnsRules
) -> Found:
    """Return what ``_port._proto.`` in front of a host has, with the ports of that name."""
    if not _has_all_types(entry):
        return Lack.FAILURE
    if not ports:
        return Lack.ABSENT
    return _srv(ports, target, rules) if qtype in (Rrtype.SRV, Rrtype.ANY) else Lack.NODATA


def _find_transport(entry: Entry, label: bytes) -> Found:
    """Return what ``_proto.`` in front of a host has: nothing, where ports lie below it."""
    if not _has_all_types(entry):
        return Lack.FAILURE
    has_names = any(_transport_label(port) == label and port.name for port in _served_ports(entry))
    return Lack.NODATA if has_names else Lack.ABSENT


def _named_ports(entry: Entry, label: bytes, transport: bytes) -> tuple[EntryPort, ...]:
    return tuple(
        port
        for port in _served_ports(entry)
        if _port_label(port) == label and _transport_label(port) == transport
    )


def _port_label(port: EntryPort) -> bytes:
    return b"_" + port.name.encode().lower() if port.name else b""


def _transport_label(port: EntryPort) -> bytes:
    return b"_" + port.transport.encode()


def _explanation(entry: Entry, qtype: int, rules: DnsRules) -> Found:
    if qtype not in (Rrtype.TXT, Rrtype.ANY):
        return Lack.NODATA
    strings = [
        f"rule={entry.rule}",
        f"changed={format_time(entry.changed_at)}",
        f"answering={entry.answering.name.lower()}",
        *(f"cluster={cluster}" for cluster in entry.clusters),
    ]
    return Rrset(Rrtype.TXT, rules.ttl, (encode_txt(strings),))


def _find_by_wildcard(zone: Zone, name: bytes, qtype: int, rules: DnsRules) -> Found:
    """Return what the wildcard below a name's closest encloser has (RFC 4592 section 3.3.1).

    A wildcard stands for services, so ``_explain.`` and ``_port._proto.`` in front of a name that
    it covers mean what they mean in front of a host. A namespace that is chosen encloses no more
    than it did before: that we say there who answers ends no wildcard.
    """
    encloser = parent(name)
    while encloser and not _exists(zone, encloser, rules):
        encloser = parent(encloser)
    entry = zone.host(WILDCARD + encloser)
    if entry is None:
        return Lack.ABSENT
    first, rest = split_first(name)
    if first == _EXPLAIN and rules.explain and rest != encloser:
        return _explanation(entry, qtype, rules)
    if qtype == Rrtype.SRV and _has_all_types(entry) and rest != encloser:
        transport, host = split_first(rest)
        if transport in _TRANSPORTS and host != encloser:
            return _srv(_named_ports(entry, first, transport), host + zone.apex, rules)
    return _find_at_host(entry, name + zone.apex, qtype, rules)


def _exists(zone: Zone, name: bytes, rules: DnsRules) -> bool:
    return (
        zone.host(name) is not None
        or zone.has_below(name)
        or name in zone.fixed
        or _find_below_host(zone, name, Rrtype.ANY, rules) is not Lack.ABSENT
    )


def _find_pointer(zones: Zones, zone: ReverseZone, name: bytes, qtype: int) -> Found:
    span = zone.span(name)
    if span is None:
        return Lack.ABSENT
    first, last = span
    if first != last:
        return Lack.NODATA
    held = zones.holder(first)
    if held is None:
        return Lack.ABSENT
    entry, target = held
    if entry.answering is Answering.FAILURE:
        return Lack.FAILURE
    if qtype not in (Rrtype.PTR, Rrtype.ANY):
        return Lack.NODATA
    return Rrset(Rrtype.PTR, zones.rules.ttl, (encode_ptr(target),))
