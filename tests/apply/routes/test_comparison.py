from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from globaldns.apply.routes.comparison import (
    Urgency,
    amend,
    compare,
    gateways_of,
    hold_demotions,
    keep_gateways,
)
from globaldns.istio.endpoints import REMOTE_NETWORK
from globaldns.istio.labels import CLUSTER
from tests.apply.routes.documents import LAST, NEAR, OWN, endpoint, entry, replica, rule

A, B = endpoint("10.0.0.1", OWN), endpoint("2.2.2.2", NEAR)
PORT = {"name": "http", "port": 80, "protocol": "TCP"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (entry(A, B), entry(A, B), None),
        (entry(A, B), entry(B, A), None),
        (entry(A, B), entry(A), Urgency.REMOVAL),
        (entry(A), entry(B), Urgency.REMOVAL),
        (entry(A), entry(A, B), Urgency.NEW),
        (entry(A), entry({**A, "ports": {"http": 81}}), Urgency.REMOVAL),
        (entry(A, location="MESH_INTERNAL"), entry(A), Urgency.NEW),
        (entry(A, B), entry(A, endpoint("2.2.2.2", LAST)), Urgency.DEMOTION),
        (entry(A, endpoint("2.2.2.2", LAST)), entry(A, B), Urgency.DEMOTION),
        (entry(A), entry({**A, "locality": "eu"}), Urgency.NEW),
        (rule("x"), rule("x"), None),
        (rule("x"), rule("y"), Urgency.NEW),
        (replica({**PORT, "targetPort": 80}), replica(PORT), None),
        (replica(PORT), replica({**PORT, "port": 81}), Urgency.NEW),
    ],
    ids=count(),
)
def test_what_leads_nowhere_is_most_urgent(
    before: dict[str, Any], after: dict[str, Any], expected: Urgency | None
) -> None:
    assert compare(before, after, 0.1) is expected


def test_an_object_that_lost_our_mark_or_its_spec_is_written() -> None:
    bare = {**entry(A), "metadata": {"name": "web-global", "namespace": "shop"}}
    assert compare(bare, entry(A), 0.1) is Urgency.NEW
    assert compare({**entry(A), "spec": None}, entry(A), 0.1) is Urgency.NEW


@pytest.mark.parametrize(
    ("before", "after", "step", "expected"),
    [
        ((1, 1), (1, 1), 0.1, None),
        ((10, 10), (10, 11), 0.1, None),
        ((10, 10), (10, 13), 0.1, Urgency.WEIGHTS),
        ((2, 2), (1, 1), 0.0, Urgency.WEIGHTS),
        ((2, 2), (1, 1), 0.1, None),
        ((90, 10), (91, 9), 0.1, Urgency.WEIGHTS),
        ((90, 10), (89, 11), 0.2, None),
    ],
)
def test_weights_are_written_once_a_share_has_moved(
    before: tuple[int, int], after: tuple[int, int], step: float, expected: Urgency | None
) -> None:
    def weighed(weights: tuple[int, int]) -> dict[str, Any]:
        return entry(*(endpoint(f"2.2.2.{n}", weight=one) for n, one in enumerate(weights)))

    assert compare(weighed(before), weighed(after), step) is expected


def test_shares_are_of_their_rank_alone() -> None:
    before = entry(A, endpoint("2.2.2.2", weight=1), endpoint("2.2.2.3", weight=1))
    after = entry({**A, "weight": 50}, endpoint("2.2.2.2", weight=1), endpoint("2.2.2.3", weight=1))
    assert compare(before, after, 0.1) is None


def test_an_endpoint_that_came_last_is_held_there_and_no_other() -> None:
    before = entry(A, endpoint("2.2.2.2", LAST))
    after = entry(A, B, endpoint("3.3.3.3", NEAR), location="MESH_INTERNAL")
    assert hold_demotions(before, after) == entry(
        A, endpoint("2.2.2.2", LAST), endpoint("3.3.3.3", NEAR), location="MESH_INTERNAL"
    )
    assert hold_demotions(after, before) == before
    assert hold_demotions(rule(), rule("y")) == rule("y")


def test_a_service_that_somebody_gave_a_selector_is_theirs() -> None:
    assert amend(replica(PORT), replica(PORT)) == replica(PORT)
    assert amend({**entry(A), "spec": {"selector": "x"}}, entry(A)) == entry(A)
    adopted = replica(PORT)
    adopted["spec"]["selector"] = {"app": "web"}
    given_up = amend(adopted, replica(PORT))
    assert given_up["metadata"]["labels"] == {}
    assert given_up["spec"] == adopted["spec"]
    assert compare(adopted, given_up, 0.1) is Urgency.NEW


def test_beside_gateways_that_are_kept_what_stays_is_as_it_stands() -> None:
    near, far = endpoint("10.0.0.1", OWN, weight=2), endpoint("9.9.9.9", network=REMOTE_NETWORK)
    before = entry(far, near)
    assert keep_gateways(before, entry(A), [far]) == before
    assert keep_gateways(before, entry(A, B), [far]) == entry(near, B, far)
    other = endpoint("10.0.0.1", NEAR)
    assert keep_gateways(before, entry(other), [far]) == entry(far, other)
    assert keep_gateways(None, entry(A), [far]) == entry(A, far)
    assert keep_gateways(before, entry(A), []) == entry(A)
    assert keep_gateways(before, entry(far), [far]) == entry(far)


def test_a_gateway_that_is_kept_leads_by_the_ports_that_there_are() -> None:
    ports = [{"number": 80, "name": "http"}, {"number": 9000, "name": "grpc"}]
    far = endpoint("9.9.9.9", network=REMOTE_NETWORK, ports={"http": 15443, "gone": 15443})
    kept = keep_gateways(entry(far), entry(ports=ports), [far])
    (there,) = kept["spec"]["endpoints"]
    assert there == {**far, "ports": {"http": 15443, "grpc": 15443}}
    assert keep_gateways(kept, kept, [far]) == kept


def test_gateways_are_of_the_clusters_that_they_name_and_of_none_that_share_them() -> None:
    north, west = (
        endpoint(f"9.9.9.{n}", {**NEAR, CLUSTER: cluster}, network=REMOTE_NETWORK)
        for n, cluster in enumerate(("north", "west"))
    )
    shared = endpoint("9.9.9.9", network=REMOTE_NETWORK)
    pod = endpoint("10.0.0.9", {**NEAR, CLUSTER: "north"})
    stands = entry(north, west, shared, pod, endpoint("9.9.9.8", LAST, network=REMOTE_NETWORK))
    assert gateways_of(stands, {"north"}) == [north]
    assert gateways_of(stands, {"north", "west"}) == [north, west]
    assert gateways_of(rule(), {"north"}) == []
