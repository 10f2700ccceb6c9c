"""What a scrape reads of a running server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from types import MappingProxyType

from globaldns.dns.counters import SIZE_BOUNDS
from globaldns.dns.plane import Plane
from globaldns.dns.scribe import Scribe
from globaldns.metrics import DnsReadings, MeshFigures, SourceFigures
from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.view import SourceState
from globaldns.registry.agreement import differing_settings
from globaldns.registry.registry import Registry
from globaldns.sources.secrets import Refused
from globaldns.sources.source import Source


def dns_readings(plane: Plane) -> DnsReadings:
    """Return where the figures of the data plane are read."""
    counts = plane.counts
    return DnsReadings(
        udp=plane.udp,
        counters=counts,
        size_bounds=SIZE_BOUNDS,
        tcp_connections=lambda: counts.tcp_connections,
        certificate_expires=lambda: counts.certificate_expires,
        worker_restarts=lambda: plane.worker_restarts,
        control_restarts=lambda: plane.control_restarts,
    )


def mesh_figures(
    registry: Registry,
    scribe: Scribe,
    sources: Mapping[str, Source],
    *,
    wall: int,
    steady: float,
    statuses_pending: int = 0,
    routes_pending: int = 0,
    refused_secrets: Iterable[Refused] = (),
    notices: Mapping[str, int] = MappingProxyType({}),
    reach: Mapping[Gateway, Reach] = MappingProxyType({}),
    stub_up: Mapping[str, bool] = MappingProxyType({}),
    is_ledger_up: bool = True,
) -> MeshFigures:
    """Return how the mesh stands; ``wall`` is Unix time, ``steady`` what the scribe confirms by."""
    age, names = scribe.age(steady), scribe.names()
    return MeshFigures(
        serial=scribe.serial or 0,
        zones={zone: names[zone] for zone in registry.settings.zones},
        zone_age=age if isfinite(age) else None,
        services=len(registry.services),
        conflicts=Counter(conflict.rule for conflict in registry.conflicts()),
        rejected=_count_rejected(registry.settings.cluster, sources, refused_secrets),
        vips=_vip_figures(registry),
        exhausted=len(registry.numbering.exhausted),
        statuses_pending=statuses_pending,
        routes_pending=routes_pending,
        notices=notices,
        gateways=_count_gateways(reach),
        gateways_up=_count_gateways(reach, but=GatewayState.DOWN),
        stub_up=stub_up,
        is_ledger_up=is_ledger_up,
        sources=tuple(_source_figures(source, wall, registry) for source in sources.values()),
    )


def _count_rejected(
    own: str, sources: Mapping[str, Source], secrets: Iterable[Refused]
) -> Counter[tuple[str, str]]:
    """Return how many objects are refused, by cluster and kind; remote secrets are our own's."""
    counted = Counter((own, secret.kind) for secret in secrets if not secret.is_harmless)
    for cluster, source in sources.items():
        for kind, count in source.rejected().items():
            counted[cluster, kind] += count
    return counted


def _vip_figures(registry: Registry) -> dict[tuple[str, str], int]:
    return {
        (str(usage.pool), state): count
        for usage in registry.usage()
        for state, count in (
            ("held", usage.held),
            ("resting", usage.resting),
            ("free", usage.free),
        )
    }


def _count_gateways(
    reach: Mapping[Gateway, Reach], *, but: GatewayState | None = None
) -> dict[tuple[str, str], int]:
    """Return how many gateways there are by cluster and network, but for those of a state."""
    counted = dict.fromkeys(((one.cluster, one.network) for one in reach), 0)
    for gateway, one in reach.items():
        counted[gateway.cluster, gateway.network] += one.state is not but
    return counted


def _source_figures(source: Source, wall: int, registry: Registry) -> SourceFigures:
    freshness = source.freshness
    contact = freshness.contact
    return SourceFigures(
        cluster=source.cluster,
        is_up=freshness.state is SourceState.SYNCED,
        is_synced=freshness.state in (SourceState.SYNCED, SourceState.SILENT)
        and freshness.is_known,
        age=None if contact is None else max(0, wall - contact),
        is_lost=source.cluster in registry.silence.lost,
        is_mismatched=source.cluster in differing_settings(registry),
        is_double=source.cluster in registry.views.doubles,
        is_other=bool(source.another),
    )
