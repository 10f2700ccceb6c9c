"""``spec.addresses`` of a ServiceEntry: plain addresses and CIDRs.

An address of ``/32`` or ``/128`` is a plain one, and a wider CIDR no answer (Istio
``convertServices``).
"""

from __future__ import annotations

import re

from globaldns.errors import InvalidAddress
from globaldns.model.address import Address, parse_address

_LENGTH = re.compile(r"0|[1-9]\d{0,2}", re.ASCII)


def parse_range(text: str) -> tuple[Address, int]:
    """Return the address and the length of an address or CIDR, which may have host bits.

    Raises:
        InvalidAddress: it is neither.
    """
    address, slash, length = text.partition("/")
    parsed = parse_address(address)
    bits = len(parsed) * 8
    if not slash:
        return parsed, bits
    mapped = 128 - bits if ":" in address else 0
    if not _LENGTH.fullmatch(length) or int(length) > bits + mapped:
        raise InvalidAddress(f"{text!r} is no CIDR")
    return parsed, max(0, int(length) - mapped)


def plain_addresses(texts: tuple[str, ...]) -> tuple[Address, ...]:
    """Return those that are one address, each once; the texts are valid."""
    ranges = (parse_range(text) for text in texts)
    return tuple(dict.fromkeys(address for address, length in ranges if length == len(address) * 8))
