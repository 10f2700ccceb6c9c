"""The syntax of the configuration's texts as regular expressions, exact where one can be.

They are read by Python, by editors (ECMA 262) and by Helm (RE2), so they have neither look-around
nor classes that depend on the reader. Who is told which of several a text does not match is to see
why: so each is about one thing, and what that is not about matches it.

Standards:
    RFC 1035 section 2.3.4   63 octets a label, 255 octets a name
    RFC 1123 section 2.1     letters, digits and hyphens; no name ends in a number
    RFC 3986 appendix A      IPv4address, IPv6address, h16, ls32
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_H16 = "[0-9A-Fa-f]{1,4}"
_LS32 = f"({_H16}:{_H16}|{_IPV4})"


def _ipv6() -> Iterator[str]:
    yield f"({_H16}:){{6}}{_LS32}"
    for before in range(6):
        yield f"{_up_to(before)}::({_H16}:){{{5 - before}}}{_LS32}"
    yield f"{_up_to(6)}::{_H16}"
    yield f"{_up_to(7)}::"


def _up_to(groups: int) -> str:
    return f"(({_H16}:){{0,{groups - 1}}}{_H16})?" if groups else ""


_IPV6 = f"({'|'.join(_ipv6())})"
_ADDRESS = "[0-9A-Fa-f:.]+"

ADDRESS = (f"^{_ADDRESS}$", f":|^{_IPV4}$", f"^[^:]*$|^{_IPV6}$")
CIDR = (
    f"^{_ADDRESS}(/[0-9]{{1,3}})?$",
    f":|^{_IPV4}(/|$)",
    f"^[^:]*$|^{_IPV6}(/|$)",
    "^[^/]*$|:.*/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$|^[^:]*/(3[0-2]|[12]?[0-9])$",
)
"""Whether bits are set beyond the length none says."""
LISTEN = (
    rf"^([0-9.]+|\[{_ADDRESS}\]):[0-9]{{1,5}}$",
    rf"^\[|^{_IPV4}:",
    rf"^[0-9]|^\[{_IPV6}\]:",
    ":([0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
)
SERVER = (*LISTEN, ":0*[1-9][0-9]*$")

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAME = rf"{LABEL}(\.{LABEL})*"
_DOMAIN = rf"{LABEL}(\.{LABEL})*\.?".replace("a-z", "A-Za-z")
"""A name in either case, with or without its trailing dot."""
DOMAIN = (f"^{_DOMAIN}$",)
ADDRESS_OR_NAME = (
    f"^({_DOMAIN}|{_ADDRESS})$",
    f"^[^:]*$|^{_IPV6}$",
    rf":|^{_IPV4}$|(^|\.)[0-9]*[A-Za-z-][^.]*\.?$",
    f":|^{_DOMAIN}$",
)
PATH = (r"^(~(/[^\x00]*)?|[^~\x00][^\x00]*)$",)
WORKERS = ("^([1-9][0-9]?|auto)$",)

DURATION = (r"^[0-9]{1,12}(\.[0-9]{1,3})?(ms|s|m|h|d)$",)
WHOLE_DURATION = (
    *DURATION,
    r"[0-9](s|m|h|d)$|^([0-9]*000|0{1,2})(\.0*)?ms$",
    r"[^s]$|ms$|^[0-9]+(\.0*)?s$",
    r"[^m]$|^[0-9]+(\.[0-9]([05]0?)?)?m$",
    r"[^hd]$|^[0-9]+(\.[0-9]([0-9][05]?)?)?[hd]$",
)
"""Whole seconds: 0.05 min are 3 s, 0.005 h are 18 s and 0.005 d 432 s, and of no less decimals."""
SIZE = ("^[0-9]{1,15}(KiB|MiB|GiB)?$",)


def is_match(text: str, patterns: Iterable[str]) -> bool:
    """Whether a text matches all of some patterns; one of several lines matches none."""
    return "\n" not in text and all(re.search(pattern, text) for pattern in patterns)
