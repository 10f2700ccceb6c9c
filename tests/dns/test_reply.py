from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.dns.codes import Rcode
from globaldns.dns.names import ROOT, encode_label, encode_name
from globaldns.dns.records import encode_soa
from globaldns.dns.reply import (
    PADDING_BLOCK,
    PLAIN_ROOM,
    STREAM_ROOM,
    Answer,
    Rrset,
    Soa,
    encode_opt,
    encode_refusal,
    encode_reply,
    pad_reply,
)
from globaldns.dns.wire import parse_query

WEB = dns.message.make_query("web.shop.global", "A", id=9).to_wire()
SOA = encode_soa(b"\x02ns\x06global\0", b"\x01m\x06global\0", serial=1, minimum=10)

addresses = st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=20, unique=True)
owners = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5)


@given(owners, addresses, st.integers(0, 2**31 - 1))
def test_dnspython_reads_what_was_written(
    labels: list[bytes], rdatas: list[bytes], ttl: int
) -> None:
    name = b"".join(map(encode_label, labels)) + ROOT
    message = WEB[:12] + name + b"\0\1\0\1"
    answer = Answer(Rcode.NOERROR, True, Rrset(1, ttl, tuple(rdatas)))
    wire = encode_reply(message, parse_query(message), answer, room=STREAM_ROOM, opt=b"")
    (rrset,) = dns.message.from_wire(wire).answer
    assert rrset.name.to_wire() == name
    assert rrset.ttl == ttl
    assert sorted(rdata.to_wire() for rdata in rrset) == sorted(rdatas)


@given(count=st.integers(1, 400), room=st.integers(PLAIN_ROOM, 1232), has_opt=st.booleans())
def test_a_reply_fits_whole_or_is_truncated_to_nothing(
    *, count: int, room: int, has_opt: bool
) -> None:
    rrset = Rrset(1, 30, tuple(n.to_bytes(4) for n in range(count)))
    opt = encode_opt(payload=1232, rcode=0, is_dnssec_ok=False) if has_opt else b""
    query = parse_query(WEB)
    wire = encode_reply(WEB, query, Answer(Rcode.NOERROR, True, rrset), room=room, opt=opt)
    whole = len(WEB) + 16 * count + len(opt)
    message = dns.message.from_wire(wire)
    assert len(wire) <= room
    assert message.edns == (0 if has_opt else -1)
    assert bool(message.flags & dns.flags.TC) == (whole > room)
    assert len(wire) == (whole if whole <= room else len(WEB) + len(opt))


@pytest.mark.parametrize("missing", [0, 1])
def test_a_reply_of_exactly_the_room_fits(missing: int) -> None:
    rrset = Rrset(16, 30, (b"\xff" + b"x" * 255, b"\x64" + b"y" * 100))
    query = parse_query(WEB)
    answer = Answer(Rcode.NOERROR, True, rrset)
    size = len(encode_reply(WEB, query, answer, room=STREAM_ROOM, opt=b""))
    wire = encode_reply(WEB, query, answer, room=size - missing, opt=b"")
    assert (len(wire) == size) is (missing == 0)


def test_what_no_stream_message_can_hold_is_a_failure_and_not_truncated_again() -> None:
    rrset = Rrset(16, 30, tuple(bytes((255,)) + n.to_bytes(255) for n in range(260)))
    query = parse_query(WEB)
    answer = Answer(Rcode.NOERROR, True, rrset)
    message = dns.message.from_wire(encode_reply(WEB, query, answer, room=STREAM_ROOM, opt=b""))
    assert message.rcode() == dns.rcode.SERVFAIL
    assert not message.flags & (dns.flags.TC | dns.flags.AA)


@pytest.mark.parametrize(("apex", "owner"), [(9, "global."), (0, "web.shop.global.")])
def test_the_soa_belongs_to_the_apex(apex: int, owner: str) -> None:
    answer = Answer(Rcode.NXDOMAIN, True, None, Soa(apex, 10, SOA))
    wire = encode_reply(WEB, parse_query(WEB), answer, room=PLAIN_ROOM, opt=b"")
    (soa,) = dns.message.from_wire(wire).authority
    assert (soa.name.to_text(), soa.ttl) == (owner, 10)


def test_an_opt_record_has_the_upper_half_of_the_rcode() -> None:
    opt = encode_opt(payload=1232, rcode=Rcode.BADVERS, is_dnssec_ok=True, nsid=b"me")
    wire = encode_reply(WEB, parse_query(WEB), Answer(Rcode.BADVERS), room=PLAIN_ROOM, opt=opt)
    message = dns.message.from_wire(wire)
    assert message.rcode() == dns.rcode.BADVERS
    assert message.ednsflags & 0xFFFF == dns.flags.DO
    assert [option.to_text() for option in message.options] == ["NSID me"]


@pytest.mark.parametrize(
    ("flags", "rcode", "expected"),
    [
        ("07ff", Rcode.FORMERR, "8101"),  # QUERY: RD is copied
        ("0000", Rcode.FORMERR, "8001"),
        ("7fff", Rcode.NOTIMP, "f804"),  # opcode 15: nothing is
        ("2100", Rcode.REFUSED, "a005"),
    ],
)
def test_a_refusal_is_a_header_with_id_opcode_and_rcode(
    flags: str, rcode: Rcode, expected: str
) -> None:
    message = bytes.fromhex(f"abcd {flags} 0001 0001 0001 0001")
    assert encode_refusal(message, rcode) == bytes.fromhex(f"abcd {expected}") + bytes(8)


def test_owners_have_the_case_of_the_question() -> None:
    message = WEB[:12] + encode_name("x") + b"\x06gLoBaL\0\0\1\0\1"
    answer = Answer(Rcode.NOERROR, True, Rrset(1, 30, (b"abcd",)))
    wire = encode_reply(message, parse_query(message), answer, room=PLAIN_ROOM, opt=b"")
    assert dns.message.from_wire(wire).answer[0].name.to_text() == "x.gLoBaL."


@given(count=st.integers(0, 100), nsid=st.binary(max_size=64))
def test_padding_fills_a_block_and_changes_nothing_else(*, count: int, nsid: bytes) -> None:
    opt = encode_opt(payload=1232, rcode=0, is_dnssec_ok=True, nsid=nsid)
    answer = Answer(Rcode.NOERROR, True, Rrset(1, 30, tuple(n.to_bytes(4) for n in range(count))))
    wire = encode_reply(WEB, parse_query(WEB), answer, room=STREAM_ROOM, opt=opt)
    padded = pad_reply(wire, opt)
    assert len(padded) % PADDING_BLOCK == 0
    assert len(padded) - len(wire) < PADDING_BLOCK + 4
    before, after = dns.message.from_wire(wire), dns.message.from_wire(padded)
    assert after.options[:-1] == before.options
    assert not any(after.options[-1].to_wire() or b"")
    assert after.answer == before.answer
    assert (after.ednsflags, after.payload) == (before.ednsflags, before.payload)


@pytest.mark.parametrize(
    ("octets", "padded"),
    [
        (464, 468),
        (465, 936),
        (65_516, 65_520),  # the last whole block
        (65_517, 65_535),
        (65_531, 65_535),
        (65_532, 65_532),  # an option has no room
        (65_535, 65_535),
    ],
)
def test_padding_ends_where_a_message_must(octets: int, padded: int) -> None:
    opt = encode_opt(payload=1232, rcode=0, is_dnssec_ok=False)
    wire = bytes(octets - len(opt)) + opt
    assert len(pad_reply(wire, opt)) == padded
