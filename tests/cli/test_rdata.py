"""Record data as text; dnspython is the oracle."""

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.cli.rdata import format_rdata, read_name
from globaldns.errors import ServerError

RECORDS = [
    ("A", "240.128.0.1"),
    ("AAAA", "fd67:6c6f:6261:6c00::1"),
    ("NS", "ns.global."),
    ("CNAME", "a.b.global."),
    ("PTR", "reviews.bookinfo.global."),
    ("SOA", "ns.global. hostmaster.global. 2026010203 900 300 604800 10"),
    ("SRV", "0 100 9080 reviews.bookinfo.global."),
    ("TXT", '"one" "two words" "\\"quoted\\" \\\\ \\007"'),
    ("MX", "10 mail.global."),
    ("TYPE65280", "\\# 3 010203"),
    ("TYPE65280", "\\# 0"),
]


@pytest.mark.parametrize(("rrtype", "text"), RECORDS)
def test_what_is_printed_means_the_same_octets(rrtype, text):
    number = dns.rdatatype.from_text(rrtype)
    wire = dns.rdata.from_text(dns.rdataclass.IN, number, text).to_wire()
    printed = format_rdata(wire, number, 0, len(wire))
    again = dns.rdata.from_text(dns.rdataclass.IN, number, printed)
    assert again.to_wire() == wire
    if rrtype != "MX":  # of which we say no more than RFC 3597 asks
        assert printed == text


def test_compressed_names_are_followed():
    wire = b"\x06global\x00" + b"\x02ns\xc0\x00"
    assert read_name(wire, 8) == (b"\x02ns\x06global\x00", 13)


@pytest.mark.parametrize("wire", [b"\xc0\x00", b"\x01a\xc0\x00", b"\x40abc", b"\x80\x00"], ids=str)
def test_a_name_that_does_not_end_or_is_no_name_is_refused(wire):
    with pytest.raises(ServerError):
        read_name(wire, 0)


def test_an_address_of_another_length_is_refused():
    with pytest.raises(ServerError, match="3 octets"):
        format_rdata(b"\x01\x02\x03", 1, 0, 3)


@given(st.binary(max_size=60))
def test_no_octets_make_a_name_longer_than_they_can_spell(wire):
    try:
        name, behind = read_name(wire, 0)
    except (ServerError, IndexError):
        return
    assert name.endswith(b"\x00")
    assert 0 < behind <= len(wire)
