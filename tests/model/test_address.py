from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.errors import InvalidAddress
from globaldns.model.address import (
    Address,
    Family,
    Prefix,
    family,
    format_address,
    is_address,
    one_text,
    parse_address,
    parse_prefix,
)

ADDRESSES = st.ip_addresses().filter(lambda one: getattr(one, "ipv4_mapped", None) is None)


@st.composite
def networks(draw: st.DrawFn):
    """Return a network of a few neighbours, so that two of them often meet."""
    bits = draw(st.sampled_from([32, 128]))
    base = draw(st.sampled_from([0, (1 << bits) - 256, 0xF0 << (bits - 8)]))
    length = draw(st.integers(bits - 8, bits) | st.integers(0, bits))
    address = ip_address((base + draw(st.integers(0, 255))).to_bytes(bits // 8))
    return ip_network((address, length), strict=False)


@given(ADDRESSES)
def test_an_address_is_its_packed_octets_and_its_canonical_text(address):
    parsed = parse_address(str(address))
    assert parsed == address.packed
    assert format_address(parsed) == str(address)
    assert parse_address(format_address(parsed)) == parsed
    assert family(parsed) == (Family.IPV4 if address.version == 4 else Family.IPV6) == len(parsed)


@given(st.lists(ADDRESSES))
def test_addresses_of_a_family_sort_as_numbers(addresses):
    for version in (4, 6):
        some = [one for one in addresses if one.version == version]
        packed = sorted(parse_address(str(one)) for one in some)
        assert packed == [one.packed for one in sorted(some)]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ],
)
def test_the_text_of_an_ipv6_address_is_canonical(text, canonical):
    assert format_address(parse_address(text)) == canonical


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_one_that_it_stands_for(address):
    for text in (f"::ffff:{address}", f"0:0:0:0:0:FFFF:{address}"):
        assert parse_address(text) == address.packed
        assert one_text(text) == str(address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("gw.example", "gw.example"),
        ("unix:///run/a:b", "unix:///run/a:b"),
        ("", ""),
    ],
)
def test_an_address_has_one_text_and_what_is_none_stays(text, expected):
    assert one_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/32", " 1.2.3.4"),
        *("a.example", "::1::", ":", "12345::", "1.2.3.4%eth0"),
    ],
)
def test_what_is_no_address_is_refused_by_name(text):
    with pytest.raises(InvalidAddress) as caught:
        parse_address(text)
    assert str(caught.value) == f"{text!r} is no IP address"


def test_a_zone_identifier_is_refused_with_the_remedy():
    with pytest.raises(InvalidAddress, match="'fe80::1%eth0' has a zone identifier") as caught:
        parse_address("fe80::1%eth0")
    assert caught.value.hint == "write it without %…"


@given(networks())
def test_a_prefix_is_the_network_of_its_text(network):
    prefix = parse_prefix(str(network))
    assert str(prefix) == str(network)
    assert prefix.first == network.network_address.packed
    assert prefix.last == network.broadcast_address.packed
    assert prefix.size == network.num_addresses
    assert prefix.base == int(network.network_address)
    assert prefix.family == len(prefix.first)


@given(networks(), networks(), ADDRESSES)
def test_prefixes_hold_and_overlap_as_networks_do(one, other, address):
    first, second = parse_prefix(str(one)), parse_prefix(str(other))
    overlaps = one.version == other.version and one.overlaps(other)
    assert first.overlaps(second) is second.overlaps(first) is overlaps
    for tried in (address, one.network_address, one.broadcast_address, other.network_address):
        assert (tried.packed in first) is (tried in one)


@given(networks(), st.data())
def test_a_prefix_counts_its_addresses_from_its_first(network, data):
    prefix = parse_prefix(str(network))
    index = data.draw(st.integers(0, prefix.size - 1))
    assert prefix.at(index) == network[index].packed
    assert prefix.at(index) in prefix
    assert prefix.at(0) == prefix.first


@pytest.mark.parametrize("stranger", ["240.0.0.1", None, 4026531841, Address(b"\xf0\0\0"), b""])
def test_what_is_no_address_of_its_family_lies_in_no_prefix(stranger):
    assert stranger not in parse_prefix("240.0.0.0/8")
    assert stranger not in parse_prefix("0.0.0.0/0")


def test_a_bare_address_is_a_prefix_of_one():
    assert parse_prefix("240.0.0.1") == Prefix(parse_address("240.0.0.1"), 32)
    assert parse_prefix("fd00::1") == Prefix(parse_address("fd00::1"), 128)
    assert parse_prefix("fd00::1").size == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("240.128.0.1/10", "did you mean 240.128.0.0/10?"),
        ("fd00::1/64", "did you mean fd00::/64?"),
        ("240.0.0.0/33", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_what_is_no_cidr_is_refused_with_the_one_that_was_meant(text, hint):
    with pytest.raises(InvalidAddress) as caught:
        parse_prefix(text)
    assert str(caught.value) == f"{text!r} is no CIDR"
    assert caught.value.hint == hint


@given(st.one_of(st.ip_addresses().map(str), st.from_regex(r"[0-9.]{1,16}"), st.text(max_size=9)))
def test_is_address_says_what_parsing_says(text):
    try:
        parse_address(text)
    except InvalidAddress:
        assert not is_address(text)
    else:
        assert is_address(text)
