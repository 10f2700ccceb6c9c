"""Questions to a resolver about addresses, and its answers.

A resolver follows aliases itself; its answer has the whole chain, in any order::

    gateway.example.   60  CNAME  lb-1.cloud.example.     the TTL of what we learn is the
    lb-1.cloud.example. 20 A      203.0.113.20            smallest of these: 20

Standards:
    RFC 1035 section 4       messages
    RFC 2181 sections 5, 8   records of one name; TTLs whose highest bit is set count as 0
    RFC 5452 section 4       which answers are to be believed
    RFC 6891                 OPT
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812  # an exception

import msgspec

from globaldns.dns.codes import Rcode, Rrclass, Rrtype
from globaldns.dns.compressed import read_name
from globaldns.dns.names import MAX_NAME_OCTETS, ROOT, encode_name
from globaldns.errors import InvalidHost, ServerError
from globaldns.model.address import Address, Family, format_address

MAX_ALIASES = 16
"""CNAMEs that are followed in a row; resolvers themselves give up at about so many."""
MAX_RECORDS = 512
"""Records of an answer that are read; 64 addresses are all that is used."""

_PAYLOAD = 1232
"""UDP payload that we offer, in octets (DNS flag day 2020)."""
_RECURSION_DESIRED = 0x0100
_RESPONSE = 0x8000
_OPCODE = 0x7800
_TRUNCATED = 0x0200
_RCODE = 0x000F
_TTL_SIGN = 1 << 31

_HEADER = Layout("!6H")
_QUESTION = Layout("!HH")
_RECORD = Layout("!HHIH")

_LENGTHS = {Rrtype.A: Family.IPV4, Rrtype.AAAA: Family.IPV6}


class Question(msgspec.Struct, frozen=True):
    """What is asked."""

    id: int
    name: bytes
    """On the wire, folded, with the root."""
    rrtype: Rrtype

    @property
    def wire(self) -> bytes:
        """The message."""
        opt = ROOT + _RECORD.pack(Rrtype.OPT, _PAYLOAD, 0, 0)
        return _HEADER.pack(self.id, _RECURSION_DESIRED, 1, 0, 0, 1) + self._section + opt

    @property
    def _section(self) -> bytes:
        return self.name + _QUESTION.pack(self.rrtype, Rrclass.IN)

    def is_answered_by(self, wire: bytes) -> bool:
        """Whether a message is an answer to this, and not one that somebody guessed or mixed up."""
        if len(wire) < _HEADER.size:
            return False
        message_id, flags, questions, *_counts = _HEADER.unpack_from(wire)
        section = wire[_HEADER.size : _HEADER.size + len(self._section)]
        return (
            message_id == self.id
            and flags & (_RESPONSE | _OPCODE) == _RESPONSE
            and questions == 1
            and section.lower() == self._section.lower()
        )


class Answer(msgspec.Struct, frozen=True):
    """The addresses of one family that a name has."""

    addresses: frozenset[str] = frozenset()
    """Empty: the name is there, and has none of that family."""
    ttl: int = 0
    """Seconds; the smallest of the chain."""


class _Record(msgspec.Struct, frozen=True):
    rrtype: int
    ttl: int
    data: bytes
    """An address, or the name that an alias stands for."""


def encode_question(name: str, rrtype: Rrtype, question_id: int) -> Question:
    """Return a question about a name in dotted text, with or without its trailing dot.

    Raises:
        ServerError: the name has no wire form, so no server can be asked.
    """
    try:
        wire = encode_name(name.removesuffix(".")) + ROOT
    except InvalidHost as error:
        raise ServerError(f"{name[:80]!r} is no domain name: {error}") from error
    if len(wire) > MAX_NAME_OCTETS or wire == ROOT:
        raise ServerError(f"{name[:80]!r} is no domain name")
    return Question(question_id, wire, rrtype)


def is_truncated(wire: bytes) -> bool:
    """Whether an answer asks to come again over TCP."""
    return bool(_HEADER.unpack_from(wire)[1] & _TRUNCATED)


def decode_answer(question: Question, wire: bytes) -> Answer:
    """Return what a message that answers a question says.

    Raises:
        ServerError: it says that it has no answer, or does not parse.
    """
    rcode = _HEADER.unpack_from(wire)[1] & _RCODE
    if rcode == Rcode.NXDOMAIN:
        raise ServerError("the name does not exist (NXDOMAIN)")
    if rcode != Rcode.NOERROR:
        raise ServerError(f"the resolver answers {_format_rcode(rcode)}")
    try:
        records = _read_records(wire, _HEADER.size + len(question.name) + _QUESTION.size)
    except (StructError, IndexError) as error:
        raise ServerError("the resolver's answer ends in the middle") from error
    return _follow(question, records)


def is_final(wire: bytes) -> bool:
    """Whether no other resolver need be asked: the name is answered, or does not exist."""
    return _HEADER.unpack_from(wire)[1] & _RCODE in {Rcode.NOERROR, Rcode.NXDOMAIN}


def _read_records(wire: bytes, offset: int) -> dict[bytes, list[_Record]]:
    """Return the aliases and addresses of the answer section by their folded owner."""
    count = _HEADER.unpack_from(wire)[3]
    if count > MAX_RECORDS:
        raise ServerError(f"the resolver's answer has {count} records, {MAX_RECORDS} are read")
    records: dict[bytes, list[_Record]] = {}
    for _ in range(count):
        owner, offset = read_name(wire, offset)
        rrtype, rrclass, ttl, length = _RECORD.unpack_from(wire, offset)
        start = offset + _RECORD.size
        offset = start + length
        if offset > len(wire):
            raise ServerError("a record is longer than the resolver's answer")
        if rrclass == Rrclass.IN and (data := _read_data(wire, rrtype, start, length)) is not None:
            record = _Record(rrtype, 0 if ttl & _TTL_SIGN else ttl, data)
            records.setdefault(owner.lower(), []).append(record)
    return records


def _read_data(wire: bytes, rrtype: int, start: int, length: int) -> bytes | None:
    if rrtype == Rrtype.CNAME:
        return read_name(wire, start)[0].lower()
    if rrtype not in {Rrtype.A, Rrtype.AAAA}:
        return None
    if length != _LENGTHS[Rrtype(rrtype)]:
        raise ServerError(f"the resolver answers an address of {length} octets")
    return wire[start : start + length]


def _follow(question: Question, records: dict[bytes, list[_Record]]) -> Answer:
    owner, ttls = question.name.lower(), []
    for _ in range(MAX_ALIASES + 1):
        found = records.get(owner, [])
        if alias := next(_of_type(found, Rrtype.CNAME), None):
            ttls.append(alias.ttl)
            owner = alias.data
            continue
        addresses = list(_of_type(found, question.rrtype))
        if not addresses:
            return Answer()
        ttl = min((*ttls, *(one.ttl for one in addresses)))
        return Answer(frozenset(format_address(Address(one.data)) for one in addresses), ttl)
    raise ServerError(f"the name is an alias of an alias, over {MAX_ALIASES} times")


def _of_type(records: list[_Record], rrtype: Rrtype) -> Iterator[_Record]:
    return (record for record in records if record.rrtype == rrtype)


def _format_rcode(rcode: int) -> str:
    return Rcode(rcode).name if rcode in set(Rcode) else f"RCODE{rcode}"
