from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from globaldns.dns.names import encode_name
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.dns.zone import Zone, Zones
from globaldns.model.address import Address, parse_address, parse_prefix
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, ZoneDelta

RULES = DnsRules(zones=("global", "mesh.example"), pools=(parse_prefix("240.128.0.0/16"),))
ADDRESS = parse_address("240.128.0.1")


@pytest.fixture
def scribe() -> Scribe:
    return Scribe(Table())


@pytest.fixture
def zones(scribe: Scribe) -> Zones:
    return Zones(RULES, scribe.table)


def delta(*puts: Entry, deletes: tuple[str, ...] = (), serial: int = 1) -> ZoneDelta:
    return ZoneDelta(serial, complete=True, puts=puts, deletes=tuple(map(Host, deletes)))


def forward(zones: Zones, name: str = "global") -> Zone:
    place = zones.find(encode_name(name) + b"\0")
    assert place is not None
    assert isinstance(place[0], Zone)
    return place[0]


def target(zones: Zones, address: Address = ADDRESS) -> bytes | None:
    """Return the name that an address points at."""
    held = zones.holder(address)
    return held[1] if held else None


def wire(name: str) -> bytes:
    return encode_name(name) + b"\0"


def test_a_host_is_in_its_zones_and_what_is_above_it_exists_there_alone(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones
) -> None:
    both = entry("web.a", "240.128.0.1")
    scribe.apply(delta(both, entry("web.b", "240.128.0.2", zones=("mesh.example",))))
    one, other = forward(zones), forward(zones, "mesh.example")
    assert one.host(encode_name("web.a")) == other.host(encode_name("web.a")) == both
    assert one.host(encode_name("web.b")) is None
    assert other.host(encode_name("web.b")) is not None
    above = {name: encode_name(name) for name in ("a", "b", "web.a", "")}
    assert {name for name, key in above.items() if one.has_below(key)} == {"a"}
    assert {name for name, key in above.items() if other.has_below(key)} == {"a", "b"}


def test_a_host_that_left_a_zone_is_no_longer_in_it(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones
) -> None:
    scribe.apply(delta(entry("web.shop", "240.128.0.1")))
    assert target(zones) == wire("web.shop.global")
    scribe.apply(delta(entry("web.shop", "240.128.0.1", zones=("mesh.example",))))
    assert scribe.names() == {"global": 0, "mesh.example": 1}
    assert forward(zones).host(encode_name("web.shop")) is None
    assert not forward(zones).has_below(encode_name("shop"))
    assert target(zones) == wire("web.shop.mesh.example")


@pytest.mark.parametrize("swap", [False, True])
def test_a_vip_may_change_hands_in_one_delta_in_any_order(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones, *, swap: bool
) -> None:
    scribe.apply(delta(entry("old.a", "240.128.0.1")))
    puts = [entry("new.a", "240.128.0.1"), entry("old.a", "240.128.0.2")]
    scribe.apply(delta(*(reversed(puts) if swap else puts)))
    assert target(zones) == wire("new.a.global")


def test_an_address_that_went_to_another_stays_with_it(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones
) -> None:
    scribe.apply(delta(entry("old.a", "240.128.0.1")))
    scribe.apply(delta(entry("new.a", "240.128.0.1"), deletes=("old.a",)))
    assert target(zones) == wire("new.a.global")
    scribe.apply(delta(deletes=("new.a",)))
    assert target(zones) is None


@pytest.mark.parametrize("host", ["x" * 64, "a..b", "", ".".join(["x" * 60] * 5)])
def test_one_host_that_cannot_be_served_keeps_no_other_from_it(
    entry: Callable[..., Entry], scribe: Scribe, host: str
) -> None:
    scribe.apply(delta(entry(host, "240.128.0.9"), entry("web.shop", "240.128.0.1")))
    assert scribe.names() == {"global": 1, "mesh.example": 1}
    assert [e.host for e in scribe.entries()] == ["web.shop"]
    scribe.apply(delta(deletes=(host,)))
    assert scribe.names()["global"] == 1


@pytest.mark.parametrize("host", ["ns", "_globaldns", ".".join(["x" * 60] * 4) + ".abc"])
def test_a_host_whose_name_is_the_zone_s_own_or_too_long_has_no_name_there(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones, host: str
) -> None:
    scribe.apply(delta(entry(host, "240.128.0.1"), entry("web.shop", "240.128.0.2")))
    assert target(zones) is None
    assert target(zones, parse_address("240.128.0.2")) == wire("web.shop.global")
    zone = forward(zones)
    assert len(wire(f"{host}.global")) > 255 or zone.host(encode_name(host)) is None


