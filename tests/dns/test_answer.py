from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from globaldns.dns.answer import resolve
from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.names import encode_name
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.dns.zone import Zones
from globaldns.model.address import parse_prefix
from globaldns.model.snapshot import Answering, Entry, EntryPort, ZoneDelta

RULES = DnsRules(zones=("global",), pools=(parse_prefix("240.128.0.0/16"),))


def rcode(zones: Zones, name: str, rrtype: Rrtype = Rrtype.A, now: float = 0.0) -> Rcode:
    return resolve(zones, encode_name(name) + b"\0", rrtype, now).rcode


def loaded(*entries: Entry, complete: bool = True, rules: DnsRules = RULES) -> Zones:
    scribe = Scribe(Table())
    scribe.apply(ZoneDelta(1, complete=complete, puts=entries))
    scribe.confirm(0.0)
    return Zones(rules, scribe.table)


@pytest.mark.parametrize("name", ["global", "ns.global", "web.shop.global", "128.240.in-addr.arpa"])
def test_before_anything_is_loaded_every_name_of_ours_is_a_failure(name: str) -> None:
    scribe = Scribe(Table())
    scribe.confirm(0.0)
    zones = Zones(RULES, scribe.table)
    assert rcode(zones, name, Rrtype.SOA) is Rcode.SERVFAIL
    assert rcode(zones, "example.com") is Rcode.REFUSED


ABSENT = ["nope.global", "x.web.shop.global", "_x._tcp.web.shop.global", "9.9.128.240.in-addr.arpa"]


@pytest.mark.parametrize("name", ABSENT)
@pytest.mark.parametrize(
    ("complete", "age", "expected"),
    [
        (True, 0.0, Rcode.NXDOMAIN),
        (True, 60.0, Rcode.NXDOMAIN),
        (True, 60.5, Rcode.SERVFAIL),
        (True, 1e9, Rcode.SERVFAIL),
        (False, 0.0, Rcode.SERVFAIL),
    ],
)
def test_an_absent_name_is_denied_only_when_it_is_known_to_be_absent(
    entry: Callable[..., Entry], name: str, age: float, expected: Rcode, *, complete: bool
) -> None:
    web = entry("web.shop", "240.128.0.1", ports=(EntryPort(80, "http", "tcp"),))
    zones = loaded(web, complete=complete)
    assert rcode(zones, name, now=age) is expected


@pytest.mark.parametrize(
    ("name", "rrtype"),
    [
        ("web.shop.global", Rrtype.A),
        ("web.shop.global", Rrtype.AAAA),
        ("shop.global", Rrtype.A),
        ("global", Rrtype.SOA),
        ("1.0.128.240.in-addr.arpa", Rrtype.PTR),
        ("any.wild.global", Rrtype.A),
    ],
)
def test_what_is_known_is_answered_however_old_the_zone_is(
    entry: Callable[..., Entry], name: str, rrtype: Rrtype
) -> None:
    zones = loaded(entry("web.shop", "240.128.0.1"), entry("*.wild", "240.128.0.2"), complete=False)
    answer = resolve(zones, encode_name(name) + b"\0", rrtype, 1e9)
    assert answer.rcode is Rcode.NOERROR
    assert answer.is_authoritative


def test_names_that_we_keep_below_a_host_enclose_what_is_below_them(
    entry: Callable[..., Entry],
) -> None:
    """``*.web.shop`` covers ``x.web.shop``, and not what is below ``_tcp.web.shop``."""
    web = entry("web.shop", "240.128.0.1", ports=(EntryPort(80, "http", "tcp"),))
    zones = loaded(web, entry("*.web.shop", "240.128.0.2"))
    assert rcode(zones, "x.web.shop.global") is Rcode.NOERROR
    assert rcode(zones, "x.y.web.shop.global") is Rcode.NOERROR
    assert rcode(zones, "_x._tcp.web.shop.global") is Rcode.NXDOMAIN
    assert rcode(zones, "x._http._tcp.web.shop.global") is Rcode.NXDOMAIN
    assert rcode(zones, "_x._udp.web.shop.global") is Rcode.NOERROR


def test_a_wildcard_at_the_apex_covers_what_nothing_else_encloses(
    entry: Callable[..., Entry],
) -> None:
    zones = loaded(entry("*", "240.128.0.1"), entry("web.shop", "240.128.0.2"))
    assert rcode(zones, "a.b.c.global") is Rcode.NOERROR
    assert rcode(zones, "x.shop.global") is Rcode.NXDOMAIN
    assert rcode(zones, "x.ns.global") is Rcode.NXDOMAIN


@pytest.mark.parametrize(
    "name", ["chosen.global", "x.chosen.global", "_explain.chosen.global", "a.b.chosen.global"]
)
def test_a_chosen_namespace_takes_nothing_of_a_wildcard(
    entry: Callable[..., Entry], name: str
) -> None:
    everywhere, web = entry("*", "240.128.0.1"), entry("web.shop", "240.128.0.2")
    rrtype = Rrtype.TXT if name.startswith("_") else Rrtype.A
    chosen = msgspec.structs.replace(RULES, namespaces={"global": ("chosen",)})
    for rules in (RULES, chosen):
        zones = loaded(everywhere, web, rules=rules)
        assert resolve(zones, encode_name(name) + b"\0", rrtype, 0.0).rrset is not None
    zones = loaded(web, rules=chosen)
    is_itself = name == "chosen.global"
    assert rcode(zones, name, rrtype) is (Rcode.NOERROR if is_itself else Rcode.NXDOMAIN)


