"""Which networks there are, how each is entered, and whose routes are asked for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

import msgspec

from globaldns.model.export import Gateway

Way = tuple[str, int]
"""Address and port of a gateway."""


class Viewer(msgspec.Struct, frozen=True):
    """The clients that one istiod serves, or one mesh of plain Envoys."""

    cluster: str
    """The cluster whose API server has their routes."""
    networks: frozenset[str]
    """Where they are; empty or with an unknown one: nothing is known to be out of their reach."""

    @property
    def is_everywhere(self) -> bool:
        """Whether no network is another one for them."""
        return not self.networks or "" in self.networks

    @property
    def splits_by_itself(self) -> bool:
        """Whether its own control plane sends its clients to gateways (Istio's primary-remote)."""
        return len(self.networks) > 1

    def reaches(self, network: str) -> bool:
        """Whether addresses of a network are addresses for them."""
        return self.is_everywhere or not network or network in self.networks


class Topology(msgspec.Struct, frozen=True):
    """The ways into all networks."""

    ways: Mapping[str, tuple[Way, ...]]
    """Those of each network, sorted."""
    ways_of_cluster: Mapping[tuple[str, str], tuple[Way, ...]]
    """Those of a network that one cluster has."""
    direct: frozenset[str]
    """Networks whose addresses are reached from everywhere."""
    unit: int
    """The weight of one endpoint of weight 1: what every number of ways divides."""
    entered: frozenset[str] = frozenset()
    """Networks that have gateways, be it without an address that is known."""

    @classmethod
    def of(
        cls,
        gateways: Iterable[Gateway],
        direct: Collection[str] = (),
        *,
        networks: Collection[str] = (),
    ) -> Topology:
        """Return that of some gateways, whose addresses are all IP addresses.

        ``networks``: those that have any, be it without an address that is known.
        """
        ways: dict[str, set[Way]] = {}
        of_cluster: dict[tuple[str, str], set[Way]] = {}
        for gateway in gateways:
            way = (gateway.address, gateway.port)
            ways.setdefault(gateway.network, set()).add(way)
            of_cluster.setdefault((gateway.network, gateway.cluster), set()).add(way)
        counts = (len(each) for each in (*ways.values(), *of_cluster.values()))
        return cls(
            {network: tuple(sorted(each)) for network, each in ways.items()},
            {key: tuple(sorted(each)) for key, each in of_cluster.items()},
            frozenset(direct),
            math.lcm(*counts),
            frozenset((*networks, *ways)),
        )

    def keep_ways(self, former: Topology) -> Topology:
        """Return it with the former ways of networks of whose gateways no address is known."""
        kept = (self.entered - self.ways.keys()) & former.ways.keys()
        if not kept:
            return self
        ways = {network: former.ways[network] for network in kept}
        of_cluster = {key: way for key, way in former.ways_of_cluster.items() if key[0] in kept}
        counts = (len(each) for each in (*ways.values(), *of_cluster.values()))
        return Topology(
            {**self.ways, **ways},
            {**self.ways_of_cluster, **of_cluster},
            self.direct,
            math.lcm(self.unit, *counts),
            self.entered,
        )

    def is_direct(self, network: str, viewer: Viewer) -> bool:
        """Whether a viewer's clients reach addresses of a network without a gateway."""
        return viewer.reaches(network) or network in self.direct

    def ways_to(self, network: str, cluster: str) -> tuple[Way, ...]:
        """Return the ways to a cluster's endpoints in a network: its own, if it has any there."""
        return self.ways_of_cluster.get((network, cluster)) or self.ways.get(network, ())
