"""Where pods and their slices are followed: where anything is exported, and nowhere else."""

from __future__ import annotations

import pytest

from globaldns.errors import ApiError
from globaldns.kube.resources import ENDPOINT_SLICES, PODS
from globaldns.kube.watch import Begun, Failed, Found, Listed, Put, Scope
from globaldns.model.export import ExportKind
from globaldns.sources.scopes import MANY_NAMESPACES
from tests.sources.manifests import at, put, removed
from tests.sources.served import (
    EXPORTED,
    FORBIDDEN,
    Object,
    Telling,
    endpoint_slice,
    entry,
    made,
    pod,
    raw,
    service,
)

KINDS = ("Pod", "EndpointSlice")


def followed(telling: Telling, kind: str = "Pod") -> set[str]:
    return {one.namespace for one in telling.following.scopes if one.resource.kind == kind}


def read(*objects: Object) -> Telling:
    telling = Telling(*objects)
    telling.list_all()
    return telling


def shop(namespace: str) -> list[Object]:
    return [service("a", namespace), endpoint_slice("a", namespace), pod("p", namespace)]


def many(count: int) -> list[Object]:
    return [item for number in range(count) for item in shop(f"n{number}")]


def endpoints(telling: Telling) -> int:
    return sum(len(export.endpoints) for export in telling.view.exports)


@pytest.mark.parametrize("kind", KINDS)
def test_pods_are_followed_in_namespaces_that_export_something(kind: str) -> None:
    telling = read(service("a"), service("a", "other", exported=False), entry("e", "mesh"))
    assert followed(telling, kind) == {"ns", "mesh"}


def test_no_pod_is_followed_where_nothing_is_exported() -> None:
    assert followed(read(service("a", exported=False))) == set()


def test_nothing_is_known_of_where_before_all_that_may_export_is_listed() -> None:
    telling = Telling(*shop("ns"))
    telling.list(telling.scope("Service"))
    telling.drain()
    assert followed(telling) == set()


def test_a_namespace_that_exports_from_now_on_is_followed_from_now_on() -> None:
    telling = read(*shop("ns"))
    telling.put(service("b", "new"))
    assert followed(telling) == {"ns", "new"}
    telling.objects |= {("EndpointSlice", "new", "b-p"): endpoint_slice("b", "new")}
    assert put(telling.list_all()) == ["b.new"]
    assert telling.addresses("b.new") == {"10.1.1.1"}


def test_a_label_on_a_namespace_has_it_followed_and_its_removal_ends_that() -> None:
    telling = read(service("a", exported=False), endpoint_slice("a"))
    labelled = made("Namespace", "ns", metadata={"labels": EXPORTED["annotations"]})
    telling.put(labelled)
    telling.list_all()
    assert telling.addresses("a.ns") == {"10.1.1.1"}
    telling.remove(labelled)
    assert followed(telling) == set()


def test_what_exported_nothing_for_a_while_is_listed_anew() -> None:
    telling = read(*shop("ns"))
    telling.remove(service("a"))
    assert followed(telling) == set()
    telling.listed = {scope for scope in telling.listed if scope.namespace != "ns"}
    telling.objects["EndpointSlice", "ns", "a-p"] = endpoint_slice("a", ip="10.1.1.2")
    telling.put(service("a"))
    telling.list_all()
    assert telling.addresses("a.ns") == {"10.1.1.2"}


def test_a_notice_of_what_is_not_followed_any_more_changes_nothing() -> None:
    telling = read(*shop("ns"))
    scope = telling.scope("EndpointSlice", "ns")
    telling.remove(service("a"))
    telling.tell(scope, Put(raw(endpoint_slice("a", ip="10.1.1.2"))))
    assert telling.drain() == []


def test_what_waits_is_followed_though_foreign_gateways_have_it_told() -> None:
    telling = read(*shop("ns"))
    new = service("b", "new")
    telling.following.take(telling.scope("Service"), Put(raw(new)), at(0))
    assert put(telling.following.set_foreign_gateways(frozenset({"203.0.113.9"}))) == ["b.new"]
    assert followed(telling) == {"ns", "new"}


