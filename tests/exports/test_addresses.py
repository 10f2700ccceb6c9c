from __future__ import annotations

import pytest

from globaldns.errors import InvalidAddress
from globaldns.exports.addresses import parse_range, plain_addresses
from globaldns.model.address import format_address


@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        (["240.0.0.1"], ["240.0.0.1"]),
        (["240.0.0.1/32", "fd00::1/128"], ["240.0.0.1", "fd00::1"]),
        (["10.0.0.0/8", "10.1.2.3/31", "fd00::/64"], []),
        (["240.0.0.1", "240.0.0.1/32"], ["240.0.0.1"]),
        (["::ffff:240.0.0.1", "::ffff:240.0.0.1/128", "240.0.0.1"], ["240.0.0.1"]),
        (["::ffff:240.0.0.0/104", "::ffff:0:0/80"], []),
    ],
)
def test_only_single_addresses_are_plain_each_once(texts, plain):
    assert [format_address(one) for one in plain_addresses(tuple(texts))] == plain


@pytest.mark.parametrize(
    "text", ["", "a", "1.1.1.1/", "1.1.1.1/a", "1.1.1.1/08", "::/129", "1.1.1.1/-1"]
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InvalidAddress):
        parse_range(text)
