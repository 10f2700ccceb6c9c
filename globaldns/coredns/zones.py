"""Zones of server blocks, as CoreDNS understands the keys that people write.

A key is ``[transport://]zone[:port]``; a CIDR stands for its reverse zones. Case does not count.
Names with escapes, which nobody has, are refused.

Source: ``plugin/normalize.go`` and ``plugin/pkg/cidr`` of github.com/coredns/coredns.
Standards:
    RFC 1035 section 3.5   in-addr.arpa
    RFC 3596 section 2.5   ip6.arpa
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from globaldns.errors import StubError
from globaldns.model.host import fold

DNS = "dns"
ROOT_ZONE = "."
DEFAULT_PORT = "53"
_TRANSPORTS = (DNS, "tls", "grpc", "https", "https3", "quic")
_MAX_ZONE = 255
_MAX_LABEL = 63
_VARIABLE = r"\{\$[^}]+\}|\{%[^%]+%\}"
_PORT = re.compile(rf"(?P<zone>.*):(?P<port>[+-]?[0-9]+|{_VARIABLE})", re.DOTALL)
_HAS_VARIABLE = re.compile(_VARIABLE)
_CIDR = re.compile(r"[0-9A-Fa-f.:]+/[0-9]+")


class Key(msgspec.Struct, frozen=True):
    """One zone that a block answers for."""

    zone: str
    """Lower case, with a dot at its end; as written where an environment variable is in it."""
    port: str
    """Digits, an environment variable as written, or nothing: the server's own default."""
    transport: str = DNS

    @property
    def is_known(self) -> bool:
        """Whether the zone can be told without the server's environment."""
        return not _HAS_VARIABLE.search(self.zone)

    @property
    def known_end(self) -> str:
        """The labels that are known without it, behind all variables; no dots at their ends."""
        *_, rest = _HAS_VARIABLE.split(self.zone)
        return fold(self.zone if self.is_known else rest.partition(".")[2])

    def may_equal(self, other: Key) -> bool:
        """Whether CoreDNS may refuse two blocks with these keys, as one zone defined twice."""
        is_other = self.zone != other.zone and self.is_known and other.is_known
        if self.transport != other.transport or is_other:
            return False
        ports = {self.port or DEFAULT_PORT, other.port or DEFAULT_PORT}
        return len(ports) == 1 or any(_HAS_VARIABLE.fullmatch(port) for port in ports)


def parse_key(text: str) -> tuple[Key, ...]:
    """Return the zones of a key; a CIDR may have many.

    Raises:
        StubError: CoreDNS would refuse it.
    """
    transport, rest = _split_transport(text)
    if not rest or rest.endswith(":"):
        raise StubError(f"{text!r} is no zone", code="syntax", hint="write it as zone or zone:port")
    found = _PORT.fullmatch(rest)
    name, port = (found["zone"], found["port"]) if found else (rest, "")
    if port.lstrip("+-").isdigit():
        port = str(int(port))
    if _HAS_VARIABLE.search(name):
        return (Key(name, port, transport),)
    try:
        zones = reverse_zones(name) if _CIDR.fullmatch(name) else (name,)
    except ValueError:
        zones = (name,)
    return tuple(Key(_zone(zone, text), port, transport) for zone in zones)


def reverse_zones(cidr: str) -> tuple[str, ...]:
    """Return the reverse zones that together hold the addresses of a CIDR, without dots at the end.

    They are cut at the first octet (IPv4) or nibble (IPv6) at or below the prefix.

    Raises:
        ValueError: it is no CIDR.
    """
    network: IPv4Network | IPv6Network = ip_network(cidr, strict=False)
    step = 8 if network.version == 4 else 4  # noqa: PLR2004  # bits a label
    length = -(-network.prefixlen // step) * step
    labels = length // step
    return tuple(_reverse_name(part, labels) for part in network.subnets(new_prefix=length))


def _reverse_name(network: IPv4Network | IPv6Network, labels: int) -> str:
    name = network.network_address.reverse_pointer.split(".")
    return ".".join(name[-2 - labels :])


def _split_transport(text: str) -> tuple[str, str]:
    for transport in _TRANSPORTS:
        if text.startswith(f"{transport}://"):
            return transport, text.removeprefix(f"{transport}://")
    return DNS, text


def _zone(zone: str, written: str) -> str:
    folded = fold(zone)
    labels = folded.split(".") if folded else []
    is_name = all(0 < len(label) <= _MAX_LABEL for label in labels) and "\\" not in zone
    if not zone or len(zone) > _MAX_ZONE or not is_name:
        raise StubError(f"{written!r} is no zone", code="syntax", hint="write it as a domain name")
    return f"{folded}."
