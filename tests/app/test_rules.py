"""Each key of the configuration that sources and registry obey."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.app.rules import cluster_rules, export_rules, registry_settings
from globaldns.config.schema import Allow, Config, GatewayAddress
from globaldns.exports import ExportRules
from globaldns.model.address import parse_prefix
from globaldns.model.lost import LostEndpoints, LostNames, LostRules
from globaldns.registry.settings import ClusterRules
from tests.app.meshes import Place

ALLOW = {"namespaces": ["shop-*"], "hosts": ["*.wild.global"]}
DROP, HOUR, GONE = LostNames(expire=0), LostNames(expire=3600), LostEndpoints(expire=0)
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
        ({"namespace_selector": {"mesh": "on"}}, "namespace_selector", (("mesh", "on"),)),
        ({"gateways": [{"address": "203.0.113.1"}]}, "gateways", (GATEWAY,)),
        ({"allow": ALLOW}, "allow", Allow(namespaces=("shop-*",), hosts=("*.wild.global",))),
    ],
)
def test_a_cluster_has_its_own_rules_and_no_other_has_them(
    keys: dict[str, Any], field: str, value: object, place: Place
) -> None:
    config = west(place, **keys)
    assert getattr(export_rules(config, "west"), field) == value
    assert export_rules(config, "east") == ExportRules(
        cluster="east", home="east", zones=("global",), pools=("240.128.0.0/10",)
    )


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ({"system_namespace": "mesh-system"}, "system_namespace", "mesh-system"),
        ({"vips": {"pools": ["10.9.0.0/16"]}}, "pools", ("10.9.0.0/16",)),
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


@pytest.mark.parametrize(
    ("keys", "rules"),
    [
        ({}, LostRules(60, LostNames(), LostEndpoints(demote=0))),
        ({"after": "2m", "names": "drop", "endpoints": "drop"}, LostRules(120, DROP, GONE)),
        ({"names": {"expire": "1h"}, "endpoints": "keep"}, LostRules(60, HOUR, LostEndpoints())),
        (
            {"endpoints": {"demote": "1m", "expire": "1h"}},
            LostRules(60, LostNames(), LostEndpoints(60, 3600)),
        ),
    ],
)
def test_the_registry_knows_what_becomes_of_a_lost_cluster(
    keys: dict[str, Any], rules: LostRules, place: Place
) -> None:
    assert cluster_rules(west(place, lost=keys))["west"].lost == rules


@pytest.mark.parametrize("key", ["pools", "pins", "reserved", "allow_special"])
def test_the_registry_has_every_range_in_its_order(key: str, place: Place) -> None:
    texts = ["240.129.0.0/24", "240.128.0.0/24"]
    config = place.configure(vips={"pools": ["240.128.0.0/15"], key: texts})
    assert getattr(registry_settings(config), key) == tuple(map(parse_prefix, texts))


def test_the_registry_knows_which_networks_are_reached_directly(place: Place) -> None:
    config = place.configure(routing={"direct_networks": ["n2", "n1"]})
    assert registry_settings(config).direct_networks == {"n1", "n2"}


@pytest.mark.parametrize(("ttl", "negative_ttl"), [("40s", "20s"), ("20s", "40s")])
def test_what_the_registry_waits_for_is_the_larger_of_the_ttls(
    ttl: str, negative_ttl: str, place: Place
) -> None:
    config = place.configure(
        dns={"ttl": ttl, "negative_ttl": negative_ttl}, vips={"quarantine": "1h", "overlap": "20m"}
    )
    found = registry_settings(config)
    assert (found.largest_ttl, found.quarantine, found.overlap) == (40, 3600, 1200)
