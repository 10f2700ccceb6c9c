from __future__ import annotations

import pytest

from globaldns.istio.labels import endpoint_labels, subset_labels
from globaldns.routing.horizon import MUTUAL_TLS, Rank, Target

RANK_1, RANK_2 = ("globaldns.io/rank-1", "y"), ("globaldns.io/rank-2", "y")


@pytest.mark.parametrize(
    ("rank", "expected"),
    [(Rank.OWN, [RANK_1, RANK_2]), (Rank.OTHER, [RANK_1]), (Rank.DEMOTED, [])],
)
def test_the_nearer_the_more_rank_labels(rank: Rank, expected: list[tuple[str, str]]) -> None:
    assert list(endpoint_labels(Target(rank, "10.0.0.1")).items()) == expected


def test_mutual_tls_and_the_cluster_are_said_where_they_are_known() -> None:
    labels = (MUTUAL_TLS, ("version", "v1"), ("app", "web"))
    target = Target(Rank.DEMOTED, "10.0.0.1", cluster="west", labels=labels)
    assert list(endpoint_labels(target).items()) == [
        ("app", "web"),
        ("globaldns.io/cluster", "west"),
        MUTUAL_TLS,
        ("version", "v1"),
    ]
    other = Target(Rank.DEMOTED, "10.0.0.1", labels=((MUTUAL_TLS[0], "disabled"),))
    assert endpoint_labels(other) == {}


@pytest.mark.parametrize(
    "key",
    [
        "pod-template-hash",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "topology.istio.io/network",
        "topology.kubernetes.io/zone",
        "istio-locality",
        "networking.istio.io/tunnel",
        "security.istio.io/tlsMode",
        "globaldns.io/rank-1",
        "globaldns.io/owned-by",
    ],
)
def test_what_is_of_one_pod_or_istios_own_is_no_label_of_a_subset(key: str) -> None:
    kept = (("service.istio.io/canonical-name", "web"), ("version", "v1"))
    assert subset_labels(((key, "x"), *kept)) == dict(kept)
