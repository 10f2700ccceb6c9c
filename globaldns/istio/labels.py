"""The labels of endpoints: what subsets choose by, what ranks and mutual TLS are told by.

What differs from pod to pod is left out, for no subset is of one pod and every change is a write;
so is what Istio sets by itself, or obeys: the network of a label would undo split horizon.
"""

from __future__ import annotations

from collections.abc import Iterable

from globaldns.routing.horizon import MUTUAL_TLS, Rank, Target

CLUSTER = "globaldns.io/cluster"
RANKS = ("globaldns.io/rank-1", "globaldns.io/rank-2")
"""The nearest rank has both, the next the first, the last none."""
YES = "y"

_LEFT_OUT = frozenset(
    {
        "app.kubernetes.io/managed-by",
        "controller-revision-hash",
        "controller-uid",
        "helm.sh/chart",
        "istio-locality",
        "istio.io/dataplane-mode",
        "istio.io/rev",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
    }
)
_LEFT_OUT_BELOW = frozenset(
    {
        "apps.kubernetes.io",
        "batch.kubernetes.io",
        "globaldns.io",
        "networking.istio.io",
        "security.istio.io",
        "sidecar.istio.io",
        "statefulset.kubernetes.io",
        "topology.istio.io",
        "topology.kubernetes.io",
    }
)
"""What stands before the slash."""


def subset_labels(labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the labels by which subsets may choose."""
    return {
        key: text
        for key, text in labels
        if key not in _LEFT_OUT and key.partition("/")[0] not in _LEFT_OUT_BELOW
    }


def endpoint_labels(target: Target) -> dict[str, str]:
    """Return the labels of an endpoint inside the mesh, sorted."""
    labels = subset_labels(target.labels)
    labels |= dict.fromkeys(RANKS[: Rank.DEMOTED - target.rank], YES)
    if target.cluster:
        labels[CLUSTER] = target.cluster
    if target.is_mutual:
        labels |= [MUTUAL_TLS]
    return dict(sorted(labels.items()))
