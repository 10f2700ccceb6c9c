from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.names import encode_name, parent
from globaldns.dns.rules import DnsRules
from globaldns.dns.zone import Zone, Zones
from globaldns.model.address import parse_address, parse_prefix
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, ZoneDelta

RULES = DnsRules(zones=("global", "mesh.example"), pools=(parse_prefix("240.128.0.0/16"),))
ADDRESS = parse_address("240.128.0.1")


def delta(*puts: Entry, deletes: tuple[str, ...] = (), serial: int = 1) -> ZoneDelta:
    return ZoneDelta(serial, complete=True, puts=puts, deletes=tuple(map(Host, deletes)))


def forward(zones: Zones, name: str = "global") -> Zone:
    place = zones.find(encode_name(name) + b"\0")
    assert place is not None
    assert isinstance(place[0], Zone)
    return place[0]


hosts = st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=3).map(".".join)


@given(st.lists(st.lists(st.tuples(st.booleans(), hosts), max_size=6), max_size=5))
def test_tables_changed_in_place_are_those_built_at_once(
    entry: Callable[..., Entry], turns: list[list[tuple[bool, str]]]
) -> None:
    zones = Zones(RULES)
    wanted: dict[str, Entry] = {}
    for turn in turns:
        deletes = {host for is_put, host in turn if not is_put}
        puts = {host: entry(host, "240.128.0.1") for is_put, host in turn if is_put}
        zones.apply(delta(*puts.values(), deletes=tuple(deletes)))
        wanted = {host: e for host, e in wanted.items() if host not in deletes} | puts
    zone = forward(zones)
    assert zone.hosts == {encode_name(host): e for host, e in wanted.items()}
    below: Counter[bytes] = Counter()
    for host in wanted:
        above = parent(encode_name(host))
        while above:
            below[above] += 1
            above = parent(above)
    assert zone.below == below
    assert zone.wildcards == sum(host.startswith("*") for host in wanted)


def test_an_entry_and_its_key_are_shared_by_all_zones(entry: Callable[..., Entry]) -> None:
    zones = Zones(RULES)
    zones.apply(delta(entry("web.shop", "240.128.0.1")))
    (one,), (other,) = (forward(zones, name).hosts.items() for name in RULES.zones)
    assert one[0] is other[0]
    assert one[1] is other[1]


def test_a_host_that_left_a_zone_is_no_longer_in_it(entry: Callable[..., Entry]) -> None:
    zones = Zones(RULES)
    zones.apply(delta(entry("web.shop", "240.128.0.1")))
    zones.apply(delta(entry("web.shop", "240.128.0.1", zones=("mesh.example",))))
    assert zones.names() == {"global": 0, "mesh.example": 1}
    held = zones.pointers.get(ADDRESS)
    assert held is not None
    assert zones.pointer_target(held) == encode_name("web.shop.mesh.example") + b"\0"


@pytest.mark.parametrize("swap", [False, True])
def test_a_vip_may_change_hands_in_one_delta_in_any_order(
    entry: Callable[..., Entry], *, swap: bool
) -> None:
    zones = Zones(RULES)
    zones.apply(delta(entry("old.a", "240.128.0.1")))
    puts = [entry("new.a", "240.128.0.1"), entry("old.a", "240.128.0.2")]
    zones.apply(delta(*(reversed(puts) if swap else puts)))
    held = zones.pointers.get(ADDRESS)
    assert held is not None
    assert held.host == "new.a"


@pytest.mark.parametrize(
    "host", ["x" * 64, "a..b", "", "ns", "_globaldns", ".".join(["x" * 60] * 4) + ".abc"]
)
def test_one_host_that_cannot_be_served_keeps_no_other_from_it(
    entry: Callable[..., Entry], host: str
) -> None:
    zones = Zones(RULES)
    zones.apply(delta(entry(host, "240.128.0.9"), entry("web.shop", "240.128.0.1")))
    assert zones.names() == {"global": 1, "mesh.example": 1}
    assert [e.host for e in zones.entries()] == ["web.shop"]
    zones.apply(delta(deletes=(host,)))
    assert zones.names()["global"] == 1


def test_the_longest_zone_has_a_name(entry: Callable[..., Entry]) -> None:
    zones = Zones(DnsRules(zones=("global", "eu.global")))
    zones.apply(delta(entry("web", zones=("eu.global",))))
    for name, apex in {"web.eu.global": "eu.global", "web.us.global": "global"}.items():
        place = zones.find(encode_name(name) + b"\0")
        assert place is not None
        assert place[0].apex == encode_name(apex) + b"\0"
    assert zones.find(encode_name("xglobal") + b"\0") is None


def test_the_soa_is_built_once_per_serial() -> None:
    zones = Zones(RULES)
    apex = forward(zones).apex
    zones.apply(delta(serial=5))
    first = zones.soa(apex)
    zones.apply(delta(serial=5))
    assert zones.soa(apex) is first
    zones.apply(delta(serial=6))
    assert zones.soa(apex) != first


def test_a_denial_needs_a_complete_zone_and_a_word_within_a_minute() -> None:
    zones = Zones(RULES)
    zones.apply(delta())
    assert not zones.may_deny(0.0)
    zones.confirm(100.0)
    assert zones.may_deny(160.0)
    assert not zones.may_deny(160.1)
    zones.apply(ZoneDelta(2, complete=False))
    assert not zones.may_deny(100.0)
    assert zones.age(130.0) == 30.0


def test_other_rules_keep_the_entries(entry: Callable[..., Entry]) -> None:
    zones = Zones(RULES)
    zones.apply(delta(entry("web.shop", "240.128.0.1"), entry("b", zones=("mesh.example",))))
    zones.reconfigure(msgspec.structs.replace(RULES, zones=("mesh.example",), pools=()))
    assert zones.names() == {"mesh.example": 2}
    assert zones.serial == 1
    zones.reconfigure(RULES)
    assert zones.names() == {"global": 1, "mesh.example": 2}
    assert zones.pointers.get(ADDRESS) is not None
