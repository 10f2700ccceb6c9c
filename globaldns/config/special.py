"""Ranges that virtual IPs stay out of, and names that our zones do, each with its reason.

Standards:
    RFC 1122 section 3.2.1.3   0/8, loopback, the limited broadcast address
    RFC 3927, RFC 4291         link-local; loopback, unspecified, IPv4-mapped, multicast of IPv6
    RFC 5771                   multicast
    RFC 5180 section 8         2001:2::/48, benchmarking: Istio's range for its own IPv6 allocation
    RFC 1035 section 3.5, RFC 3596 section 2.5   names of addresses
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

SPECIAL: dict[Network, str] = {
    ip_network("0.0.0.0/8"): "this network",
    ip_network("127.0.0.0/8"): "loopback",
    ip_network("169.254.0.0/16"): "link-local",
    ip_network("224.0.0.0/4"): "multicast",
    ip_network("240.240.0.0/16"): "Istio's own allocation",
    ip_network("255.255.255.255/32"): "the broadcast address",
    ip_network("::/127"): "unspecified and loopback",
    ip_network("::ffff:0:0/96"): "IPv4 addresses, mapped",
    ip_network("2001:2::/48"): "Istio's own allocation",
    ip_network("fe80::/10"): "link-local",
    ip_network("ff00::/8"): "multicast",
}

IPV4_NAMES, IPV6_NAMES = "in-addr.arpa", "ip6.arpa"
SPECIAL_NAMES: dict[str, str] = {
    "cluster.local": "the names of a cluster's own Services",
    IPV4_NAMES: "the names of addresses",
    IPV6_NAMES: "the names of addresses",
}


def is_inside(inner: Network, outer: Network) -> bool:
    """Whether every address of one range lies in the other."""
    return (
        inner.version == outer.version
        and inner.prefixlen >= outer.prefixlen
        and inner.network_address in outer
    )


def is_touching(one: Network, other: Network) -> bool:
    """Whether any address lies in both."""
    return is_inside(one, other) or is_inside(other, one)


def find_special(network: Network, allowed: tuple[Network, ...]) -> tuple[Network, str] | None:
    """Return the first special range that a range touches without leave, and its reason."""
    for special, reason in SPECIAL.items():
        if not is_touching(network, special):
            continue
        shared = special if is_inside(special, network) else network
        if not any(is_inside(shared, other) for other in allowed):
            return special, reason
    return None


def are_related(name: str, other: str) -> bool:
    """Whether two names are one, or one lies below the other."""
    return f".{name}".endswith(f".{other}") or f".{other}".endswith(f".{name}")


def find_special_name(zone: str) -> tuple[str, str] | None:
    """Return the special name that a zone is, or lies above or below, and its reason."""
    related = (one for one in SPECIAL_NAMES.items() if are_related(zone, one[0]))
    return next(related, None)
