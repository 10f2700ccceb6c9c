"""Ranges that virtual IPs stay out of, each with its reason.

Standards:
    RFC 1122 section 3.2.1.3   0/8, loopback, the limited broadcast address
    RFC 3927, RFC 4291         link-local; loopback, unspecified, IPv4-mapped, multicast of IPv6
    RFC 5771                   multicast
    RFC 5180 section 8         2001:2::/48, benchmarking: Istio's range for its own IPv6 allocation
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
