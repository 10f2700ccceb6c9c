"""Questions and answers; dnspython is the oracle."""

from __future__ import annotations

from itertools import pairwise

import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.codes import Rrtype
from globaldns.errors import ServerError
from globaldns.probes.message import (
    MAX_ALIASES,
    MAX_RECORDS,
    Answer,
    decode_answer,
    encode_question,
    is_final,
    is_truncated,
)
from tests.probes.gateways import answer

QUESTION = encode_question("GW.example.", Rrtype.A, 4711)


def decode(*records: str, question=QUESTION, **how):
    return decode_answer(question, answer(question.wire, *records, **how))


def test_a_question_is_one_for_a_resolver():
    query = dns.message.from_wire(QUESTION.wire)
    assert (query.id, query.opcode(), query.payload) == (4711, dns.opcode.QUERY, 1232)
    assert query.flags == dns.flags.RD
    assert str(query.question[0]) == "gw.example. IN A"
    assert (
        dns.message.from_wire(encode_question("gw.example", Rrtype.AAAA, 1).wire).question
        == dns.message.make_query("gw.example", "AAAA").question
    )


@pytest.mark.parametrize("name", ["", ".", "a..b", f"{'a' * 64}.example", "a." * 127 + "example"])
def test_what_is_no_domain_name_is_asked_of_nobody(name):
    with pytest.raises(ServerError, match="no domain name"):
        encode_question(name, Rrtype.A, 1)


@pytest.mark.parametrize(
    ("records", "addresses", "ttl"),
    [
        (["gw.example. 60 A 203.0.113.1"], {"203.0.113.1"}, 60),
        (["gw.example. 60 A 203.0.113.1", "gw.example. 60 A 203.0.113.2"], None, 60),
        (["GW.EXAMPLE. 60 CNAME LB.cloud.", "lb.cloud. 20 A 203.0.113.1"], {"203.0.113.1"}, 20),
        (["gw.example. 10 CNAME lb.cloud.", "lb.cloud. 20 A 203.0.113.1"], {"203.0.113.1"}, 10),
        (["lb.cloud. 20 A 203.0.113.1", "gw.example. 60 CNAME lb.cloud."], {"203.0.113.1"}, 20),
        (["gw.example. 60 A 203.0.113.1", "evil. 1 A 203.0.113.66"], {"203.0.113.1"}, 60),
        (["gw.example. 60 CNAME lb.cloud."], set(), 0),
        (["gw.example. 60 TXT text"], set(), 0),
        ([], set(), 0),
    ],
)
def test_the_chain_is_followed_and_its_smallest_ttl_counts(records, addresses, ttl):
    expected = {"203.0.113.1", "203.0.113.2"} if addresses is None else addresses
    assert decode(*records) == Answer(frozenset(expected), ttl)


def test_addresses_of_the_other_family_are_not_what_was_asked():
    six = encode_question("gw.example", Rrtype.AAAA, 1)
    records = ["gw.example. 60 A 203.0.113.1", "gw.example. 30 AAAA 2001:db8::1"]
    assert decode(*records, question=six) == Answer(frozenset({"2001:db8::1"}), 30)


def test_a_ttl_with_its_highest_bit_counts_as_nought():
    wire = bytearray(answer(QUESTION.wire, "gw.example. 60 A 203.0.113.1"))
    wire[wire.index(b"\x00\x00\x00\x3c")] = 0x80
    assert decode_answer(QUESTION, bytes(wire)).ttl == 0


@pytest.mark.parametrize(
    ("rcode", "reason", "final"),
    [
        ("NXDOMAIN", "the name does not exist", True),
        ("SERVFAIL", "the resolver answers SERVFAIL", False),
        ("REFUSED", "the resolver answers REFUSED", False),
        ("YXDOMAIN", "the resolver answers RCODE6", False),
    ],
)
def test_a_refusal_says_which(rcode, reason, final):
    wire = answer(QUESTION.wire, rcode=rcode)
    assert is_final(wire) is final
    with pytest.raises(ServerError, match=reason):
        decode_answer(QUESTION, wire)


def test_an_alias_that_does_not_end_is_refused():
    with pytest.raises(ServerError, match="alias of an alias"):
        decode("gw.example. 60 CNAME gw.example.")
    names = ["gw.example.", *(f"a{number}." for number in range(MAX_ALIASES))]
    chain = [f"{one} 60 CNAME {other}" for one, other in pairwise(names)]
    assert decode(*chain, f"{names[-1]} 60 A 203.0.113.1").addresses
    with pytest.raises(ServerError, match="alias of an alias"):
        decode(*chain, f"{names[-1]} 60 CNAME z.", "z. 60 A 203.0.113.1")


def test_too_many_records_are_not_read():
    wire = bytearray(answer(QUESTION.wire))
    wire[6:8] = (MAX_RECORDS + 1).to_bytes(2)
    with pytest.raises(ServerError, match=f"{MAX_RECORDS} are read"):
        decode_answer(QUESTION, bytes(wire))


GOOD = answer(QUESTION.wire, "gw.example. 60 A 203.0.113.1")


def test_an_answer_is_told_from_what_somebody_guessed():
    assert QUESTION.is_answered_by(GOOD)
    query = QUESTION.wire
    other = answer(encode_question("xx.example", Rrtype.A, 4711).wire)
    six = answer(encode_question("gw.example", Rrtype.AAAA, 4711).wire)
    wrong_id = bytes([GOOD[0] ^ 1]) + GOOD[1:]
    opcode = GOOD[:2] + bytes([GOOD[2] | 0x20]) + GOOD[3:]
    no_question = GOOD[:4] + b"\0\0" + GOOD[6:]
    for wire in (b"", GOOD[:11], query, other, six, wrong_id, opcode, no_question):
        assert not QUESTION.is_answered_by(wire)
    assert QUESTION.is_answered_by(GOOD[:12] + GOOD[12:22].swapcase() + GOOD[22:])


def test_an_answer_that_was_cut_says_so():
    assert is_truncated(answer(QUESTION.wire, flags=dns.flags.TC))
    assert not is_truncated(GOOD)


@pytest.mark.parametrize("end", range(len(GOOD) - 27, len(GOOD) - 11))
def test_an_answer_that_ends_in_the_middle_is_refused(end):
    with pytest.raises(ServerError):
        decode_answer(QUESTION, GOOD[:end])


@given(st.binary(max_size=200))
def test_any_octets_are_an_answer_or_refused(tail):
    head = GOOD[: 12 + len("gw.example") + 2 + 4]
    wire = head[:6] + b"\x00\x03" + head[8:] + tail
    try:
        found = decode_answer(QUESTION, wire)
    except ServerError:
        return
    assert isinstance(found, Answer)
