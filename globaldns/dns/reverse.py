"""Reverse zones: names of addresses, and who has them.

A pool becomes the zones at the first octet (IPv4) or nibble (IPv6) boundary at or below its
prefix: ``240.128.0.0/10`` is ``128.240.in-addr.arpa`` to ``191.240.in-addr.arpa``. A name in one of
them stands for all addresses that begin as it says; with all its labels, for one address.

What stands for many exists, whether or not any of them is a VIP now: one may be in a moment, and
who was told that nothing lies below would not ask for it.

Standards:
    RFC 1035 section 3.5   in-addr.arpa
    RFC 3596 section 2.5   ip6.arpa
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.dns.names import ROOT, encode_label, split_labels
from globaldns.model.address import Address, Family, Prefix

_SUFFIXES = {
    Family.IPV4: b"\x07in-addr\x04arpa" + ROOT,
    Family.IPV6: b"\x03ip6\x04arpa" + ROOT,
}
_BITS = {Family.IPV4: 8, Family.IPV6: 4}
"""Bits that a label stands for."""
_DIGITS = {
    Family.IPV4: tuple(str(octet).encode() for octet in range(256)),
    Family.IPV6: tuple(b"%x" % nibble for nibble in range(16)),
}
_VALUES = {
    family: {digit: value for value, digit in enumerate(digits)}
    for family, digits in _DIGITS.items()
}
"""Only as they are written: ``003`` is another label than ``3``, and no address."""


class ReverseZone(msgspec.Struct, frozen=True, gc=False):
    """One reverse zone of a pool."""

    apex: bytes
    """Wire name, with the root."""
    prefix: Prefix

    @property
    def text(self) -> str:
        """The apex as people write it, without the last dot."""
        return ".".join(label.decode() for label in split_labels(self.apex))

    def span(self, name: bytes) -> tuple[Address, Address] | None:
        """Return the first and last address that a name relative to the apex stands for.

        They are equal for the name of one address; None is for what is no name of any.
        """
        family = self.prefix.family
        values = _VALUES[family]
        bits = _BITS[family]
        number, length = self.prefix.base, self.prefix.length
        width = len(self.prefix.first) * 8
        for label in reversed(split_labels(name)):
            length += bits
            value = values.get(label)
            if value is None or length > width:
                return None
            number |= value << (width - length)
        narrowed = Prefix(Address(number.to_bytes(width // 8)), length)
        return narrowed.first, narrowed.last


def reverse_zones(pool: Prefix) -> Iterator[ReverseZone]:
    """Yield the zones at the first label boundary at or below a pool's prefix."""
    bits = _BITS[pool.family]
    width = len(pool.first) * 8
    length = -(-pool.length // bits) * bits
    for index in range(1 << (length - pool.length)):
        prefix = Prefix(pool.at(index << (width - length)), length)
        yield ReverseZone(_reverse_name(prefix), prefix)


def _reverse_name(prefix: Prefix) -> bytes:
    family = prefix.family
    bits = _BITS[family]
    number = prefix.base >> (len(prefix.first) * 8 - prefix.length)
    labels = []
    for _ in range(prefix.length // bits):
        labels.append(encode_label(_DIGITS[family][number & (1 << bits) - 1]))
        number >>= bits
    return b"".join(labels) + _SUFFIXES[family]
