"""Texts of the configuration, read and written: durations, sizes, addresses, names.

Every ``parse_`` function returns the canonical value, and raises InvalidValue whose hint says how
to write it.

Standards:
    RFC 1035 section 2.3.4   63 octets a label, 255 octets a name
    RFC 5952                 canonical text of IPv6 addresses
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from globaldns.config.patterns import (
    DOMAIN,
    DURATION,
    SIZE,
    WHOLE_DURATION,
    WORKERS,
    is_match,
)
from globaldns.errors import InvalidValue

_AUTO = "auto"
_WITH_LENGTH = r"[^/]*(/(0|[1-9][0-9]{0,2}))?"
"""A length and no mask."""
_CIDR_HINT = "write it like 240.128.0.0/10"
_MAX_PORT = 65535
MAX_NAME = 253
"""Octets of a name as it is written: 255 on the wire (RFC 1035 section 2.3.4)."""
MAX_ZONE = 190
"""Octets as it is written: what a name leaves beside ``_explain`` and a service's short labels."""
INSTANCE = "_globaldns"
"""The label in front of a zone, or of a chosen namespace, where it is said who answers."""
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""In milliseconds, so that decimals are not lost to binary fractions."""
SIZES = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse_duration(text: str) -> float:
    """Return seconds."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise InvalidValue(f"{text} has no unit", hint=f"write {text}s")
    if not is_match(text, DURATION):
        hint = "write it like 250ms, 30s, 1.5h or 7d, with three decimals at most"
        raise InvalidValue(f"{text!r} is no duration", hint=hint)
    number = text.rstrip("mshd")
    whole, _, decimals = number.partition(".")
    thousandths = int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return thousandths * UNITS[text[len(number) :]] / 1_000_000


def parse_whole_seconds(text: str) -> int:
    """Return seconds, of which there is no fraction."""
    seconds = parse_duration(text)
    if not is_match(text, WHOLE_DURATION):
        raise InvalidValue(f"{text!r} is no whole number of seconds")
    return round(seconds)


def format_duration(seconds: float) -> str:
    """Return seconds in the largest unit that divides them."""
    if not float(seconds).is_integer():
        return f"{round(seconds * 1000)}ms"
    for unit in ("d", "h", "m"):
        size = UNITS[unit] // 1000
        if seconds and seconds % size == 0:
            return f"{int(seconds) // size}{unit}"
    return f"{int(seconds)}s"


def parse_size(text: str) -> int:
    """Return octets."""
    if not is_match(text, SIZE):
        raise InvalidValue(f"{text!r} is no size", hint="write it like 1232, 64KiB or 16MiB")
    number = text.rstrip("KMGiB")
    return int(number) * SIZES[text[len(number) :]]


def format_size(octets: int) -> str:
    """Return octets in the largest unit that divides them."""
    for unit in ("GiB", "MiB", "KiB"):
        if octets and octets % SIZES[unit] == 0:
            return f"{octets // SIZES[unit]}{unit}"
    return str(octets)


def parse_workers(text: str) -> int:
    """Return a number of processes; 0 for ``auto``."""
    if text == _AUTO:
        return 0
    if not is_match(text, WORKERS):
        raise InvalidValue(f"{text!r} is no number of workers", hint="write 1 to 99, or auto")
    return int(text)


def format_workers(workers: int) -> str:
    """Return a number of processes as it is written."""
    return str(workers) if workers else _AUTO


def parse_listen(text: str) -> str:
    """Return an address and a port in canonical text; port 0 lets the system choose."""
    address, port = split_listen(text)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def parse_server(text: str) -> str:
    """Return an address and a port at which somebody is reached, in canonical text."""
    address = parse_listen(text)
    if address.endswith(":0"):
        raise InvalidValue(f"{text!r} has port 0", hint="name the port at which it is reached")
    return address


def split_listen(text: str) -> tuple[str, int]:
    """Return the address, without brackets, and the port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port):
        raise InvalidValue(f"{text!r} is no address:port", hint=_listen_hint(text, "1053"))
    if int(port) > _MAX_PORT:
        raise InvalidValue(f"{text!r} has port {port}", hint=f"the largest is {_MAX_PORT}")
    try:
        address = _parse_bracketed(host)
    except ValueError:
        raise InvalidValue(f"{text!r} is no address:port", hint=_listen_hint(host, port)) from None
    return str(address), int(port)


def _parse_bracketed(host: str) -> IPv4Address | IPv6Address:
    if host.startswith("[") and host.endswith("]"):
        return IPv6Address(host[1:-1])
    return IPv4Address(host)


def _listen_hint(host: str, port: str) -> str:
    if host in {"", "*"}:
        return f"for every address write 0.0.0.0:{port} and [::]:{port}"
    if ":" in host:
        return "write an IPv6 address in brackets, like [::1]:1053"
    if host == "localhost":
        return f"write 127.0.0.1:{port} or [::1]:{port}"
    return "write it like 127.0.0.1:1053 or [::1]:1053"


def parse_ip(text: str) -> str:
    """Return an IP address in canonical text."""
    _refuse_zone_identifier(text)
    try:
        return _canonical(text)
    except ValueError:
        raise InvalidValue(f"{text!r} is no IP address") from None


def _canonical(text: str) -> str:
    """Return the one text of an IP address: of an IPv4-mapped one that of the IPv4 address."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return str(address)


def _refuse_zone_identifier(text: str) -> None:
    """Refuse an address that means something on one machine only (RFC 4007 section 11)."""
    if "%" in text:
        raise InvalidValue(f"{text!r} has a zone identifier", hint="write it without %…")


def parse_cidr(text: str) -> str:
    """Return a CIDR in canonical text; an address alone is a range of one."""
    _refuse_zone_identifier(text)
    if not re.fullmatch(_WITH_LENGTH, text):
        raise InvalidValue(f"{text!r} is no CIDR", hint=_CIDR_HINT)
    try:
        return str(ip_network(text))
    except ValueError as error:
        hint = _CIDR_HINT
        if "host bits" in str(error):
            hint = f"did you mean {ip_network(text, strict=False)}?"
        raise InvalidValue(f"{text!r} is no CIDR", hint=hint) from None


def parse_zone(text: str) -> str:
    """Return a domain name in lower case, without its trailing dot."""
    if not text.removesuffix("."):
        raise InvalidValue("the root cannot be a zone of ours", hint="name a zone, like global")
    if not is_match(text, DOMAIN):
        raise InvalidValue(
            f"{text!r} is no domain name",
            hint="labels of letters, digits and inner hyphens, with dots between",
        )
    if len(text) > MAX_ZONE:
        raise InvalidValue(
            f"{text[:30]}… has {len(text)} octets, a zone may have {MAX_ZONE}",
            hint="hosts below it need room in a name of 255",
        )
    return text.lower().removesuffix(".")


def parse_address_or_name(text: str) -> str:
    """Return an IP address or a domain name in canonical text."""
    _refuse_zone_identifier(text)
    try:
        return _canonical(text)
    except ValueError:
        name = text.lower().removesuffix(".")
    looks_numeric = name.rpartition(".")[2].isdigit()  # RFC 1123 section 2.1: no name ends so
    if looks_numeric or len(text) > MAX_NAME or not is_match(text, DOMAIN):
        raise InvalidValue(f"{text!r} is no IP address and no domain name")
    return name
