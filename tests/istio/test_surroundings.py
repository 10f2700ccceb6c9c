"""What stands beside our routes, from its objects."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.istio.hiding import Mesh, Rule, Scope, Surroundings
from globaldns.istio.surroundings import describe_surroundings
from globaldns.objects.istio import DestinationRule, MeshConfig, Sidecar


def rule(host: str, namespace: str = "web", **spec: Any) -> DestinationRule:
    metadata = {"name": "a", "namespace": namespace}
    return msgspec.convert({"metadata": metadata, "spec": {"host": host, **spec}}, DestinationRule)


def sidecar(*egress: list[str]) -> Sidecar:
    spec = {"egress": [{"hosts": hosts} for hosts in egress]}
    return msgspec.convert({"metadata": {"name": "a", "namespace": "web"}, "spec": spec}, Sidecar)


def described(*objects: DestinationRule | Sidecar, **mesh: Any) -> Surroundings:
    return describe_surroundings(
        [one for one in objects if isinstance(one, DestinationRule)],
        [one for one in objects if isinstance(one, Sidecar)],
        {"": msgspec.convert(mesh, MeshConfig)},
        NAMESPACES,
        "istio-system",
    )


NAMESPACES = {"shop": {"mesh": "on", "env": "prod"}, "web": {"mesh": "off"}, "bare": {}}


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("cart.shop.global", "cart.shop.global"),
        ("*.global", "*.global"),
        ("*", "*"),
        ("cart", "cart.web.svc.cluster.local"),
    ],
)
def test_a_rule_names_its_host_in_full_or_a_service_beside_it(host: str, full: str) -> None:
    assert described(rule(host)).rules == (Rule("web", "a", full, has_policy=False),)


def test_a_rule_of_subsets_alone_has_no_policy() -> None:
    assert described(rule("*", trafficPolicy={"tls": {}})).rules[0].has_policy
    assert not described(rule("*", subsets=[{"name": "v1"}])).rules[0].has_policy
    assert not described(rule("*", trafficPolicy={})).rules[0].has_policy


def test_a_sidecar_that_lists_nothing_hides_nothing() -> None:
    assert described(sidecar()).scopes == ()
    assert described(sidecar(["./*"], ["a/b"])).scopes == (Scope("web", "a", ("./*", "a/b")),)


def test_a_mesh_without_a_word_is_as_istio_has_it() -> None:
    assert described() == Surroundings(are_rules_known=True)


def test_a_mesh_says_where_what_says_nothing_is_seen() -> None:
    (found,) = described(
        rootNamespace="mesh",
        defaultServiceExportTo=["."],
        defaultDestinationRuleExportTo=["a", "b"],
    ).meshes
    assert (found.root, found.entries_seen_in, found.rules_seen_in) == ("mesh", (".",), ("a", "b"))


def test_each_istiod_says_that_for_itself() -> None:
    canary = msgspec.convert({"defaultServiceExportTo": ["."]}, MeshConfig)
    found = describe_surroundings([], [], {"canary": canary, "": MeshConfig()}, None, "mesh")
    assert found.meshes == (
        Mesh(root="mesh"),
        Mesh("canary", root="mesh", entries_seen_in=(".",)),
    )
    assert found.roots == {"mesh"}


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "mesh", "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("selector", "watched"),
    [
        ({"matchLabels": {"mesh": "on"}}, {"shop"}),
        ({"matchLabels": {"mesh": "on", "env": "test"}}, set()),
        ({"matchLabels": {"kubernetes.io/metadata.name": "bare"}}, {"bare"}),
        (expression("In", "on", "off"), {"shop", "web"}),
        (expression("NotIn", "on"), {"web", "bare"}),
        (expression("Exists"), {"shop", "web"}),
        (expression("DoesNotExist"), {"bare"}),
        ({**expression("Exists"), "matchLabels": {"env": "prod"}}, {"shop"}),
        ({}, {"shop", "web", "bare"}),
    ],
)
def test_istiod_looks_where_a_selector_fits_and_into_its_root(
    selector: dict[str, Any], watched: set[str]
) -> None:
    assert described(discoverySelectors=[selector]).meshes[0].watched == {"istio-system", *watched}


def test_one_of_several_selectors_is_enough() -> None:
    either = [{"matchLabels": {"mesh": mesh}} for mesh in ("on", "off")]
    assert described(discoverySelectors=either).meshes[0].watched == {"istio-system", "shop", "web"}


def test_where_labels_are_not_known_nothing_is_said_of_namespaces() -> None:
    mesh = msgspec.convert({"discoverySelectors": [{}]}, MeshConfig)
    assert describe_surroundings([], [], {"": mesh}, None, "istio-system").meshes == (Mesh(),)
