"""DNS messages for the person who asks: building a query, reading what comes back.

Standards:
    RFC 1035 section 4   messages
    RFC 6891             OPT
    RFC 3597 section 5   TYPE123
"""

from __future__ import annotations

import struct
from contextlib import suppress
from ipaddress import ip_address

import msgspec

from globaldns.dns.codes import Rcode, Rrclass, Rrtype
from globaldns.dns.compressed import read_name
from globaldns.dns.names import ROOT, encode_name, format_name
from globaldns.dns.rdata import format_rdata
from globaldns.errors import ServerError

PAYLOAD = 1232
"""UDP payload that we offer, in octets (DNS flag day 2020)."""

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_FLAGS = ((0x8000, "qr"), (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"))


class Record(msgspec.Struct, frozen=True, gc=False):
    """A resource record in presentation format."""

    name: str
    ttl: int
    type: str
    data: str


class Message(msgspec.Struct, frozen=True):
    """An answer."""

    id: int
    rcode: str
    flags: tuple[str, ...]
    question: str
    """``name. IN TYPE``; empty where the answer repeats no question."""
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    octets: int

    @property
    def is_truncated(self) -> bool:
        """Whether the answer asks to come again over TCP."""
        return "tc" in self.flags


def encode_query(name: str, rrtype: int, *, query_id: int) -> bytes:
    """Return a query of class IN, without RD: this asks the authority itself.

    Raises:
        InvalidHost: the name has no wire form.
    """
    question = encode_name(name.removesuffix(".")) + ROOT + _QUESTION.pack(rrtype, Rrclass.IN)
    opt = ROOT + _RECORD.pack(Rrtype.OPT, PAYLOAD, 0, 0)
    return _HEADER.pack(query_id, 0, 1, 0, 0, 1) + question + opt


def decode_message(wire: bytes) -> Message:
    """Return a message in presentation format.

    Raises:
        ServerError: it does not parse.
    """
    try:
        return _decode(wire)
    except (struct.error, IndexError) as error:
        raise ServerError(f"the answer ends in the middle: {error}") from error


def _decode(wire: bytes) -> Message:
    message_id, flags, questions, *counts = _HEADER.unpack_from(wire)
    offset, question = _HEADER.size, ""
    for _ in range(questions):
        name, offset = read_name(wire, offset)
        rrtype, _rrclass = _QUESTION.unpack_from(wire, offset)
        offset += _QUESTION.size
        question = f"{format_name(name)} IN {format_type(rrtype)}"
    sections = []
    rcode = flags & 0xF
    for count in counts:
        records = []
        for _ in range(count):
            record, offset, high = _read_record(wire, offset)
            rcode |= high
            if record is not None:
                records.append(record)
        sections.append(tuple(records))
    answer, authority, additional = sections
    names = tuple(name for bit, name in _FLAGS if flags & bit)
    return Message(
        message_id, _format_rcode(rcode), names, question, answer, authority, additional, len(wire)
    )


def _read_record(wire: bytes, offset: int) -> tuple[Record | None, int, int]:
    """Return a record (None for OPT), the offset behind it, and OPT's part of the rcode."""
    name, offset = read_name(wire, offset)
    rrtype, _rrclass, ttl, length = _RECORD.unpack_from(wire, offset)
    start = offset + _RECORD.size
    if start + length > len(wire):
        raise ServerError("a record is longer than the answer")
    if rrtype == Rrtype.OPT:
        return None, start + length, (ttl >> 24) << 4  # RFC 6891 section 6.1.3
    data = format_rdata(wire, rrtype, start, length)
    return Record(format_name(name), ttl, format_type(rrtype), data), start + length, 0


def parse_type(text: str) -> int:
    """Return the number of a type: its name, ``TYPE65``, or a number.

    Raises:
        ValueError: it is none.
    """
    with suppress(KeyError):
        return Rrtype[text.upper()].value
    digits = text.upper().removeprefix("TYPE")
    if not (digits.isascii() and digits.isdecimal() and int(digits) < 1 << 16):
        raise ValueError(f"{text!r} is no type of a record")
    return int(digits)


def format_type(number: int) -> str:
    """Return the name of a type, else ``TYPE`` and its number."""
    with suppress(ValueError):
        return Rrtype(number).name
    return f"TYPE{number}"


def reverse_name(text: str) -> str | None:
    """Return the name that stands for an address in its reverse zone; None: it is no address."""
    with suppress(ValueError):
        return ip_address(text).reverse_pointer
    return None


def _format_rcode(rcode: int) -> str:
    with suppress(ValueError):
        return Rcode(rcode).name
    return f"RCODE{rcode}"
