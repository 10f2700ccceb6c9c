"""What differs between the routes of a cluster and what stands there."""

from __future__ import annotations

import pytest

from globaldns.app.applying import compare, describe, find_access, shown
from globaldns.apply.routes.patience import Create, Delete, Replace
from globaldns.errors import RequestRefused
from tests.app.meshes import Place
from tests.apply.routes.documents import endpoint, entry, replica, rule, standing

A, B = endpoint("10.0.0.1"), endpoint("2.2.2.2")


def test_what_is_lacking_different_or_not_wanted_is_a_step_each_by_object() -> None:
    same, old = standing(rule()), standing(entry(A))
    idle = standing(entry(A, name="idle"))
    wanted = [entry(B), rule(), entry(A, name="new")]
    steps = compare(wanted, [same, old, idle], may_delete=True)
    assert steps == [Delete(idle), Create(wanted[2]), Replace(old, entry(B))]
    assert [describe(step) for step in steps] == [
        "delete ServiceEntry shop/idle",
        "create ServiceEntry shop/new",
        "replace ServiceEntry shop/web-global",
    ]
    assert compare(wanted, [same, old, idle], may_delete=False) == steps[1:]


def test_a_weight_that_has_hardly_moved_is_a_difference_for_a_person() -> None:
    before, after = endpoint("2.2.2.2", weight=100), endpoint("2.2.2.2", weight=101)
    assert compare([entry(A, after)], [standing(entry(A, before))], may_delete=True) != []


def test_what_the_server_wrote_is_not_shown() -> None:
    one = standing(entry(A), 7, uid="x", managedFields=[{}])
    assert shown(one.document) == entry(A)


def test_a_cluster_without_an_api_server_has_nothing_to_compare_with(place: Place) -> None:
    with pytest.raises(RequestRefused, match="no API server of east") as refused:
        find_access(place.config, "east", hint="what else to do")
    assert refused.value.hint == "what else to do"


def test_of_a_service_what_the_server_chose_is_neither_compared_nor_shown() -> None:
    port = {"port": 80, "protocol": "TCP"}
    stands = replica({**port, "targetPort": 80})
    stands["spec"]["clusterIP"] = "10.0.0.1"
    assert compare([replica(port)], [standing(stands)], may_delete=True) == []
    assert shown(stands)["spec"] == {"ports": [port]}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    assert shown(namespace) == namespace


def test_a_service_that_a_person_took_over_is_given_up() -> None:
    stands = replica({"port": 80})
    stands["spec"]["selector"] = {"app": "web"}
    (step,) = compare([replica({"port": 80})], [standing(stands)], may_delete=True)
    assert isinstance(step, Replace)
    assert step.document["metadata"]["labels"] == {}
