"""Keys of server blocks are the zones that CoreDNS takes them for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.zones import Key, parse_key, reverse_zones
from globaldns.errors import StubError

KEYS = {
    ".": [Key(".", "")],
    ".:53": [Key(".", "53")],
    "global": [Key("global.", "")],
    "GLOBAL.:053": [Key("global.", "53")],
    "global:+53": [Key("global.", "53")],
    "dns://global:5353": [Key("global.", "5353")],
    "tls://.": [Key(".", "", "tls")],
    "https://x.example:443": [Key("x.example.", "443", "https")],
    "10.0.0.0/8": [Key("10.in-addr.arpa.", "")],
    "10.1.2.3/8:53": [Key("10.in-addr.arpa.", "53")],
    "10.0.0.0/15": [Key("0.10.in-addr.arpa.", ""), Key("1.10.in-addr.arpa.", "")],
    "fd67::/16:53": [Key("7.6.d.f.ip6.arpa.", "53")],
    "fd00::/7:53": [Key("c.f.ip6.arpa.", "53"), Key("d.f.ip6.arpa.", "53")],
    "2001:db8::/32": [Key("8.b.d.0.1.0.0.2.ip6.arpa.", "")],
    "0.0.0.0/0": [Key("in-addr.arpa.", "")],
    "a/b": [Key("a/b.", "")],
    ".:{$PORT}": [Key(".", "{$PORT}")],
    "{%ZONE%}:53": [Key("{%ZONE%}", "53")],
    "__PILLAR__DNS__DOMAIN__:53": [Key("__pillar__dns__domain__.", "53")],
}


@pytest.mark.parametrize(("text", "zones"), KEYS.items())
def test_a_key(text: str, zones: list[Key]) -> None:
    assert list(parse_key(text)) == zones


@pytest.mark.parametrize(
    "text", ["", "dns://", "global:", ":53", "a..b", "a\\.b", ".a", "x" * 64, "a." * 128]
)
def test_what_coredns_refuses_is_no_key(text: str) -> None:
    with pytest.raises(StubError) as refused:
        parse_key(text)
    assert refused.value.code == "syntax"


def test_a_zone_from_the_environment_is_not_known() -> None:
    assert not parse_key("{$ZONE}:53")[0].is_known
    assert parse_key("global:{$PORT}")[0].is_known


@pytest.mark.parametrize(
    ("other", "may"),
    [
        ("global.:53", True),
        ("GLOBAL", True),
        ("global:{$PORT}", True),
        ("global:5353", False),
        ("tls://global:53", False),
        ("ns1.global:53", False),
    ],
)
def test_two_blocks_may_be_one_zone_twice(other: str, may: bool) -> None:  # noqa: FBT001
    assert parse_key("global:53")[0].may_equal(parse_key(other)[0]) is may


@settings(max_examples=50, deadline=None)
@given(st.ip_addresses(), st.integers(1, 24))
def test_the_name_of_each_address_lies_in_one_reverse_zone(address: object, length: int) -> None:
    network = ip_network(f"{address}/{length}", strict=False)
    pointer = ip_address(str(address)).reverse_pointer
    above = [zone for zone in reverse_zones(str(network)) if pointer.endswith(f".{zone}")]
    assert len(above) == 1
