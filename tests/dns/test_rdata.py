"""Record data as text; dnspython is the oracle."""

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from globaldns.dns.rdata import format_rdata
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


def test_an_address_of_another_length_is_refused():
    with pytest.raises(ServerError, match="3 octets"):
        format_rdata(b"\x01\x02\x03", 1, 0, 3)
