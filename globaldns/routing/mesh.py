"""Whose routes are asked for, and the ways into all networks, as configuration and views say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.model.export import Gateway, GatewayService
from globaldns.model.reach import Reach, reach_of, usable
from globaldns.registry.views import Views
from globaldns.routing.topology import Topology, Viewer


def viewer_of(config: Config, views: Views, cluster: str) -> Viewer:
    """Return the clients that the control plane of a cluster serves."""
    return Viewer(
        cluster,
        frozenset(network_of(config, views, one) for one in served_clusters(config, cluster)),
    )


def served_clusters(config: Config, control_plane: str) -> Iterator[str]:
    """Yield the clusters whose clients have their routes in a cluster."""
    for cluster, settings in config.clusters.items():
        if (settings.control_plane or cluster) == control_plane:
            yield cluster


def known_gateways(config: Config, views: Views) -> Iterator[Gateway]:
    """Yield the gateways of all clusters, addresses or names as they are known, each once."""
    for cluster in sorted(config.clusters.keys() - views.doubles.keys()):
        yield from views.cluster(cluster).gateways


def pending_gateways(config: Config, views: Views) -> Iterator[tuple[str, GatewayService]]:
    """Yield the labelled Services of which no address is known, each with its cluster."""
    for cluster in sorted(config.clusters.keys() - views.doubles.keys()):
        for service in views.cluster(cluster).gateway_services:
            if not service.gateways:
                yield cluster, service


def topology_of(config: Config, views: Views, reach: Mapping[Gateway, Reach]) -> Topology:
    """Return the ways into all networks, by the gateways that answer.

    Of a network whose gateways all seem to be down each counts: who sees nothing answer is more
    likely to be cut off than everything to be dead.
    """
    networks: dict[str, list[Gateway]] = {}
    for gateway in known_gateways(config, views):
        networks.setdefault(gateway.network, []).append(gateway)
    living = (gateway for group in networks.values() for gateway in usable(group, reach))
    return Topology.of(
        (
            replace(gateway, address=address)
            for gateway in living
            for address in reach_of(gateway, reach).living
        ),
        config.routing.direct_networks,
        networks={*networks, *(one.network for _, one in pending_gateways(config, views))},
    )


def network_of(config: Config, views: Views, cluster: str) -> str:
    """Return the network of a cluster, as far as is known before its view is."""
    return config.clusters[ClusterId(cluster)].network or views.cluster(cluster).network
