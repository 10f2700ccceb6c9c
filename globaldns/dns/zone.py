"""What is served: tables that are changed in place by deltas, between two queries.

A forward zone is two tables keyed by folded wire names relative to the apex: entries of hosts, and
how many hosts lie below a name (with one or more it exists, RFC 8020). Entries and keys are shared
by all zones. SRV, TXT, PTR and negative answers are built from them when asked for, never stored.

Standards:
    RFC 1034 section 4.2    zones, their SOA and NS records
    RFC 8020, RFC 4592      empty non-terminals, wildcards
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from globaldns.dns.codes import Rrtype
from globaldns.dns.names import MAX_NAME_OCTETS, ROOT, encode_name, parent
from globaldns.dns.records import encode_ns, encode_soa, encode_txt
from globaldns.dns.reply import Rrset
from globaldns.dns.reverse import Pointers, ReverseZone, reverse_zones
from globaldns.dns.rules import DnsRules
from globaldns.errors import InvalidHost
from globaldns.model.address import Family
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, ZoneDelta

logger = logging.getLogger(__name__)

CONFIRMED_FOR_SECONDS = 60
"""How long after the last word of the control side an absent name is still known to be absent."""

WILDCARD = b"\x01*"
_INSTANCE = encode_name("_globaldns")


class Zone:
    """One forward zone."""

    def __init__(self, name: str, rules: DnsRules) -> None:
        self.name = name
        self.apex = encode_name(name) + ROOT
        self.hosts: dict[bytes, Entry] = {}
        self.below: dict[bytes, int] = {}
        """How many hosts lie below a name, at any depth."""
        self.wildcards = 0
        self.fixed = _fixed_rrsets(rules)
        """What every zone has besides hosts and its apex."""

    def put(self, key: bytes, entry: Entry) -> Entry | None:
        """Set the entry of a host; return the one it had.

        The zone's own names and what is too long for a name are never a host's.
        """
        old = self.hosts.get(key)
        if old is None:
            if key in self.fixed or len(key) + len(self.apex) > MAX_NAME_OCTETS or not key:
                logger.warning(
                    "host cannot be in a zone", extra={"host": entry.host, "zone": self.name}
                )
                return None
            self._count(key, 1)
        self.hosts[key] = entry
        return old

    def remove(self, key: bytes) -> Entry | None:
        """Remove a host; return the entry it had."""
        old = self.hosts.pop(key, None)
        if old is not None:
            self._count(key, -1)
        return old

    def _count(self, key: bytes, step: int) -> None:
        if key.startswith(WILDCARD):
            self.wildcards += step
        above = parent(key)
        while above:
            count = self.below.get(above, 0) + step
            if count:
                self.below[above] = count
            else:
                del self.below[above]
            above = parent(above)


def _fixed_rrsets(rules: DnsRules) -> dict[bytes, tuple[Rrset, ...]]:
    addresses = {
        rrtype: tuple(a for a in rules.nameserver_addresses if len(a) == family)
        for rrtype, family in ((Rrtype.A, Family.IPV4), (Rrtype.AAAA, Family.IPV6))
    }
    return {
        encode_name(rules.nameserver): tuple(
            Rrset(rrtype, rules.ttl, rdatas) for rrtype, rdatas in addresses.items() if rdatas
        ),
        _INSTANCE: (Rrset(Rrtype.TXT, rules.ttl, (encode_txt([rules.instance]),)),),
    }


class Zones:
    """All that is served, forward and reverse."""

    def __init__(self, rules: DnsRules) -> None:
        self.serial: int | None = None
        """None until something was loaded: every name in a zone is SERVFAIL."""
        self.version = 0
        """Goes up when anything that is answered may differ."""
        self._complete = False
        self._confirmed_at = float("-inf")
        self._build(rules)

    def _build(self, rules: DnsRules) -> None:
        self.rules = rules
        self.pointers = Pointers()
        self._forward = tuple(Zone(name, rules) for name in rules.zones)
        self.forward = tuple(sorted(self._forward, key=lambda zone: -len(zone.apex)))
        """The lowest first."""
        zones: list[Zone | ReverseZone] = [z for pool in rules.pools for z in reverse_zones(pool)]
        zones += self._forward
        self._by_apex = {zone.apex: zone for zone in zones}
        first = self._forward[0].apex
        self._mname = encode_name(rules.nameserver)
        self._rname = encode_name(rules.mailbox)
        self._reverse_parent = first
        self._soas: dict[bytes, bytes] = {}

    def reconfigure(self, rules: DnsRules) -> None:
        """Obey other rules from now on; the entries stay."""
        entries = tuple(self.entries())
        self.version += 1
        self._build(rules)
        for entry in entries:
            self._put(entry)
        self.pointers.settle()

    def apply(self, delta: ZoneDelta) -> None:
        """Make a change of what is served, all of it before the next query is answered."""
        for host in delta.deletes:
            self._delete(host)
        for entry in delta.puts:
            self._put(entry)
        self.pointers.settle()
        self.version += 1
        self._complete = delta.complete
        if delta.serial != self.serial:
            self.serial = delta.serial
            self._soas = {}

    def confirm(self, now: float) -> None:
        """Take the control side's word that this is the zone; ``now`` is monotonic."""
        self._confirmed_at = now

    def age(self, now: float) -> float:
        """Return the seconds since it was last confirmed; infinite before the first time."""
        return now - self._confirmed_at

    def may_deny(self, now: float) -> bool:
        """Whether an absent name is known to be absent, and not merely unknown."""
        return self._complete and self.age(now) <= CONFIRMED_FOR_SECONDS

    def find(self, qname: bytes) -> tuple[Zone | ReverseZone, bytes] | None:
        """Return the lowest zone that a folded name is in, and the name relative to its apex."""
        offset = 0
        by_apex = self._by_apex
        while (zone := by_apex.get(qname[offset:])) is None:
            length = qname[offset]
            if not length:
                return None
            offset += length + 1
        return zone, qname[:offset]

    def soa(self, apex: bytes) -> bytes:
        """Return the data of a zone's SOA record; built once per serial."""
        rdata = self._soas.get(apex)
        if rdata is None:
            above = self._above(apex)
            rdata = self._soas[apex] = encode_soa(
                self._mname + above,
                self._rname + above,
                serial=self.serial or 0,
                minimum=self.rules.negative_ttl,
            )
        return rdata

    def ns(self, apex: bytes) -> bytes:
        """Return the data of a zone's NS record."""
        return encode_ns(self._mname + self._above(apex))

    def pointer_target(self, entry: Entry) -> bytes:
        """Return the wire name that the addresses of an entry point at: in its first zone."""
        zone = next(zone for zone in self._forward if zone.name in entry.zones)
        return encode_name(entry.host) + zone.apex

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once."""
        seen: set[Host] = set()
        for zone in self._forward:
            for entry in zone.hosts.values():
                if entry.host not in seen:
                    seen.add(entry.host)
                    yield entry

    def names(self) -> dict[str, int]:
        """Return how many hosts each forward zone has."""
        return {zone.name: len(zone.hosts) for zone in self._forward}

    def _above(self, apex: bytes) -> bytes:
        """Return the apex that the name server of a zone is named below."""
        zone = self._by_apex[apex]
        return zone.apex if isinstance(zone, Zone) else self._reverse_parent

    def _put(self, entry: Entry) -> None:
        try:
            key = encode_name(entry.host)
        except InvalidHost as error:
            logger.warning("host cannot be served", extra={"reason": str(error)})
            return
        old = None
        is_served = False
        for zone in self._forward:
            if zone.name in entry.zones:
                old = zone.put(key, entry) or old
                is_served = is_served or key in zone.hosts
            else:
                old = zone.remove(key) or old
        if old is not None:
            self.pointers.remove(old)
        if is_served:
            self.pointers.put(entry)

    def _delete(self, host: Host) -> None:
        try:
            key = encode_name(host)
        except InvalidHost:
            return  # it was refused when it came
        old = None
        for zone in self._forward:
            old = zone.remove(key) or old
        if old is not None:
            self.pointers.remove(old)
