"""IP addresses as packed bytes, and prefixes over them.

Packed bytes are compact, hash fast, sort numerically within a family, and are the rdata of A and
AAAA records as they stand (RFC 1035 section 3.4.1, RFC 3596 section 2.2).
"""

from __future__ import annotations

import re
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NewType

import msgspec

from globaldns.errors import InvalidAddress

Address = NewType("Address", bytes)
"""Four octets (IPv4) or sixteen (IPv6), network order."""


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}", re.ASCII)


class Family(IntEnum):
    """Address family, by the number of octets in its addresses."""

    IPV4 = 4
    IPV6 = 16

    def __str__(self) -> str:
        """Return it for people."""
        return "IPv4" if self is Family.IPV4 else "IPv6"


def family(address: Address) -> Family:
    """Return which family an address belongs to."""
    return Family.IPV4 if len(address) == Family.IPV4 else Family.IPV6


def parse_address(text: str) -> Address:
    """Return the address that a text writes.

    Zone identifiers (``fe80::1%eth0``) are refused. An IPv4-mapped IPv6 address is the IPv4 address
    that it stands for (RFC 4291 section 2.5.5.2): one node has not two of them.

    Raises:
        InvalidAddress: the text is no IP address.
    """
    try:
        parsed = ip_address(text)
    except ValueError:
        raise InvalidAddress(f"{text!r} is no IP address") from None
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        raise InvalidAddress(f"{text!r} has a zone identifier", hint="write it without %…")
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return Address(parsed.packed)


def one_text(text: str) -> str:
    """Return the text of an IPv6 address that all others of it are the same as; any other as it is.

    Texts of IPv4 addresses have one form, and are spared the parsing.
    """
    if ":" not in text or not is_address(text):
        return text
    return format_address(parse_address(text))


def is_address(text: str) -> bool:
    """Whether a text is an IP address; IPv4 without the cost of parsing it."""
    if _IPV4.fullmatch(text):
        return True
    try:
        parse_address(text)
    except InvalidAddress:
        return False
    return True


def format_address(address: Address) -> str:
    """Return the canonical text of an address (RFC 5952 for IPv6)."""
    if len(address) == Family.IPV4:
        return ".".join(map(str, address))
    return str(IPv6Address(bytes(address)))


class Prefix(msgspec.Struct, frozen=True, order=True, gc=False):
    """A CIDR: all addresses from ``first`` to ``last``, both included, of one family."""

    first: Address
    length: int
    """Prefix length in bits."""

    @property
    def family(self) -> Family:
        """The family of its addresses."""
        return family(self.first)

    @property
    def size(self) -> int:
        """How many addresses it has; always a power of two."""
        return 1 << (len(self.first) * 8 - self.length)

    @property
    def base(self) -> int:
        """The first address as a number."""
        return int.from_bytes(self.first)

    @property
    def last(self) -> Address:
        """The last address."""
        return self.at(self.size - 1)

    def at(self, index: int) -> Address:
        """Return the address ``index`` places after the first."""
        return Address((self.base + index).to_bytes(len(self.first)))

    def above(self, length: int) -> Prefix:
        """Return the prefix of that length, no longer than its own, in which it lies."""
        rest = len(self.first) * 8 - length
        first = (self.base >> rest << rest).to_bytes(len(self.first))
        return Prefix(Address(first), length)

    def __contains__(self, address: object) -> bool:
        """Whether an address lies in it."""
        return (
            isinstance(address, bytes)
            and len(address) == len(self.first)
            and self.first <= address <= self.last
        )

    def overlaps(self, other: Prefix) -> bool:
        """Whether any address lies in both."""
        return self.first in other or other.first in self

    def __str__(self) -> str:
        """Return ``address/length``."""
        return f"{format_address(self.first)}/{self.length}"


def parse_prefix(text: str) -> Prefix:
    """Return the prefix that a text writes; a bare address is a prefix of one.

    Raises:
        InvalidAddress: the text is no CIDR, or has bits set beyond its length.
    """
    try:
        network = ip_network(text)
    except ValueError as error:
        hint = ""
        if "host bits" in str(error):
            hint = f"did you mean {ip_network(text, strict=False)}?"
        raise InvalidAddress(f"{text!r} is no CIDR", hint=hint) from None
    address: IPv4Address | IPv6Address = network.network_address
    return Prefix(Address(address.packed), network.prefixlen)
