"""What reaches what in the box, as text for ``ip -batch``. Pure.

Every namespace hangs on the box's own, which routes between them by a table for each::

    east   198.18.1.2 ──── 198.18.1.1 ┐          table 101: what east reaches
    west   198.18.2.2 ──── 198.18.2.1 ┤ the box  table 102: what west reaches
    …                                 ┘

Pods and gateways have addresses of their own behind that. A network's pods are in the tables of its
own clusters and their gateways only; what is in no table is dropped, as between real networks.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.demo.plan import CLUSTERS, GATEWAYS, POOL, nodes, workloads_at

_TABLES = 100
"""Tables up to 255 have names of the kernel's only from 253 on."""
Pair = frozenset[str]


class Route(msgspec.Struct, frozen=True, order=True):
    """One line of a table of the box."""

    table: int
    prefix: str
    node: str
    """Where it leads."""

    @property
    def text(self) -> str:
        """As ``ip`` takes it."""
        return f"{self.prefix} via {transit(self.node)} dev {self.node} table {self.table}"


def transit(node: str) -> str:
    """Return a namespace's own address on its way to the box."""
    return f"198.18.{_number(node)}.2"


def _router(node: str) -> str:
    return f"198.18.{_number(node)}.1"


def _number(node: str) -> int:
    return nodes().index(node) + 1


def addresses_of(node: str) -> tuple[str, ...]:
    """Return the addresses of a namespace behind its own: workloads', or a gateway's."""
    gateways = [one.address for one in GATEWAYS if one.name == node]
    return (*(one.address for one in workloads_at(node)), *gateways)


def cluster_of(node: str) -> str:
    """Return the cluster that a namespace belongs to; a namespace of none belongs to itself."""
    return next((one.cluster for one in GATEWAYS if one.name == node), node)


def reaches(one: str, other: str, cut: frozenset[Pair] = frozenset()) -> bool:
    """Whether two namespaces can send to each other; ``cut`` has pairs of clusters that cannot."""
    first, second = cluster_of(one), cluster_of(other)
    if one == other or frozenset({first, second}) in cut:
        return False
    networks = {cluster.name: cluster.network for cluster in CLUSTERS}
    ends = [node for node in (one, other) if node == cluster_of(node)]
    if len(ends) < len((one, other)):  # a gateway is entered by clusters alone
        return bool(ends) and ends[0] in networks
    if first not in networks or second not in networks:
        return first in networks or second in networks
    return networks[first] == networks[second]


def routes(cut: frozenset[Pair] = frozenset()) -> frozenset[Route]:
    """Return what stands in the tables of the box."""
    return frozenset(
        Route(_TABLES + _number(one), f"{address}/32", other)
        for one in nodes()
        for other in nodes()
        if reaches(one, other, cut)
        for address in (transit(other), *addresses_of(other))
    )


def change_routes(old: frozenset[Route], new: frozenset[Route]) -> Iterator[str]:
    """Yield the lines that make one set of routes the other."""
    yield from (f"route del {route.text}" for route in sorted(old - new))
    yield from (f"route add {route.text}" for route in sorted(new - old))


def join_node(node: str, pid: int) -> Iterator[str]:
    """Yield the lines that tie a namespace, which a process is in, to the box."""
    table = _TABLES + _number(node)
    yield f"link add {node} type veth peer name eth0 netns {pid}"
    yield f"addr add {_router(node)}/30 dev {node}"
    yield f"link set {node} up"
    yield f"rule add iif {node} lookup {table}"
    yield f"route add blackhole default table {table}"


def prepare_node(node: str) -> Iterator[str]:
    """Yield the lines that give a namespace its addresses, to be run inside of it.

    A cluster takes all VIPs for its own: its client's Envoy listens on them.
    """
    yield "link set lo up"
    yield f"addr add {transit(node)}/30 dev eth0"
    yield "link set eth0 up"
    yield from (f"addr add {address}/32 dev lo" for address in addresses_of(node))
    yield f"route add default via {_router(node)}"
    if node in {cluster.name for cluster in CLUSTERS}:
        yield f"route add local {POOL} dev lo"
