"""Queries as they are sent, answers as they are read; dnspython is the oracle."""

import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.message import (
    Record,
    decode_message,
    encode_query,
    format_type,
    parse_type,
    reverse_name,
)
from globaldns.errors import InvalidHost, ServerError


def test_a_query_asks_the_authority_and_offers_a_payload():
    query = dns.message.from_wire(encode_query("Reviews.bookinfo.global.", 28, query_id=7))
    assert query.id == 7
    assert str(query.question[0]) == "reviews.bookinfo.global. IN AAAA"
    assert query.edns == 0
    assert query.payload == 1232
    assert not query.flags & dns.flags.RD


def test_a_name_that_has_no_wire_form_is_refused():
    with pytest.raises(InvalidHost):
        encode_query("a..b", 1, query_id=0)


def response(*, rcode=dns.rcode.NOERROR):
    query = dns.message.make_query("reviews.bookinfo.global.", "A", use_edns=0)
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    reply.set_rcode(rcode)
    name = "reviews.bookinfo.global."
    reply.answer.append(dns.rrset.from_text(name, 30, "IN", "A", "240.128.0.1", "240.128.0.2"))
    reply.authority.append(dns.rrset.from_text("global.", 10, "IN", "NS", "ns.global."))
    reply.additional.append(dns.rrset.from_text("ns.global.", 9, "IN", "A", "127.0.0.1"))
    return reply


def test_an_answer_is_read_section_by_section():
    wire = response().to_wire()
    message = decode_message(wire)
    assert message.rcode == "NOERROR"
    assert message.flags == ("qr", "aa", "rd")
    assert message.question == "reviews.bookinfo.global. IN A"
    assert {record.data for record in message.answer} == {"240.128.0.1", "240.128.0.2"}
    assert message.authority == (Record("global.", 10, "NS", "ns.global."),)
    assert message.additional == (Record("ns.global.", 9, "A", "127.0.0.1"),)
    assert message.octets == len(wire)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "NXDOMAIN", "REFUSED", "BADVERS"])
def test_the_code_has_its_name_also_where_the_opt_record_has_a_part_of_it(rcode):
    wire = response(rcode=dns.rcode.from_text(rcode)).to_wire()
    assert decode_message(wire).rcode == rcode


def test_a_code_without_a_name_is_a_number():
    assert decode_message(response(rcode=dns.rcode.YXRRSET).to_wire()).rcode == "RCODE7"


def test_a_truncated_answer_says_so():
    reply = response()
    assert not decode_message(reply.to_wire()).is_truncated
    reply.flags |= dns.flags.TC
    assert decode_message(reply.to_wire()).is_truncated


def test_an_answer_that_ends_early_is_refused_wherever_it_ends():
    wire = response().to_wire()
    for end in range(len(wire)):
        with pytest.raises(ServerError):
            decode_message(wire[:end])


@given(st.binary(max_size=100))
def test_octets_are_an_answer_or_refused_and_nothing_else(octets):
    try:
        message = decode_message(struct.pack("!6H", 1, 0x8400, 1, 1, 0, 0) + octets)
    except ServerError:
        return
    assert message.id == 1


@pytest.mark.parametrize(
    ("text", "number"), [("a", 1), ("SRV", 33), ("TYPE65", 65), ("type257", 257), ("28", 28)]
)
def test_a_type_is_a_name_or_a_number(text, number):
    assert parse_type(text) == number


@pytest.mark.parametrize("text", ["nope", "TYPE", "65536", "-1"])
def test_what_is_no_type_is_refused(text):
    with pytest.raises(ValueError, match=f"{text!r} is no type"):
        parse_type(text)


def test_a_type_without_a_name_is_written_as_rfc_3597_says():
    assert (format_type(33), format_type(999)) == ("SRV", "TYPE999")


def test_an_address_has_a_name_in_its_reverse_zone():
    assert reverse_name("240.128.1.2") == "2.1.128.240.in-addr.arpa"
    assert reverse_name("fd67::1").endswith("7.6.d.f.ip6.arpa")
    assert reverse_name("reviews.bookinfo") is None
