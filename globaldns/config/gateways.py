"""Which addresses no gateway can have, and what gateways must be to each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address, ip_network

from globaldns.config.problem import Problem, join
from globaldns.config.schema import Config
from globaldns.config.special import Network

NOWHERE: dict[Network, str] = {
    ip_network("0.0.0.0/8"): "this network",
    ip_network("224.0.0.0/4"): "multicast",
    ip_network("255.255.255.255/32"): "the broadcast address",
    ip_network("::/128"): "unspecified",
    ip_network("ff00::/8"): "multicast",
}
"""Where nobody is reached, nearby or far, each with its reason (``config.special``); on loopback a
gateway may be."""
HINT = "name the load balancer's address, or its domain name"


def find_fault(address: str, pools: Iterable[str]) -> str:
    """Return why no gateway can have an address; empty: one can, as one that is a name may.

    ``pools``: the CIDRs of our own virtual IPs, which lead to gateways and never are one.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    ranges = NOWHERE | {ip_network(pool): "a pool of virtual IPs" for pool in pools if pool}
    return next(
        (
            f"{address} lies in {network} ({reason})"
            for network, reason in ranges.items()
            if parsed in network
        ),
        "",
    )


def check_gateways(config: Config) -> Iterator[Problem]:
    """Yield every problem of ``clusters.<id>.gateways``."""
    known: dict[tuple[str, int], tuple[str, str]] = {}
    for cluster, settings in config.clusters.items():
        for index, gateway in enumerate(settings.gateways):
            path = join(join(join("$.clusters", cluster), "gateways"), index)
            if fault := find_fault(gateway.address, config.vips.pools):
                yield Problem(f"{path}.address", f"no gateway is there: {fault}", HINT)
            elif gateway.address and settings.network:
                mine = (settings.network, cluster)
                network, other = known.setdefault((gateway.address, gateway.port), mine)
                if network != settings.network:
                    yield Problem(
                        f"{path}.address",
                        f"{gateway.address} port {gateway.port} is the gateway of {other} too, "
                        f"which is in another network, {network!r}",
                        "give each network a gateway of its own, or both clusters one network",
                    )
