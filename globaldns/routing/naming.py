"""By which name a far gateway is told whom a call is for, whatever a mesh prefers.

Standards:
    Istio pilot ``builtAutoPassthroughFilterChains``: an east-west gateway has a server name for
    each host that its own istiod knows and a Gateway exposes
"""

from __future__ import annotations

from globaldns.config.routing import Sni
from globaldns.model.export import ExportKind, Location
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


def _has_far_entry(service: Service, topology: Topology) -> bool:
    """Whether an entry has workloads that some clients reach by a gateway, ready or not."""
    return any(
        export.kind is ExportKind.SERVICE_ENTRY
        and export.location is Location.MESH_INTERNAL
        and any(
            MUTUAL_TLS in one.labels and one.network in topology.entered for one in export.endpoints
        )
        for export in service.contributions
    )
