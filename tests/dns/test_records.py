from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.names import ROOT, encode_label, encode_name
from globaldns.dns.records import encode_ns, encode_ptr, encode_soa, encode_srv, encode_txt

WEB = encode_name("web.shop.global") + ROOT


def text(rrtype: str, rdata: bytes) -> str:
    kind = dns.rdatatype.from_text(rrtype)
    return dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()


@pytest.mark.parametrize(
    ("rrtype", "rdata", "expected"),
    [
        ("NS", encode_ns(WEB), "web.shop.global."),
        ("PTR", encode_ptr(WEB), "web.shop.global."),
        ("SRV", encode_srv(80, WEB), "0 0 80 web.shop.global."),
        ("TXT", encode_txt(["a b", 'q"']), '"a b" "q\\""'),
        ("TXT", encode_txt([""]), '""'),
        (
            "SOA",
            encode_soa(b"\x02ns" + WEB, b"\x04mail" + WEB, serial=2**32 + 5, minimum=10),
            "ns.web.shop.global. mail.web.shop.global. 5 3600 600 86400 10",
        ),
    ],
)
def test_record_data_in_presentation_format(rrtype: str, rdata: bytes, expected: str) -> None:
    assert text(rrtype, rdata) == expected


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3))
def test_names_of_any_octets_stand_uncompressed(labels: list[bytes]) -> None:
    name = b"".join(map(encode_label, labels)) + ROOT
    assert encode_ptr(name) == encode_ns(name) == name
    assert encode_srv(65535, name)[6:] == name


def test_text_that_is_too_long_is_cut_to_what_a_record_can_hold() -> None:
    rdata = encode_txt(["x" * 300] * 300)
    assert len(rdata) == 255 * 256
    assert text("TXT", rdata).count("x" * 255) == 255