def test_a_failing_wildcard_fails_for_what_it_covers(entry: Callable[..., Entry]) -> None:
    zones = loaded(entry("*.wild", answering=Answering.FAILURE), entry("a.wild", "240.128.0.1"))
    assert rcode(zones, "x.wild.global") is Rcode.SERVFAIL
    assert rcode(zones, "_http._tcp.x.wild.global", Rrtype.SRV) is Rcode.SERVFAIL
    assert rcode(zones, "_explain.x.wild.global", Rrtype.TXT) is Rcode.NOERROR
    assert rcode(zones, "a.wild.global") is Rcode.NOERROR


def test_explanations_can_be_switched_off(entry: Callable[..., Entry]) -> None:
    rules = msgspec.structs.replace(RULES, explain=False)
    zones = loaded(entry("web.shop", "240.128.0.1"), entry("*.wild"), rules=rules)
    assert rcode(zones, "_explain.web.shop.global", Rrtype.TXT) is Rcode.NXDOMAIN
    answer = resolve(zones, encode_name("_explain.x.wild.global") + b"\0", Rrtype.TXT, 0.0)
    assert answer.rrset is None


def test_a_negative_ttl_is_never_above_the_soa_record_s_own() -> None:
    rules = msgspec.structs.replace(RULES, ttl=5, negative_ttl=60)
    soa = resolve(loaded(rules=rules), encode_name("nope.global") + b"\0", Rrtype.A, 0.0).soa
    assert soa is not None
    assert soa.ttl == 5


def test_the_apex_of_a_pool_of_few_addresses_points_at_its_host(
    entry: Callable[..., Entry],
) -> None:
    rules = msgspec.structs.replace(RULES, pools=(parse_prefix("192.0.2.4/30"),))
    zones = loaded(entry("web.shop", "192.0.2.5"), rules=rules)
    for rrtype in (Rrtype.PTR, Rrtype.SOA, Rrtype.NS):
        answer = resolve(zones, encode_name("5.2.0.192.in-addr.arpa") + b"\0", rrtype, 0.0)
        assert answer.rrset is not None
        assert answer.rrset.rrtype == rrtype
    assert rcode(zones, "6.2.0.192.in-addr.arpa", Rrtype.PTR) is Rcode.NOERROR  # NODATA: an apex


@pytest.mark.parametrize(
    "port",
    [
        EntryPort(70000, "http", "tcp"),
        EntryPort(-1, "http", "tcp"),
        EntryPort(80, "x" * 300, "tcp"),
        EntryPort(80, "", "tcp"),
        EntryPort(80, "\n", "carrier-pigeon"),
    ],
)
def test_an_odd_port_raises_nothing(entry: Callable[..., Entry], port: EntryPort) -> None:
    zones = loaded(entry("web.shop", "240.128.0.1", ports=(port,)))
    for name in ("", "_http._tcp.", "_tcp.", "_._tcp.".replace("_.", "_x.")):
        assert rcode(zones, f"{name}web.shop.global", Rrtype.SRV) is not Rcode.SERVFAIL


def test_an_address_of_a_family_that_is_not_known_yet_is_a_failure(
    entry: Callable[..., Entry],
) -> None:
    ports = (EntryPort(80, "http", "tcp"),)
    zones = loaded(entry("web.shop", "fd00::1", ports=ports, answering=Answering.PARTIAL))
    expected = {
        ("web.shop.global", Rrtype.A): Rcode.SERVFAIL,
        ("web.shop.global", Rrtype.AAAA): Rcode.NOERROR,
        ("web.shop.global", Rrtype.SRV): Rcode.NOERROR,
        ("web.shop.global", Rrtype.NS): Rcode.NOERROR,
        ("_http._tcp.web.shop.global", Rrtype.SRV): Rcode.NOERROR,
        ("_tcp.web.shop.global", Rrtype.A): Rcode.NOERROR,
    }
    assert {asked: rcode(zones, *asked) for asked in expected} == expected


@pytest.mark.parametrize("name", ["9.128.240.in-addr.arpa", "c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa"])
def test_what_many_addresses_are_below_exists_before_any_of_them_is_a_vip(
    entry: Callable[..., Entry], name: str
) -> None:
    rules = msgspec.structs.replace(RULES, pools=(*RULES.pools, parse_prefix("fd67:6c6f::/32")))
    zones = loaded(rules=rules)
    before = resolve(zones, encode_name(name) + b"\0", Rrtype.PTR, 0.0)
    assert (before.rcode, before.rrset) == (Rcode.NOERROR, None)
    zones = loaded(entry("web.shop", "240.128.9.1", "fd67:6c6f:6261:6c00::1"), rules=rules)
    assert resolve(zones, encode_name(name) + b"\0", Rrtype.PTR, 0.0) == before
    assert resolve(zones, encode_name(name) + b"\0", Rrtype.PTR, 1e9) == before


def test_a_reverse_name_of_a_host_that_fails_is_not_denied(entry: Callable[..., Entry]) -> None:
    zones = loaded(entry("web.shop", "240.128.0.1", answering=Answering.FAILURE))
    assert rcode(zones, "1.0.128.240.in-addr.arpa", Rrtype.PTR) is Rcode.SERVFAIL
    assert rcode(zones, "2.0.128.240.in-addr.arpa", Rrtype.PTR) is Rcode.NXDOMAIN
    assert rcode(zones, "web.shop.global") is Rcode.SERVFAIL
