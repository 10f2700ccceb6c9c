"""Queries, as far as an authoritative server reads them.

A message (RFC 1035 section 4.1)::

     0  1  2  3  4  5  6  7  8  9  A  B  C  D  E  F
    +-----------------------------------------------+
    |                      ID                       |   0
    |QR|  Opcode   |AA|TC|RD|RA| Z|AD|CD|   RCODE   |   2
    |                    QDCOUNT                    |   4   exactly 1 (RFC 9619)
    |                    ANCOUNT                    |   6   records are walked over, and ignored
    |                    NSCOUNT                    |   8
    |                    ARCOUNT                    |  10   OPT is read, TSIG checked for its form
    +-----------------------------------------------+
    / QNAME, QTYPE, QCLASS                          /  12   never compressed: nothing to point at
    / NAME, TYPE, CLASS, TTL, RDLENGTH, RDATA       /   a record; as many as the counts say
    / what follows is ignored                       /

The walk is total: it returns a query or raises ``WireError``, in time linear in the octets.
Pointers are checked to point backwards and never followed.

Standards:
    RFC 1035 section 4, RFC 9267   messages, and what goes wrong in reading them
    RFC 6891 section 6.1           the OPT record
    RFC 8945 sections 4.2, 5.2     the TSIG record's form and place
    RFC 9619                       one question
"""

from __future__ import annotations

from struct import Struct as Layout

import msgspec

from globaldns.dns.codes import Opcode, Option, Rcode, Rrclass, Rrtype
from globaldns.errors import WireError

HEADER_OCTETS = 12
ID_OCTETS = 2
"""In the header, the first."""
MAX_LABEL = 63
"""A length octet above it is a pointer (0xC0), or reserved (RFC 1035 section 4.1.4)."""

_POINTER = 0xC0
_OPCODE = 0x78
"""Of the header's third octet; 0x80 is QR."""
_MAX_NAME_END = HEADER_OCTETS + 254
"""Offset of the root's octet in a question whose name has 255."""

_COUNTS = Layout(">4H")
_QUESTION = Layout(">2H")
_RECORD = Layout(">HHIH")
_OPTION = Layout(">HH")
_TSIG_TIMES = 6 + 2
"""Octets of Time Signed and Fudge."""
_U16 = Layout(">H")

_OTHER_OPCODES = {Opcode.NOTIFY: Rcode.REFUSED, Opcode.UPDATE: Rcode.REFUSED}


class Edns(msgspec.Struct, frozen=True, gc=False):
    """What a query's OPT record says."""

    payload: int
    version: int
    is_dnssec_ok: bool
    wants_nsid: bool
    is_padded: bool
    """RFC 7830."""


class Query(msgspec.Struct, frozen=True, gc=False):
    """What a query asks."""

    qname: bytes
    """Folded, with the root."""
    qtype: int
    qclass: int
    end: int
    """Offset behind the question."""
    edns: Edns | None


def is_answerable(message: bytes) -> bool:
    """Whether a message may be answered at all: it has a header, and is no response.

    The test before all others. Two servers that answer answers never stop (CVE-2024-2169).
    """
    return len(message) >= HEADER_OCTETS and not message[2] & 0x80


def parse_query(message: bytes) -> Query:
    """Return what an answerable message asks.

    Raises:
        WireError: it is no query or cannot be parsed; ``rcode`` is what it is answered with,
            without a question.
    """
    if message[2] & _OPCODE:
        opcode = (message[2] & _OPCODE) >> 3
        rcode = _OTHER_OPCODES.get(opcode, Rcode.NOTIMP)  # type: ignore[call-overload]  # an int
        raise WireError(f"opcode {opcode}", rcode=rcode)
    questions, answers, authorities, additionals = _COUNTS.unpack_from(message, 4)
    if questions != 1:
        raise _malformed(f"{questions} questions")
    root = _find_root(message)
    end = root + 5
    if end > len(message):
        raise _malformed("the question is cut off")
    qtype, qclass = _QUESTION.unpack_from(message, root + 1)
    qname = message[HEADER_OCTETS : root + 1].lower()
    edns = None
    if answers or authorities or additionals:
        edns = _walk_records(message, end, answers + authorities, additionals)
    return Query(qname, qtype, qclass, end, edns)


