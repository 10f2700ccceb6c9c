"""What is wrong between networks, for ``check`` and its like."""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.config.problem import join
from globaldns.config.schema import Config
from globaldns.model.export import Gateway
from globaldns.model.finding import Finding, Severity
from globaldns.registry.views import Views
from globaldns.routing.mesh import known_gateways, network_of


def routing_findings(config: Config, views: Views, *, is_complete: bool) -> Iterator[Finding]:
    """Yield what is wrong with networks; ``is_complete``: all of every cluster is known."""
    if is_complete:
        yield from _unknown_networks(config, views)
    yield from _shared_gateways(config, views)


def _unknown_networks(config: Config, views: Views) -> Iterator[Finding]:
    """Yield a finding for every direct network that nothing is in."""
    direct = config.routing.direct_networks
    known = {network_of(config, views, cluster) for cluster in config.clusters}
    known.update(gateway.network for gateway in known_gateways(config, views))
    if known.issuperset(direct):
        return
    known.update(_networks_of_endpoints(config, views))  # last, for there may be many
    for index, network in enumerate(direct):
        if network and network not in known:
            there = ", ".join(sorted(known - {""})) or "none has a name"
            yield Finding(
                Severity.WARNING,
                "unknown-network",
                f"no cluster, gateway or endpoint is in a network {network!r}",
                path=join("$.routing.direct_networks", index),
                hint=f"name one that there is, or leave it out; the networks: {there}",
                cluster=config.cluster,
            )


def _networks_of_endpoints(config: Config, views: Views) -> Iterator[str]:
    for cluster in config.clusters:
        for export in views.cluster(cluster).exports.values():
            yield from (endpoint.network for endpoint in export.endpoints)


def _shared_gateways(config: Config, views: Views) -> Iterator[Finding]:
    """Yield a finding for every gateway that another network has too; the later one's by id."""
    known: dict[tuple[str, int], Gateway] = {}
    for gateway in known_gateways(config, views):
        other = known.setdefault((gateway.address, gateway.port), gateway)
        if gateway.network and other.network and gateway.network != other.network:
            yield Finding(
                Severity.ERROR,
                "gateway-shared",
                f"its gateway of {gateway.network!r}, {gateway.address} port {gateway.port}, is "
                f"that of {other.network!r} in {other.cluster} too: what is for the one network "
                "comes to the other",
                hint="give each network a gateway of its own, or both clusters one network",
                cluster=gateway.cluster,
            )
