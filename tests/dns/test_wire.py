from __future__ import annotations

import dns.edns
import dns.message
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from globaldns.dns.codes import Rcode
from globaldns.dns.names import ROOT, encode_label
from globaldns.dns.wire import Edns, Query, is_answerable, parse_query
from globaldns.errors import WireError

names = (
    st.lists(st.binary(min_size=1, max_size=63), max_size=4)
    .map(lambda labels: b"".join(map(encode_label, labels)) + ROOT)
    .filter(lambda name: len(name) <= 255)
)
numbers = st.integers(0, 65535)


@given(st.binary(max_size=200))
@example(bytes(12))
def test_any_message_is_a_query_or_an_error_with_an_rcode(message: bytes) -> None:
    if not is_answerable(message):
        assert len(message) < 12 or message[2] & 0x80
        return
    try:
        query = parse_query(message)
    except WireError as error:
        assert error.rcode in (Rcode.FORMERR, Rcode.NOTIMP, Rcode.REFUSED)  # noqa: PT017  # either
    else:
        assert 12 < query.end <= len(message)


@given(names, numbers, numbers, st.binary(max_size=40), st.tuples(numbers, numbers, numbers))
def test_any_records_behind_a_good_question_are_read_or_refused(
    name: bytes, qtype: int, qclass: int, rest: bytes, counts: tuple[int, int, int]
) -> None:
    sections = b"".join(count.to_bytes(2) for count in (1, *counts))
    question = name + qtype.to_bytes(2) + qclass.to_bytes(2)
    try:
        query = parse_query(bytes(4) + sections + question + rest)
    except WireError as error:
        assert error.rcode == Rcode.FORMERR  # noqa: PT017  # either
    else:
        assert (query.qname, query.qtype, query.qclass) == (name.lower(), qtype, qclass)


@given(
    name=names,
    payload=numbers,
    version=st.integers(0, 255),
    is_dnssec_ok=st.booleans(),
    options=st.lists(st.tuples(numbers, st.binary(max_size=20)), max_size=4),
)
def test_what_dnspython_writes_is_read(
    *, name: bytes, payload: int, version: int, is_dnssec_ok: bool, options: list[tuple[int, bytes]]
) -> None:
    message = dns.message.Message(id=1)
    message.use_edns(
        version,
        ednsflags=0x8000 if is_dnssec_ok else 0,
        payload=payload,
        options=[dns.edns.GenericOption(code, data) for code, data in options],
    )
    message.want_dnssec(is_dnssec_ok)
    wire = message.to_wire()
    wire = wire[:5] + b"\x01" + wire[6:12] + name + b"\0\1\0\1" + wire[12:]
    query = parse_query(wire)
    wants_nsid, is_padded = (any(code == wanted for code, _ in options) for wanted in (3, 12))
    edns = Edns(payload, version, is_dnssec_ok, wants_nsid, is_padded)
    assert query == Query(name.lower(), 1, 1, 16 + len(name), edns)


@pytest.mark.parametrize(
    ("section", "is_ok"),
    [(b"\xc0\x0c", True), (b"\xc0\x0b", False), (b"\xc0\x13", False), (b"\xc0\x20", False)],
)
def test_a_pointer_points_backwards_into_the_body(section: bytes, *, is_ok: bool) -> None:
    wire = bytes.fromhex("0001 0000 0001 0000 0000 0001 0161 00 0001 0001") + section
    wire += bytes.fromhex("0001 0001 00000000 0000") + bytes(20)
    if is_ok:
        assert parse_query(wire).edns is None
    else:
        with pytest.raises(WireError):
            parse_query(wire)


def test_records_of_a_whole_stream_message_are_walked_once_each() -> None:
    """No pointer is followed: 5,900 records that all point at one another cost what they weigh."""
    record = bytes.fromhex("c00c 0001 0001 00000000 0000")
    count = (65535 - 19) // len(record)
    wire = bytes.fromhex("0001 0000 0001 0000 0000") + count.to_bytes(2)
    wire += bytes.fromhex("0161 00 0001 0001") + record * count
    assert parse_query(wire).end == 19
