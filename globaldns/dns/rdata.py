r"""Record data in presentation format.

Standards:
    RFC 1035 sections 3.3 and 5.1   NS, PTR, SOA, TXT; text
    RFC 2782, RFC 3596              SRV, AAAA
    RFC 3597 section 5              ``\# length hex`` for every other type
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from globaldns.dns.codes import Rrtype
from globaldns.dns.compressed import read_name
from globaldns.dns.names import format_name
from globaldns.errors import ServerError
from globaldns.model.address import Address, format_address

_SOA_NUMBERS = struct.Struct("!5I")
_SRV_NUMBERS = struct.Struct("!3H")
_QUOTED = frozenset(b'"\\')
_PRINTABLE = range(0x20, 0x7F)


def format_rdata(wire: bytes, rrtype: int, start: int, length: int) -> str:
    """Return the data of a record as text.

    Raises:
        ServerError, struct.error, IndexError: it does not parse.
    """
    write = _WRITERS.get(rrtype, _write_unknown)
    return write(wire, start, length)


def _write_address(wire: bytes, start: int, length: int) -> str:
    if length not in {4, 16}:
        raise ServerError(f"an address of {length} octets")
    return format_address(Address(wire[start : start + length]))


def _write_name(wire: bytes, start: int, _: int) -> str:
    return format_name(read_name(wire, start)[0])


def _write_soa(wire: bytes, start: int, _: int) -> str:
    mname, offset = read_name(wire, start)
    rname, offset = read_name(wire, offset)
    numbers = _SOA_NUMBERS.unpack_from(wire, offset)
    return " ".join((format_name(mname), format_name(rname), *map(str, numbers)))


def _write_srv(wire: bytes, start: int, _: int) -> str:
    numbers = _SRV_NUMBERS.unpack_from(wire, start)
    target, _end = read_name(wire, start + _SRV_NUMBERS.size)
    return " ".join((*map(str, numbers), format_name(target)))


def _write_txt(wire: bytes, start: int, length: int) -> str:
    strings, offset = [], start
    while offset < start + length:
        end = offset + 1 + wire[offset]
        strings.append(f'"{"".join(map(_write_octet, wire[offset + 1 : end]))}"')
        offset = end
    return " ".join(strings)


def _write_octet(octet: int) -> str:
    if octet in _QUOTED:
        return f"\\{octet:c}"
    return chr(octet) if octet in _PRINTABLE else f"\\{octet:03d}"


def _write_unknown(wire: bytes, start: int, length: int) -> str:
    return f"\\# {length} {wire[start : start + length].hex().upper()}".rstrip()


_WRITERS: dict[int, Callable[[bytes, int, int], str]] = {
    Rrtype.A: _write_address,
    Rrtype.AAAA: _write_address,
    Rrtype.NS: _write_name,
    Rrtype.CNAME: _write_name,
    Rrtype.PTR: _write_name,
    Rrtype.SOA: _write_soa,
    Rrtype.SRV: _write_srv,
    Rrtype.TXT: _write_txt,
}
