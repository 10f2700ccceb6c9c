from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from globaldns.model.view import SetLedger
from globaldns.registry.agreement import differing_settings
from globaldns.registry.findings import mesh_findings
from globaldns.registry.registry import Registry
from globaldns.registry.settings import ClusterRules
from tests.registry.mesh import ledger, prefix, reset, settings, settled

ALLOW = {"east": ClusterRules(), "west": ClusterRules(allow_namespaces=("shop",))}
OTHERS: list[tuple[str, Mapping[str, Any]]] = [
    ("pools", {"pools": (prefix("240.140.0.0/24"),)}),
    ("zones", {"zones": ("global", "mesh")}),
    ("allow", {"clusters": ALLOW}),
    ("quarantine", {"quarantine": 86400}),
]


def beside(**others: Any) -> Registry:
    """Return our registry beside a west that is configured otherwise."""
    theirs = structs.replace(settings(), **others).fingerprint
    registry = settled(Registry(settings()), reset("east"), reset("west"))
    said = structs.replace(ledger("west"), fingerprint=theirs)
    registry.apply([SetLedger("west", said)], 20)
    return registry


def test_clusters_that_are_configured_alike_do_not_differ() -> None:
    assert differing_settings(beside()) == {}
    assert differing_settings(settled(Registry(settings()), reset("west"))) == {}


@pytest.mark.parametrize(("setting", "others"), OTHERS)
def test_what_must_be_alike_and_is_not_is_named(setting: str, others: Mapping[str, Any]) -> None:
    registry = beside(**others)
    assert differing_settings(registry) == {"west": (setting,)}
    (finding,) = mesh_findings(registry)["west"]
    assert (finding.code, finding.hint) == ("settings-differ", "configure all clusters alike")
    assert setting in finding.reason


def test_the_order_of_pools_counts() -> None:
    two = prefix("240.140.0.0/24"), prefix("240.141.0.0/24")
    one, other = (
        structs.replace(settings(), pools=pools).fingerprint for pools in (two, two[::-1])
    )
    assert one.differing(other) == ("pools",)


@pytest.mark.parametrize(
    "others",
    [
        {"clusters": {**settings().clusters, "new": ClusterRules()}},
        {"clusters": {name: ClusterRules(fenced=True) for name in settings().clusters}},
        {"largest_ttl": 5},
        {"pins": (prefix("240.0.0.0/4"),)},
    ],
)
def test_what_may_be_otherwise_makes_no_difference(others: Mapping[str, Any]) -> None:
    assert differing_settings(beside(**others)) == {}
