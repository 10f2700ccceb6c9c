"""What is read of a cluster, and where.

GlobalServices of which nobody has written anything are not read: there is one for every service of
the mesh in every cluster.
"""

from __future__ import annotations

from globaldns.exports import marks
from globaldns.kube.resources import (
    CLUSTER_FENCES,
    ENDPOINT_SLICES,
    GLOBAL_SERVICES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ENTRIES,
    SERVICE_EXPORTS,
    SERVICES,
    WORKLOAD_ENTRIES,
)
from globaldns.kube.watch import Scope

EVERYWHERE = (
    Scope(NAMESPACES),
    Scope(SERVICES),
    Scope(SERVICE_ENTRIES),
    Scope(SERVICE_EXPORTS),
    Scope(WORKLOAD_ENTRIES),
    Scope(GLOBAL_SERVICES, labels=f"{marks.BLANK}!=true"),
    Scope(CLUSTER_FENCES),
    Scope(NODES),
)
DEFINED = frozenset(
    (SERVICE_ENTRIES, SERVICE_EXPORTS, WORKLOAD_ENTRIES, GLOBAL_SERVICES, CLUSTER_FENCES)
)
"""Kinds that CustomResourceDefinitions define, with which all their objects may go at once. The
ledger is none of them: what it lacks stands anyway until it is claimed anew."""
WHERE_EXPORTED = (ENDPOINT_SLICES, PODS)
"""In namespaces that export something."""
MANY_NAMESPACES = 32
"""From so many on one watch of all pods is cheaper for the API server than one for each."""
