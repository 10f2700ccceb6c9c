"""Building reports of routes: where the clients of each control plane are sent, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from globaldns.admin.readings import MeshReadings
from globaldns.admin.reports import NoticeList, NoticeReport
from globaldns.istio.notices import Notice
from globaldns.istio.owned import is_own_entry
from globaldns.model.explanation import NoticeLine, RouteLine
from globaldns.model.finding import Finding
from globaldns.model.service import Service
from globaldns.routing.horizon import Gap, Lack, Rank, Target, split
from globaldns.routing.mesh import served_clusters, topology_of, viewer_of
from globaldns.routing.topology import Topology

_RANKS = {Rank.OWN: "own", Rank.OTHER: "other", Rank.DEMOTED: "last"}
_LACKS = {
    Lack.NO_GATEWAY: "no gateway leads there",
    Lack.UNRESOLVED: "no address is known of its network's gateways",
    Lack.PLAINTEXT: "no mutual TLS, which a gateway needs",
    Lack.AMBIENT: "ambient, which sidecars cannot call through a gateway",
    Lack.DOUBLE: "another cluster's pod has the same address in one network",
}


def report_routes(readings: MeshReadings, service: Service) -> tuple[RouteLine, ...]:
    """Return where bytes for a service go, by the cluster that has the routes."""
    config, views = readings.config, readings.registry.views
    topology = topology_of(config, views, readings.reach)
    return tuple(
        line
        for cluster in sorted(config.clusters)
        if any(served_clusters(config, cluster))
        for line in _lines(readings, service, cluster, topology)
    )


def report_notices(findings: Iterable[Finding]) -> NoticeList:
    """Return what is not served, by host."""
    reports = (
        NoticeReport(
            host=one.object,
            code=one.code,
            detail=one.reason,
            hint=one.hint,
            severity=one.severity.value,
            cluster=one.cluster,
        )
        for one in findings
    )
    return NoticeList(tuple(sorted(reports, key=msgspec.structs.astuple)))


def explain_notices(notices: Iterable[Notice]) -> tuple[NoticeLine, ...]:
    """Return what is not served of one host."""
    return tuple(NoticeLine(one.code.value, one.detail, one.hint) for one in notices)


def _lines(
    readings: MeshReadings, service: Service, cluster: str, topology: Topology
) -> Iterator[RouteLine]:
    own = readings.registry.views.cluster(cluster).exports.get(service.host)
    has_istiod = readings.config.envoy.directory is None
    if has_istiod and own is not None and is_own_entry(own):
        yield _lack(cluster, cluster, "", f"as {own.origin} says, which a person wrote")
        return
    viewer = viewer_of(readings.config, readings.registry.views, cluster)
    horizon = split(service, viewer, topology)
    sums: dict[Rank, int] = {}
    for target in horizon.targets:
        sums[target.rank] = sums.get(target.rank, 0) + target.weight
    for target in horizon.targets:
        share = target.weight / sums[target.rank]
        yield _line(cluster, target, share)
    for gap in horizon.gaps:
        yield _gap(cluster, gap)
    if any(target.is_gateway for target in horizon.targets):
        yield from _ambient_clients(readings, cluster)


def _ambient_clients(readings: MeshReadings, cluster: str) -> Iterator[RouteLine]:
    """Yield which clients cannot call what is behind gateways."""
    known = readings.ambient_namespaces()
    for one in served_clusters(readings.config, cluster):
        if namespaces := known.get(one):
            who = ", ".join(sorted(namespaces))
            yield _lack(cluster, one, "", f"pods of {who}: ambient, and ztunnel calls no gateway")


def _line(cluster: str, target: Target, share: float) -> RouteLine:
    port = f":{target.gateway_port}" if target.is_gateway else ""
    return RouteLine(
        seen_from=cluster,
        to=f"{target.address}{port}",
        network=target.network,
        of=target.cluster,
        rank=_RANKS[target.rank],
        share=round(share, 4),
    )


def _gap(cluster: str, gap: Gap) -> RouteLine:
    count = f"{gap.endpoints} endpoint{'' if gap.endpoints == 1 else 's'}"
    lack = f"{count} out of reach: {_LACKS[gap.lack]}"
    return _lack(cluster, gap.cluster, gap.network, lack)


def _lack(cluster: str, of: str, network: str, lack: str) -> RouteLine:
    return RouteLine(
        seen_from=cluster, to="", network=network, of=of, rank="", share=0.0, lack=lack
    )
