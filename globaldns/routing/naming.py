"""By which name a far gateway is told whom a call is for, whatever a mesh prefers.

Standards:
    Istio pilot ``builtAutoPassthroughFilterChains``: an east-west gateway has a server name for
    each host that its own istiod knows and a Gateway exposes
"""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.config.routing import Sni
from globaldns.model.export import Export, ExportKind, Location
from globaldns.model.host import is_wildcard
from globaldns.model.service import Service
from globaldns.routing.horizon import MUTUAL_TLS
from globaldns.routing.topology import Topology


def sni_for(service: Service, preferred: Sni, topology: Topology) -> Sni:
    """Return how the calls of all clients to a service are told apart.

    What a ServiceEntry exports is a Service of its cluster only by chance: behind a gateway it is
    known as the entry's host alone. One name has to do for all endpoints of a service, and every
    cluster has to decide on the same: by what is configured and found, not by what it has resolved.
    """
    if not is_wildcard(service.host) and _has_far_entry(service, topology):
        return Sni.GATEWAY
    return preferred


def is_ever_named(service: Service) -> bool:
    """Whether calls to a service name its host once it has workloads behind a gateway.

    These come and go, and clusters far away know of it a little earlier or later: where calls come
    in, the host is to be let through before and after.
    """
    return not is_wildcard(service.host) and next(_entries(service), None) is not None


def _has_far_entry(service: Service, topology: Topology) -> bool:
    """Whether an entry has workloads that some clients reach by a gateway, ready or not."""
    return any(
        MUTUAL_TLS in one.labels and one.network in topology.entered
        for export in _entries(service)
        for one in export.endpoints
    )


def _entries(service: Service) -> Iterator[Export]:
    """Yield what ServiceEntries offer inside of the mesh."""
    for export in service.contributions:
        is_entry = export.kind is ExportKind.SERVICE_ENTRY
        if is_entry and export.location is Location.MESH_INTERNAL:
            yield export