def test_where_the_export_that_wins_is_another_namespaces_that_is_followed() -> None:
    telling = read(service("a"), endpoint_slice("a"))
    assert {one.kind for one in telling.view.exports} == {ExportKind.SERVICE}
    telling.put(entry("e", "istio-system", host="a.ns.global"))
    assert followed(telling) >= {one.origin.namespace for one in telling.view.exports}


@pytest.mark.parametrize(
    ("namespaces", "scopes"), [(MANY_NAMESPACES - 1, MANY_NAMESPACES - 1), (MANY_NAMESPACES, 1)]
)
def test_in_many_namespaces_pods_are_followed_everywhere(namespaces: int, scopes: int) -> None:
    telling = read(*many(namespaces))
    assert len(followed(telling)) == scopes
    assert endpoints(telling) == namespaces


def test_the_switch_to_everywhere_loses_nothing_and_says_nothing() -> None:
    telling = read(*many(MANY_NAMESPACES - 1))
    telling.put(*many(MANY_NAMESPACES)[-3:-2])
    each = {f"n{number}" for number in range(MANY_NAMESPACES - 1)}
    assert followed(telling) == {"", *each}, "each is followed until everywhere is listed"
    slices = Scope(ENDPOINT_SLICES)
    telling.tell(slices, Begun(), Found(raw(endpoint_slice("a", "n0"))))
    telling.tell(slices, Failed(ApiError("reset")))
    telling.drain()
    assert endpoints(telling) == MANY_NAMESPACES - 1
    telling.objects |= {
        (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]): one
        for one in many(MANY_NAMESPACES)
    }
    assert removed(telling.list_all()) == []
    assert followed(telling) == followed(telling, "EndpointSlice") == {""}
    assert endpoints(telling) == MANY_NAMESPACES
    telling.remove(endpoint_slice("a", "n0"))
    assert endpoints(telling) == MANY_NAMESPACES - 1


def test_where_many_became_few_everywhere_stays_followed() -> None:
    telling = read(*many(MANY_NAMESPACES))
    telling.remove(*(service("a", f"n{number}") for number in range(1, MANY_NAMESPACES)))
    assert followed(telling) == {""}
    assert endpoints(telling) == 1


@pytest.mark.parametrize("is_started", [True, False])
def test_where_pods_may_not_be_read_everywhere_they_are_in_each_namespace(
    is_started: bool,  # noqa: FBT001
) -> None:
    telling = Telling(*many(MANY_NAMESPACES - is_started))
    if is_started:
        telling.list_all()
        telling.put(*shop("more"))
    denied = [Scope(PODS), Scope(ENDPOINT_SLICES)]
    telling.list_all(but=denied)
    for scope in denied:
        telling.tell(scope, FORBIDDEN)
    telling.list_all(but=denied)
    assert endpoints(telling) == MANY_NAMESPACES
    assert len(followed(telling)) == MANY_NAMESPACES + 1, "and asked for everywhere again"
    for scope in denied:
        telling.list(scope)
    assert followed(telling) == {""}
    assert endpoints(telling) == MANY_NAMESPACES


def test_an_object_that_two_scopes_hold_is_gone_when_neither_does() -> None:
    telling = read(*many(MANY_NAMESPACES - 1))
    telling.put(*shop("more")[:1])
    slices = Scope(ENDPOINT_SLICES)
    shown = [Found(raw(endpoint_slice("a", f"n{n}"))) for n in range(MANY_NAMESPACES - 1)]
    telling.tell(slices, Begun(), *shown)
    telling.drain()
    namespaced = telling.scope("EndpointSlice", "n0")
    telling.tell(namespaced, Begun(), Listed())
    telling.drain()
    assert telling.addresses("a.n0"), "everywhere has it still"
