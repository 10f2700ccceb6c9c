"""What a running server has to be remembered, as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from globaldns.app.memory import GATEWAYS, ZONE, Keepsake
from globaldns.app.mesh import Mesh
from globaldns.app.pace import Pace
from globaldns.dns.lastzone import Header, encode_zone
from globaldns.model.snapshot import to_entry
from globaldns.model.view import SourceState
from globaldns.sources.remembered import FORMAT, encode_view, file_name
from globaldns.sources.source import Source


def zone_keepsake(mesh: Mesh, *, cluster: str, marker: str) -> Keepsake:
    """Return the zone that is served; ``marker``: of the ledger that it goes with."""

    def capture() -> Callable[[Pace], bytes]:
        snapshot = mesh.publication.snapshot
        header = Header(
            cluster=cluster,
            marker=marker,
            serial=snapshot.serial,
            saved_at=mesh.clock.now(),
            waits=mesh.registry.waits,
        )
        return lambda pace: encode_zone(header, pace(map(to_entry, snapshot.services.values())))

    waits = mesh.registry.waits
    ends = sorted((vip, handover.until) for vip, handover in waits.handovers.items())
    version = (mesh.publication.snapshot.serial, waits.length, waits.larger_until, *ends)
    return Keepsake(ZONE, version, capture)


def view_keepsake(mesh: Mesh, source: Source, revision: int) -> Keepsake | None:
    """Return a cluster's view; None: it was not read in this run, what is remembered stands.

    With it goes what stands of a ledger that the cluster has lost: nobody else remembers it.
    """
    if source.freshness.state not in (SourceState.SYNCED, SourceState.SILENT):
        return None

    def capture() -> Callable[[Pace], bytes]:
        view = source.view().following(mesh.registry.views.cluster(source.cluster).ledger)
        return lambda pace: encode_view(view, pace(view.exports))

    return Keepsake(file_name(source.cluster), revision, capture, format=FORMAT)


def gateways_keepsake(names: Mapping[str, tuple[str, ...]]) -> Keepsake:
    """Return the addresses of gateways' names."""
    version = tuple(sorted(names.items()))
    return Keepsake(GATEWAYS, version, lambda: lambda _pace: msgspec.msgpack.encode(dict(version)))
