r"""Replies: what is said of a question, and how it becomes a message.

An answer speaks of the question's own name only (there are no CNAMEs), so every owner in it is a
pointer into the question: ``\xC0\x0C`` for the name itself, and further in for the apex above it,
which owns the SOA record of a negative answer. Owners thus have the case that was asked in.

Standards:
    RFC 1035 section 4.1, RFC 4343   messages; the question is echoed octet by octet
    RFC 2308 section 3               the SOA record of negative answers
    RFC 6891 sections 6.1, 6.2       the OPT record, payload sizes
    RFC 2181 section 9               what does not fit whole is not sent in part
    RFC 7830, RFC 8467 section 4.1   padding
"""

from __future__ import annotations

from struct import Struct as Layout

import msgspec

from globaldns.dns.codes import Opcode, Option, Rcode, Rrtype
from globaldns.dns.wire import HEADER_OCTETS, Query

STREAM_ROOM = 65535
"""Octets of a reply over TCP: its length has 16 bits (RFC 1035 section 4.2.2)."""
PLAIN_ROOM = 512
"""Octets of a UDP reply to who does not speak EDNS (RFC 1035 section 4.2.1)."""

PADDING_BLOCK = 468
"""Octets: a reply that is padded has a multiple of it (RFC 8467 section 4.1)."""

_QR = 0x8000
_AA = 0x0400
_TC = 0x0200
_POINTER = 0xC000
_DO = 0x8000

_HEADER = Layout(">5H")
"""All but the ID."""
_RECORD = Layout(">HHHIH")
_OPT = Layout(">BHHBBHH")
_OPTION = Layout(">HH")
_LENGTH = Layout(">H")


class Rrset(msgspec.Struct, frozen=True, gc=False):
    """The records of one name and type (RFC 2181 section 5)."""

    rrtype: int
    ttl: int
    rdatas: tuple[bytes, ...]


class Soa(msgspec.Struct, frozen=True, gc=False):
    """The SOA record that makes a negative answer worth caching."""

    apex: int
    """Octets of the question's name in front of the apex."""
    ttl: int
    rdata: bytes


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is said of a question."""

    rcode: Rcode
    is_authoritative: bool = False
    rrset: Rrset | None = None
    soa: Soa | None = None


def encode_refusal(message: bytes, rcode: int) -> bytes:
    """Return the header alone: the reply to what is no query or could not be parsed.

    Every flag is clear; to a QUERY, RD is copied.
    """
    opcode_flags = message[2] & 0x78
    if opcode_flags == Opcode.QUERY:
        opcode_flags = message[2] & 0x01
    flags = _QR | opcode_flags << 8 | rcode
    return message[:2] + _HEADER.pack(flags, 0, 0, 0, 0)


def encode_reply(message: bytes, query: Query, answer: Answer, *, room: int, opt: bytes) -> bytes:
    """Return the reply to a query in at most ``room`` octets.

    What does not fit is left out whole and TC set; over TCP, where there is no other way to ask, it
    is SERVFAIL.
    """
    flags = _QR | (message[2] & 0x01) << 8 | answer.rcode & 0xF
    if answer.is_authoritative:
        flags |= _AA
    question = message[HEADER_OCTETS : query.end]
    records, answers, authorities = b"", 0, 0
    if answer.rrset is not None:
        records, answers = _encode_rrset(answer.rrset, query.qclass), len(answer.rrset.rdatas)
    elif answer.soa is not None:
        records, authorities = _encode_soa(answer.soa, query.qclass), 1
    if HEADER_OCTETS + len(question) + len(records) + len(opt) > room:
        flags = flags | _TC if room < STREAM_ROOM else flags & ~_AA | Rcode.SERVFAIL
        records, answers, authorities = b"", 0, 0
    header = _HEADER.pack(flags, 1, answers, authorities, 1 if opt else 0)
    return b"".join((message[:2], header, question, records, opt))


def _encode_rrset(rrset: Rrset, rrclass: int) -> bytes:
    owner = _POINTER | HEADER_OCTETS
    if len(rrset.rdatas) == 1:  # as most have
        rdata = rrset.rdatas[0]
        return _RECORD.pack(owner, rrset.rrtype, rrclass, rrset.ttl, len(rdata)) + rdata
    return b"".join(
        [
            _RECORD.pack(owner, rrset.rrtype, rrclass, rrset.ttl, len(rdata)) + rdata
            for rdata in rrset.rdatas
        ]
    )


def _encode_soa(soa: Soa, rrclass: int) -> bytes:
    owner = _POINTER | HEADER_OCTETS + soa.apex
    return _RECORD.pack(owner, Rrtype.SOA, rrclass, soa.ttl, len(soa.rdata)) + soa.rdata


def encode_opt(*, payload: int, rcode: int, is_dnssec_ok: bool, nsid: bytes = b"") -> bytes:
    """Return an OPT record of version 0; DO is copied, Z is clear, NSID is the only option.

    ::

        | 0 | 41, 2 | payload, 2 | RCODE's upper octet, 1 | version, 1 | DO and Z, 2 | RDLENGTH, 2 |
    """
    option = _OPTION.pack(Option.NSID, len(nsid)) + nsid if nsid else b""
    flags = _DO if is_dnssec_ok else 0
    return _OPT.pack(0, Rrtype.OPT, payload, rcode >> 4, 0, flags, len(option)) + option


def pad_reply(reply: bytes, opt: bytes) -> bytes:
    """Return a reply, which ends in this OPT record, with padding as the record's last option.

    One that has no room for an option is returned as it is.
    """
    octets = len(reply) + _OPTION.size
    padding = min(-octets % PADDING_BLOCK, STREAM_ROOM - octets)
    if padding < 0:
        return reply
    options = opt[_OPT.size :] + _OPTION.pack(Option.PADDING, padding) + bytes(padding)
    head = opt[: _OPT.size - _LENGTH.size] + _LENGTH.pack(len(options))
    return reply[: -len(opt)] + head + options