def test_who_answers_is_said_in_chosen_namespaces_which_exist_then_and_may_be_hosts(
    entry: Callable[..., Entry], scribe: Scribe
) -> None:
    rules = msgspec.structs.replace(RULES, namespaces={"global": ("shop", "empty")})
    zones = Zones(rules, scribe.table)
    scribe.apply(delta(entry("shop", "240.128.0.1"), entry("_globaldns.shop", "240.128.0.2")))
    assert target(zones) == wire("shop.global")
    assert target(zones, parse_address("240.128.0.2")) == wire("_globaldns.shop.mesh.example")
    chosen, whole = forward(zones), forward(zones, "mesh.example")
    shop, empty = encode_name("shop"), encode_name("empty")
    assert chosen.host(shop) is not None
    assert (chosen.above, whole.above) == ({shop, empty}, set())
    assert not chosen.has_below(empty)
    said = {
        name
        for name in ("shop", "empty", "other")
        if encode_name(f"_globaldns.{name}") in chosen.fixed
    }
    assert said == {"shop", "empty"}
    zones.reconfigure(RULES)
    assert empty not in forward(zones).above


def test_an_address_points_at_the_first_zone_that_has_room_for_the_name(
    entry: Callable[..., Entry], scribe: Scribe
) -> None:
    host = ".".join(["x" * 60] * 4)
    zones = Zones(msgspec.structs.replace(RULES, zones=("mesh.example", "global")), scribe.table)
    scribe.apply(delta(entry(host, "240.128.0.1")))
    assert target(zones) == wire(f"{host}.global")


def test_the_longest_zone_has_a_name(entry: Callable[..., Entry], scribe: Scribe) -> None:
    zones = Zones(DnsRules(zones=("global", "eu.global")), scribe.table)
    scribe.apply(delta(entry("web", zones=("eu.global",))))
    for name, apex in {"web.eu.global": "eu.global", "web.us.global": "global"}.items():
        place = zones.find(wire(name))
        assert place is not None
        assert place[0].apex == wire(apex)
    assert zones.find(wire("xglobal")) is None


def test_the_soa_is_built_once_per_serial(scribe: Scribe, zones: Zones) -> None:
    apex = forward(zones).apex
    scribe.apply(delta(serial=5))
    first = zones.soa(apex)
    scribe.apply(delta(serial=5))
    assert zones.soa(apex) is first
    scribe.apply(delta(serial=6))
    assert zones.soa(apex) != first


def test_a_denial_needs_a_complete_zone_and_a_word_within_a_minute(
    scribe: Scribe, zones: Zones
) -> None:
    scribe.apply(delta())
    assert not zones.may_deny(0.0)
    scribe.confirm(100.0)
    assert zones.may_deny(160.0)
    assert not zones.may_deny(160.1)
    scribe.apply(ZoneDelta(2, complete=False))
    assert not zones.may_deny(100.0)
    assert scribe.age(130.0) == 30.0


def test_other_rules_keep_the_entries(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones
) -> None:
    scribe.apply(delta(entry("web.shop", "240.128.0.1"), entry("b", zones=("mesh.example",))))
    zones.reconfigure(msgspec.structs.replace(RULES, zones=("mesh.example",), pools=()))
    assert zones.find(wire("global")) is None
    assert target(zones) == wire("web.shop.mesh.example")
    assert zones.serial == 1
    zones.reconfigure(RULES)
    assert forward(zones).host(encode_name("web.shop")) is not None
    assert target(zones) == wire("web.shop.global")


def test_the_version_goes_up_with_every_change_of_what_is_answered(
    entry: Callable[..., Entry], scribe: Scribe, zones: Zones
) -> None:
    seen = [zones.version]
    scribe.apply(delta(entry("web.shop", "240.128.0.1")))
    seen.append(zones.version)
    zones.reconfigure(msgspec.structs.replace(RULES, ttl=7))
    seen.append(zones.version)
    scribe.settings = b"other"
    seen.append(zones.version)
    scribe.apply(ZoneDelta(1, complete=False))
    seen.append(zones.version)
    assert seen == sorted(set(seen))
