"""Each key of the configuration that sources and registry obey."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.app.rules import cluster_rules, export_rules, registry_settings
from globaldns.config.schema import Allow, Config, GatewayAddress
from globaldns.exports import ExportRules
from globaldns.model.address import parse_prefix
from globaldns.registry.settings import ClusterRules
from tests.app.meshes import Place

ALLOW = {"namespaces": ["shop-*"], "hosts": ["*.wild.global"]}
GATEWAY = GatewayAddress(address="203.0.113.1")


def west(place: Place, **keys: Any) -> Config:
    """Return the configuration with some keys of west."""
    clusters = {"east": place.cluster("east"), "west": place.cluster("west", **keys)}
    return place.configure(clusters=clusters)


def test_zones_keep_their_order(place: Place) -> None:
    config = place.configure(zones=["mesh.example", "global"])
    zones = ("mesh.example", "global")
    assert export_rules(config, "east").zones == registry_settings(config).zones == zones


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ({"network": "network2"}, "network", "network2"),
        ({"gateways": [{"address": "203.0.113.1"}]}, "gateways", (GATEWAY,)),
        ({"allow": ALLOW}, "allow", Allow(namespaces=("shop-*",), hosts=("*.wild.global",))),
    ],
)
def test_a_cluster_has_its_own_rules_and_no_other_has_them(
    keys: dict[str, Any], field: str, value: object, place: Place
) -> None:
    config = west(place, **keys)
    assert getattr(export_rules(config, "west"), field) == value
    assert export_rules(config, "east") == ExportRules(cluster="east", zones=("global",))


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ({"system_namespace": "mesh-system"}, "system_namespace", "mesh-system"),
        ({"dns": {"nameserver": "names"}}, "nameserver", "names"),
        ({"dns": {"limits": {"records_per_name": 7}}}, "records_per_name", 7),
    ],
)
def test_what_all_clusters_share_is_in_the_rules_of_each(
    keys: dict[str, Any], field: str, value: object, place: Place
) -> None:
    config = place.configure(**keys)
    assert {getattr(export_rules(config, name), field) for name in ("east", "west")} == {value}


def test_what_exports_is_in_the_rules_of_each(place: Place) -> None:
    config = place.configure(exports={"annotation": "example.com/export"})
    assert export_rules(config, "west").exports.annotation == "example.com/export"


def test_the_registry_knows_what_every_cluster_may_do(place: Place) -> None:
    config = west(place, allow=ALLOW, fenced=True)
    rules = {
        "east": ClusterRules(),
        "west": ClusterRules(("shop-*",), ("*.wild.global",), fenced=True),
    }
    assert cluster_rules(config) == rules
    assert registry_settings(config).clusters == rules
    assert registry_settings(config).cluster == "east"


@pytest.mark.parametrize("key", ["pools", "pins", "reserved", "allow_special"])
def test_the_registry_has_every_range_in_its_order(key: str, place: Place) -> None:
    texts = ["240.129.0.0/24", "240.128.0.0/24"]
    config = place.configure(vips={"pools": ["240.128.0.0/15"], key: texts})
    assert getattr(registry_settings(config), key) == tuple(map(parse_prefix, texts))


@pytest.mark.parametrize(("ttl", "negative_ttl"), [("40s", "20s"), ("20s", "40s")])
def test_what_the_registry_waits_for_is_the_larger_of_the_ttls(
    ttl: str, negative_ttl: str, place: Place
) -> None:
    config = place.configure(
        dns={"ttl": ttl, "negative_ttl": negative_ttl}, vips={"quarantine": "1h"}
    )
    found = registry_settings(config)
    assert (found.largest_ttl, found.quarantine) == (40, 3600)
