from __future__ import annotations

import dns.name
import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.names import encode_name
from globaldns.dns.reverse import reverse_zones
from globaldns.model.address import Prefix, format_address, parse_address, parse_prefix


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