def _malformed(reason: str) -> WireError:
    return WireError(reason, rcode=Rcode.FORMERR)


def _find_root(message: bytes) -> int:
    """Return the offset of the octet that ends the question's name."""
    offset = HEADER_OCTETS
    try:
        while length := message[offset]:
            if length > MAX_LABEL:
                raise _malformed("the question has a pointer or a label over 63 octets")
            offset += length + 1
            if offset > _MAX_NAME_END:
                raise _malformed("the question's name is over 255 octets")
    except IndexError:
        raise _malformed("the question is cut off") from None
    return offset


def _walk_records(message: bytes, offset: int, ignored: int, additionals: int) -> Edns | None:
    """Check the form of every record; return what the OPT record says."""
    edns = None
    count = ignored + additionals
    for index in range(1, count + 1):
        owner = offset
        offset = _skip_name(message, offset)
        rdata = offset + _RECORD.size
        if rdata > len(message):
            raise _malformed("a record is cut off")
        rrtype, rrclass, ttl, length = _RECORD.unpack_from(message, offset)
        offset = rdata + length
        if offset > len(message):
            raise _malformed("RDLENGTH points past the end")
        if rrtype == Rrtype.OPT:
            if edns or index <= ignored or message[owner]:
                raise _malformed("an OPT record that is second, named or misplaced")
            options = _walk_options(message, rdata, offset)
            edns = Edns(
                payload=rrclass,
                version=ttl >> 16 & 0xFF,
                is_dnssec_ok=bool(ttl & 0x8000),
                wants_nsid=Option.NSID in options,
                is_padded=Option.PADDING in options,
            )
        elif rrtype == Rrtype.TSIG:
            if index != count or index <= ignored:
                raise _malformed("a TSIG record that is not the last")
            _check_tsig(message[rdata:offset], rrclass, ttl)
    return edns


def _skip_name(message: bytes, start: int) -> int:
    """Return the offset behind a record's owner name."""
    offset = start
    try:
        while length := message[offset]:
            if length >= _POINTER:
                target = (length & 0x3F) << 8 | message[offset + 1]
                if not HEADER_OCTETS <= target < start:
                    raise _malformed("a pointer that does not point backwards")
                return offset + 2
            if length > MAX_LABEL or offset - start > _MAX_NAME_END - HEADER_OCTETS:
                raise _malformed("a record's name is too long")
            offset += length + 1
    except IndexError:
        raise _malformed("a record's name is cut off") from None
    return offset + 1


def _walk_options(message: bytes, offset: int, end: int) -> set[int]:
    """Check the form of EDNS options; return which there are."""
    options = set()
    while offset < end:
        if offset + _OPTION.size > end:
            raise _malformed("an EDNS option is cut off")
        code, length = _OPTION.unpack_from(message, offset)
        offset += _OPTION.size + length
        options.add(code)
    if offset > end:
        raise _malformed("an EDNS option is longer than its record")
    return options


def _check_tsig(rdata: bytes, rrclass: int, ttl: int) -> None:
    """Check the form of a TSIG record, whose signature is not looked at.

    ::

        / Algorithm Name / Time Signed, 6 | Fudge, 2 | MAC Size, 2 | MAC / Original ID, 2 | Error, 2
        | Other Len, 2 | Other Data /
    """
    if rrclass != Rrclass.ANY or ttl:
        raise _malformed("a TSIG record's class is ANY and its TTL 0")
    end = _skip_sized(rdata, _skip_name(rdata, 0) + _TSIG_TIMES)
    if _skip_sized(rdata, end + 4) != len(rdata):
        raise _malformed("a TSIG record's sizes do not add up")


def _skip_sized(rdata: bytes, offset: int) -> int:
    """Return the offset behind a field that has its size, two octets, in front."""
    if offset + _U16.size > len(rdata):
        raise _malformed("a TSIG record is cut off")
    size: int = _U16.unpack_from(rdata, offset)[0]
    return offset + _U16.size + size
