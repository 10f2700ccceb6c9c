"""Record data in wire form, built where an answer is not already there as bytes.

The only module that uses dnslib. Names in record data are never compressed: RFC 2782 forbids it
for SRV, and for the others the bytes can then stand at any place of any message.

Standards:
    RFC 1035 section 3.3   NS, PTR, SOA, TXT
    RFC 2782               SRV
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from dnslib import NS, PTR, RD, SOA, SRV, TXT, DNSBuffer, DNSLabel

from globaldns.dns.names import split_labels

MAX_STRING_OCTETS = 255
"""RFC 1035 section 3.3.14: one octet has the length of a character-string."""

MAX_STRINGS = 255
"""What RDLENGTH can hold of the longest."""

REFRESH = 3600
RETRY = 600
EXPIRE = 86400
"""Seconds, for secondaries (RFC 1912 section 2.2); there are none, transfers are refused."""

_PRIORITY = 0
_WEIGHT = 0
"""RFC 2782: 0 where there is no choice between servers; the VIP stands for all of them."""


class _UncompressedBuffer(DNSBuffer):  # type: ignore[misc]  # dnslib ships no types
    """A buffer whose names do not depend on where in a message it will stand."""

    def encode_name(self, name: DNSLabel) -> None:
        self.encode_name_nocompress(name)


def encode_ns(target: bytes) -> bytes:
    """Return the data of an NS record."""
    return _pack(NS(_label(target)))


def encode_ptr(target: bytes) -> bytes:
    """Return the data of a PTR record."""
    return _pack(PTR(_label(target)))


def encode_soa(mname: bytes, rname: bytes, *, serial: int, minimum: int) -> bytes:
    """Return the data of an SOA record; ``minimum`` is the TTL of negative answers (RFC 2308)."""
    times = (serial & 0xFFFF_FFFF, REFRESH, RETRY, EXPIRE, minimum)
    return _pack(SOA(_label(mname), _label(rname), times))


def encode_srv(port: int, target: bytes) -> bytes:
    """Return the data of an SRV record."""
    return _pack(SRV(_PRIORITY, _WEIGHT, port, _label(target)))


def encode_txt(strings: Iterable[str]) -> bytes:
    """Return the data of one TXT record of at most 255 strings of at most 255 octets, cut to it."""
    first = islice(strings, MAX_STRINGS)
    return _pack(TXT([string.encode()[:MAX_STRING_OCTETS] for string in first]))


def _label(name: bytes) -> DNSLabel:
    return DNSLabel(split_labels(name))  # a list of bytes: taken as it is, without idna


def _pack(rdata: RD) -> bytes:
    buffer = _UncompressedBuffer()
    rdata.pack(buffer)
    return bytes(buffer.data)
