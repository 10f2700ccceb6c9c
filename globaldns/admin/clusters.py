"""Building reports of clusters: how each source stands, and what its cluster says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from globaldns.admin.problems import describe
from globaldns.admin.readings import MeshReadings
from globaldns.admin.reports import (
    ClusterList,
    ClusterReport,
    GatewayReport,
    RefusedSecretReport,
)
from globaldns.config.schema import ClusterSettings, SourceSettings
from globaldns.model.claim import format_time
from globaldns.model.export import Gateway
from globaldns.model.reach import Reach, reach_of
from globaldns.model.view import Freshness, SourceState
from globaldns.registry.agreement import differing_settings


def list_clusters(readings: MeshReadings) -> ClusterList:
    """Return every configured cluster, and the remote secrets that name none."""
    refused = (
        RefusedSecretReport(place=one.place, cluster=one.cluster, reason=one.reason, hint=one.hint)
        for one in readings.refused_secrets
    )
    return ClusterList(items=report_clusters(readings), refused_secrets=tuple(refused))


def report_clusters(readings: MeshReadings) -> tuple[ClusterReport, ...]:
    """Return every configured cluster, by id, as the API shows it."""
    standing, differing = readings.freshness(), differing_settings(readings.registry)
    return tuple(
        _report_cluster(
            readings,
            settings,
            standing.get(cluster) or Freshness(cluster, SourceState.WAITING),
            differing.get(cluster, ()),
        )
        for cluster, settings in sorted(readings.config.clusters.items())
    )


def _report_cluster(
    readings: MeshReadings,
    settings: ClusterSettings,
    freshness: Freshness,
    differing: tuple[str, ...],
) -> ClusterReport:
    cluster, views = freshness.cluster, readings.registry.views
    view, is_own = views.cluster(cluster), cluster == readings.config.cluster
    trouble = readings.ledger_trouble if is_own else None
    return ClusterReport(
        cluster=cluster,
        own=is_own,
        source=_name_source(settings.source),
        state=freshness.state,
        reason=freshness.reason,
        doubt=freshness.doubt,
        contact=_format(freshness.contact),
        restored_at=_format(freshness.restored_at),
        fenced=cluster in views.fenced,
        double_of=views.doubles.get(cluster, ""),
        lost=cluster in readings.registry.silence.lost,
        settings_differ=differing,
        network=settings.network or view.network,
        exports=len(view.exports),
        ledger="" if trouble is None else describe(trouble),
        gateways=tuple(_report_gateway(gateway, readings.reach) for gateway in view.gateways),
    )


def _format(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)


def _name_source(source: SourceSettings) -> str:
    """Return a source as its configuration names it."""
    if source.directory is not None:
        return f"directory {source.directory}"
    server = source.kubernetes
    if server is None:
        return "remote secret"
    if server.kubeconfig is None:
        return "service account"
    context = f" ({server.context})" if server.context else ""
    return f"kubeconfig {server.kubeconfig}{context}"


def _report_gateway(gateway: Gateway, reaches: Mapping[Gateway, Reach]) -> GatewayReport:
    reach = reach_of(gateway, reaches)
    return GatewayReport(
        network=gateway.network,
        address=gateway.address,
        port=gateway.port,
        addresses=reach.addresses,
        state=reach.state,
        since=format_time(reach.since) if reach.since else None,
        reason=reach.reason,
        down=dict(reach.down),
        unresolved=reach.unresolved,
        left_out=reach.left_out,
    )
