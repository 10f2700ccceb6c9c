"""The syntax of addresses and names beside what reads them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.patterns import ADDRESS, ADDRESS_OR_NAME, LISTEN, SERVER, is_match

GROUPS = st.lists(st.sampled_from(["", "0", "a", "FFFF", "10000", "1.2.3.4", "g"]), max_size=10)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@given(st.one_of(GROUPS.map(":".join), st.ip_addresses().map(str)))
def test_an_address_is_what_python_reads(text: str) -> None:
    assert is_match(text, ADDRESS) is is_address(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:2:3:4:5:6:7::", True),
        ("::2:3:4:5:6:7:8", True),
        ("1::3:4:5:6:7:8", True),
        ("1::2:3:4:5:6:7:8", False),
        ("1:2:3:4:5:6:1.2.3.4", True),
        ("::ffff:1.2.3.04", False),
        ("01.2.3.4", False),
        ("1:2", False),
    ],
)
def test_an_address_is_as_rfc_3986_has_it(text: str, *, expected: bool) -> None:
    assert is_match(text, ADDRESS) is expected


@pytest.mark.parametrize(
    ("port", "expected"), [("0", (1, 0)), ("00053", (1, 1)), ("65535", (1, 1))]
)
def test_a_server_has_a_port(port: str, expected: tuple[int, int]) -> None:
    for host in ("0.0.0.0", "[::]"):
        text = f"{host}:{port}"
        assert (is_match(text, LISTEN), is_match(text, SERVER)) == expected


@pytest.mark.parametrize("text", ["65536", "000053", "-1", ""])
def test_a_port_has_sixteen_bits_and_five_digits(text: str) -> None:
    assert not is_match(f"0.0.0.0:{text}", LISTEN)


@pytest.mark.parametrize("text", ["1.2.3", "a.1", "1", "a..b", "1.2.3.4.", "a\n"])
def test_no_name_ends_in_a_number(text: str) -> None:
    assert not is_match(text, ADDRESS_OR_NAME)
