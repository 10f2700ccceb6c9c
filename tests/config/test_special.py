"""Ranges that virtual IPs stay out of."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.special import SPECIAL, find_special, is_inside, is_touching

NETWORKS = st.one_of(
    st.builds(
        lambda bits, length: ip_network((bits << 29, length), strict=False),
        st.integers(0, 7),
        st.integers(0, 4),
    ),
    st.builds(
        lambda bits, length: ip_network((1 << 100 | bits, length), strict=False),
        st.integers(0, 7),
        st.integers(124, 128),
    ),
)


@given(NETWORKS, NETWORKS)
def test_a_range_is_inside_or_touching_as_the_standard_library_says(one, other):
    is_same_family = one.version == other.version
    assert is_inside(one, other) is (is_same_family and one.subnet_of(other))
    assert is_touching(one, other) is (is_same_family and one.overlaps(other))


@pytest.mark.parametrize(
    ("network", "allowed", "special"),
    [
        ("10.0.0.0/8", [], None),
        ("240.128.0.0/10", [], None),
        ("fd67:6c6f:6261:6c00::/64", [], None),
        ("127.1.0.0/16", [], "127.0.0.0/8"),
        ("::1/128", [], "::/127"),
        ("::ffff:0:0/96", [], "::ffff:0:0/96"),
        ("fe80::/64", [], "fe80::/10"),
        ("255.255.255.254/31", [], "255.255.255.255/32"),
        ("0.0.0.0/0", [], "0.0.0.0/8"),
        ("127.1.0.0/16", ["127.1.0.0/16"], None),
        ("127.1.0.0/16", ["127.0.0.0/8"], None),
        ("127.1.0.0/16", ["127.1.0.0/17"], "127.0.0.0/8"),
        ("127.1.0.0/16", ["127.1.0.0/17", "127.1.128.0/17"], "127.0.0.0/8"),
        ("240.0.0.0/8", ["240.240.0.0/16"], None),
        ("240.0.0.0/4", ["240.240.0.0/16"], "255.255.255.255/32"),
        ("ff02::/16", ["224.0.0.0/4"], "ff00::/8"),
    ],
)
def test_a_range_stays_out_of_what_is_special_unless_all_that_they_share_is_allowed(
    network, allowed, special
):
    found = find_special(ip_network(network), tuple(map(ip_network, allowed)))
    assert (found and str(found[0])) == special
    assert found is None or found[1] == SPECIAL[ip_network(special)]
