"""What a scrape reads of a running server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isfinite

from globaldns.dns.scribe import Scribe
from globaldns.metrics import MeshFigures, SourceFigures
from globaldns.model.view import SourceState
from globaldns.registry.registry import Registry
from globaldns.sources.directory import DirectorySource


def mesh_figures(
    registry: Registry,
    scribe: Scribe,
    sources: Mapping[str, DirectorySource],
    *,
    wall: int,
    steady: float,
) -> MeshFigures:
    """Return how the mesh stands; ``wall`` is Unix time, ``steady`` what the scribe confirms by."""
    age, names = scribe.age(steady), scribe.names()
    return MeshFigures(
        serial=scribe.serial or 0,
        zones={zone: names[zone] for zone in registry.settings.zones},
        zone_age=age if isfinite(age) else None,
        services=len(registry.services),
        conflicts=Counter(conflict.rule for conflict in registry.conflicts()),
        rejected={
            (cluster, kind): count
            for cluster, source in sources.items()
            for kind, count in source.rejected().items()
        },
        vips=_vip_figures(registry),
        exhausted=len(registry.numbering.exhausted),
        sources=tuple(_source_figures(source, wall) for source in sources.values()),
    )


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


def _source_figures(source: DirectorySource, wall: int) -> SourceFigures:
    freshness = source.freshness
    contact = freshness.contact
    return SourceFigures(
        cluster=source.cluster,
        is_up=freshness.state is SourceState.SYNCED,
        is_synced=freshness.state in (SourceState.SYNCED, SourceState.SILENT)
        and freshness.is_known,
        age=None if contact is None else max(0, wall - contact),
    )
