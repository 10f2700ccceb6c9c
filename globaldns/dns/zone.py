"""What is served: the shared table, as the rules want it read.

SRV, TXT, PTR and negative answers are built when asked for, never stored.

Standards:
    RFC 1034 section 4.2    zones, their SOA and NS records
    RFC 8020, RFC 4592      empty non-terminals, wildcards
"""

from __future__ import annotations

from globaldns.config.values import INSTANCE
from globaldns.dns.codes import Rrtype
from globaldns.dns.names import MAX_NAME_OCTETS, ROOT, encode_name
from globaldns.dns.records import encode_ns, encode_soa, encode_txt
from globaldns.dns.reply import Rrset
from globaldns.dns.reverse import ReverseZone, reverse_zones
from globaldns.dns.rules import DnsRules
from globaldns.dns.table import Table
from globaldns.model.address import Address, Family
from globaldns.model.snapshot import Entry

CONFIRMED_FOR_SECONDS = 60
"""How long after the last word of the control side an absent name is still known to be absent."""

_INSTANCE = encode_name(INSTANCE)
_INSTANCE_TTL = 0
"""Who answers is asked in order to see who answers now (RFC 1035 section 3.2.1)."""


class Zone:
    """One forward zone."""

    def __init__(self, name: str, rules: DnsRules, table: Table) -> None:
        self.name = name
        self.apex = encode_name(name) + ROOT
        namespaces = tuple(map(encode_name, rules.namespaces.get(name, ())))
        self.fixed = _fixed_rrsets(rules, namespaces)
        """What a zone has besides hosts and its apex; no host has its names."""
        self.above = frozenset(namespaces)
        """What exists because something fixed lies below it; of a wildcard it takes nothing."""
        self._table = table

    def host(self, name: bytes) -> Entry | None:
        """Return what the host has that has a folded relative name."""
        at = self._table.find(name)
        entry = self._table.entry(at) if at else None
        is_here = entry is not None and self.name in entry.zones and name not in self.fixed
        return entry if is_here else None

    def has_below(self, name: bytes) -> bool:
        """Whether any host lies below a name, at any depth (RFC 8020)."""
        at = self._table.find(name)
        return bool(at) and self.name in self._table.shape(self._table.row(at).below).zones

    @property
    def has_wildcards(self) -> bool:
        """Whether any host of any zone is a wildcard."""
        return self._table.has_wildcards

    def name_of(self, entry: Entry) -> bytes | None:
        """Return the wire name of a host; None: it has none here."""
        relative = encode_name(entry.host)
        if self.name not in entry.zones or relative in self.fixed:
            return None
        name = relative + self.apex
        return name if len(name) <= MAX_NAME_OCTETS else None


def _fixed_rrsets(rules: DnsRules, namespaces: tuple[bytes, ...]) -> dict[bytes, tuple[Rrset, ...]]:
    addresses = {
        rrtype: tuple(a for a in rules.nameserver_addresses if len(a) == family)
        for rrtype, family in ((Rrtype.A, Family.IPV4), (Rrtype.AAAA, Family.IPV6))
    }
    instance = (Rrset(Rrtype.TXT, _INSTANCE_TTL, (encode_txt([rules.instance]),)),)
    return {
        encode_name(rules.nameserver): tuple(
            Rrset(rrtype, rules.ttl, rdatas) for rrtype, rdatas in addresses.items() if rdatas
        ),
        **{_INSTANCE + name: instance for name in (b"", *namespaces)},
    }


class Zones:
    """All that is served, forward and reverse."""

    def __init__(self, rules: DnsRules, table: Table) -> None:
        self.table = table
        self.changes = 0
        """How often other rules were to be obeyed."""
        self._build(rules)

    def _build(self, rules: DnsRules) -> None:
        self.rules = rules
        self._forward = tuple(Zone(name, rules, self.table) for name in rules.zones)
        self.forward = tuple(sorted(self._forward, key=lambda zone: -len(zone.apex)))
        """The lowest first."""
        zones: list[Zone | ReverseZone] = [z for pool in rules.pools for z in reverse_zones(pool)]
        zones += self._forward
        self._by_apex = {zone.apex: zone for zone in zones}
        self._mname = encode_name(rules.nameserver)
        self._rname = encode_name(rules.mailbox)
        self._reverse_parent = self._forward[0].apex
        self._soas: dict[bytes, bytes] = {}
        self._soas_serial: int | None = None

    @property
    def version(self) -> int:
        """Goes up when anything that is answered may differ."""
        return self.table.version + self.changes

    @property
    def serial(self) -> int | None:
        """None until something was loaded: every name in a zone is SERVFAIL."""
        return self.table.serial

    def reconfigure(self, rules: DnsRules) -> None:
        """Obey other rules from now on."""
        self.changes += 1
        self._build(rules)

    def may_deny(self, now: float) -> bool:
        """Whether an absent name is known to be absent, and not merely unknown."""
        table = self.table
        return table.is_complete and now - table.confirmed_at <= CONFIRMED_FOR_SECONDS

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
        serial = self.serial
        if serial != self._soas_serial:
            self._soas_serial, self._soas = serial, {}
        rdata = self._soas.get(apex)
        if rdata is None:
            above = self._above(apex)
            rdata = self._soas[apex] = encode_soa(
                self._mname + above,
                self._rname + above,
                serial=serial or 0,
                minimum=self.rules.negative_ttl,
            )
        return rdata

    def ns(self, apex: bytes) -> bytes:
        """Return the data of a zone's NS record."""
        return encode_ns(self._mname + self._above(apex))

    def holder(self, address: Address) -> tuple[Entry, bytes] | None:
        """Return who has an address, and the wire name that it points at: in its first zone."""
        at = self.table.holder(address)
        entry = self.table.entry(at) if at else None
        if entry is None:
            return None
        names = (zone.name_of(entry) for zone in self._forward)
        name = next((name for name in names if name), None)
        return (entry, name) if name else None

    def _above(self, apex: bytes) -> bytes:
        """Return the apex that the name server of a zone is named below."""
        zone = self._by_apex[apex]
        return zone.apex if isinstance(zone, Zone) else self._reverse_parent
