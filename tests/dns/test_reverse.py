from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import dns.name
import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.names import encode_name
from globaldns.dns.reverse import Pointers, reverse_zones
from globaldns.model.address import Address, Prefix, format_address, parse_address, parse_prefix
from globaldns.model.snapshot import Entry


@pytest.mark.parametrize(
    ("pool", "count", "first", "last"),
    [
        ("240.128.0.0/10", 64, "128.240.in-addr.arpa", "191.240.in-addr.arpa"),
        ("198.18.4.0/22", 4, "4.18.198.in-addr.arpa", "7.18.198.in-addr.arpa"),
        ("10.0.0.0/8", 1, "10.in-addr.arpa", "10.in-addr.arpa"),
        ("192.0.2.0/24", 1, "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"),
        ("192.0.2.4/30", 4, "4.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa"),
        ("fd67:6c6f:6261:6c00::/64", 1, *["0.0.c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa"] * 2),
        ("fd00::/62", 4, *(f"{n}{'.0' * 13}.d.f.ip6.arpa" for n in (0, 3))),
    ],
)
def test_a_pool_is_the_zones_at_or_below_its_prefix(
    pool: str, count: int, first: str, last: str
) -> None:
    zones = [zone.text for zone in reverse_zones(parse_prefix(pool))]
    assert (len(zones), zones[0], zones[-1]) == (count, first, last)


@given(
    st.sampled_from(["240.128.0.0/10", "fd67:6c6f:6261:6c00::/64"]).map(parse_prefix),
    st.integers(min_value=0),
)
def test_the_name_that_dnspython_gives_an_address_stands_for_it(pool: Prefix, number: int) -> None:
    address = pool.at(number % pool.size)
    reverse = dns.reversename.from_address(format_address(address))
    for zone in reverse_zones(pool):
        apex = dns.name.from_text(zone.text)
        if reverse.is_subdomain(apex):
            name = encode_name(reverse.relativize(apex).to_text())
            assert zone.span(name) == (address, address)
            return
    raise AssertionError("no zone has it")


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("", ("240.128.0.0", "240.128.255.255")),
        ("2", ("240.128.2.0", "240.128.2.255")),
        ("3.2", ("240.128.2.3", "240.128.2.3")),
        ("1.3.2", None),
        ("02", None),
        ("256", None),
        ("x", None),
    ],
)
def test_a_name_stands_for_all_that_begins_as_it_says(
    name: str, span: tuple[str, str] | None
) -> None:
    zone = next(reverse_zones(parse_prefix("240.128.0.0/10")))
    expected = span and tuple(map(parse_address, span))
    assert zone.span(encode_name(name)) == expected


def test_an_address_that_went_to_another_stays_with_it(entry: Callable[..., Entry]) -> None:
    old, new = entry("old.a", "240.128.0.1"), entry("new.a", "240.128.0.1")
    address = parse_address("240.128.0.1")
    pointers = Pointers()
    pointers.put(old)
    pointers.put(new)
    pointers.remove(old)
    pointers.settle()
    assert pointers.get(address) is new
    assert pointers.has_between(address, address)


small = st.integers(0, 40).map(lambda n: Address(bytes((240, 128, 0, n))))
steps = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.frozensets(small, max_size=40)))


@given(st.lists(steps, max_size=4))
def test_order_and_table_agree_whatever_came_and_went(
    entry: Callable[..., Entry], turns: list[list[tuple[bool, int, frozenset[Address]]]]
) -> None:
    pointers = Pointers()
    current: dict[int, Entry] = {}
    for turn in turns:
        for is_put, host, vips in turn:
            if host in current:
                pointers.remove(current.pop(host))
            if is_put:
                current[host] = entry(f"h{host}.a", *map(format_address, vips))
                pointers.put(current[host])
        pointers.settle()
        held = [Address(bytes((240, 128, 0, n))) for n in range(41)]
        held = [address for address in held if pointers.get(address)]
        for address in map(Address, (ip_address(f"240.128.0.{n}").packed for n in range(41))):
            assert pointers.has_between(address, address) == (address in held)
        assert len(pointers) == len(held)
