"""Building reports of clusters: how each source stands, and what its cluster says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from globaldns.admin.readings import MeshReadings
from globaldns.admin.reports import ClusterReport, GatewayReport
from globaldns.config.schema import ClusterSettings, SourceSettings
from globaldns.model.claim import format_time
from globaldns.model.export import Export, Gateway
from globaldns.model.view import Freshness, SourceState

_SAMPLE = 100
"""Exports that are asked for their network: nearly all endpoints of a cluster are in one."""


def report_clusters(readings: MeshReadings) -> tuple[ClusterReport, ...]:
    """Return every configured cluster, by id, as the API shows it."""
    standing = readings.freshness()
    return tuple(
        _report_cluster(
            readings, settings, standing.get(cluster) or Freshness(cluster, SourceState.WAITING)
        )
        for cluster, settings in sorted(readings.config.clusters.items())
    )


def _report_cluster(
    readings: MeshReadings, settings: ClusterSettings, freshness: Freshness
) -> ClusterReport:
    cluster, views = freshness.cluster, readings.registry.views
    exports = views.cluster(cluster).exports
    network = settings.network or _find_network(exports.values())
    return ClusterReport(
        cluster=cluster,
        own=cluster == readings.config.cluster,
        source=_name_source(settings.source),
        state=freshness.state,
        reason=freshness.reason,
        contact=None if freshness.contact is None else format_time(freshness.contact),
        fenced=not views.counts(cluster),
        network=network,
        exports=len(exports),
        gateways=tuple(map(_report_gateway, views.cluster(cluster).gateways)),
    )


def _name_source(source: SourceSettings) -> str:
    """Return a source as its configuration names it."""
    return f"directory {source.directory}"


def _find_network(exports: Iterable[Export]) -> str:
    """Return the network that most endpoints name; empty where none does."""
    named = Counter(
        endpoint.network
        for export in islice(exports, _SAMPLE)
        for endpoint in export.endpoints
        if endpoint.network
    )
    return min(named, key=lambda network: (-named[network], network), default="")


def _report_gateway(gateway: Gateway) -> GatewayReport:
    return GatewayReport(network=gateway.network, address=gateway.address, port=gateway.port)
