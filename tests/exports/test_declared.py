"""Our own objects: claims, policies, fences."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.config.schema import Allow
from globaldns.model.address import parse_address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.export import Origin
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, Fence, Policy, SetFences, SetLedger, SetPolicies
from globaldns.objects import Object, key
from tests.exports.builders import build, cluster, findings

LINE = "{host}.bookinfo 240.128.0.{number} 2026-01-02T03:04:05Z {cluster} given - -\n"
MADE = "2026-01-01T00:00:00Z"


def line(host: str, number: int, *, cluster: str = "east") -> str:
    return LINE.format(host=host, number=number, cluster=cluster)


def claim(host: str, number: int) -> Claim:
    vip = parse_address(f"240.128.0.{number}")
    return Claim(Host(f"{host}.bookinfo"), vip, 1767323045, "east", ClaimKind.GIVEN)


def ledger(name: str, data: str, **spec: Any) -> Object:
    plain = {"cluster": "east", "marker": {"id": "m1", "created": MADE}, "data": data}
    return build("VIPLedger", "globaldns.io/v1alpha1", name, spec={**plain, **spec})


def policy(name: str = "reviews", **spec: Any) -> Object:
    return build("GlobalService", "globaldns.io/v1alpha1", name, spec=spec, created=9)


def fence(name: str, **spec: Any) -> Object:
    return build("ClusterFence", "globaldns.io/v1alpha1", name, spec={"at": MADE, **spec})


MARKER = Marker("m1", 1767225600)


def test_the_claims_of_all_shards_are_one_ledger():
    exports = cluster([ledger("b", line("b", 2)), ledger("a", "# none\n" + line("a", 1))])
    (change,) = exports.changes()
    assert change == SetLedger("east", ClaimSet(MARKER, (claim("a", 1), claim("b", 2))))
    exports.put(ledger("b", line("c", 3)))
    (change,) = exports.changes()
    assert change.ledger.claims == (claim("a", 1), claim("c", 3))
    exports.remove(key(ledger("b", "")))
    exports.remove(key(ledger("a", "")))
    assert exports.changes() == [SetLedger("east", ClaimSet())]


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        (ledger("a", line("b", 2), cluster="west"), "ledger-cluster", "$.spec.cluster"),
        (ledger("a", line("b", 2) + line("c", 3, cluster="west")), "ledger-cluster", "$.spec.data"),
        (ledger("a", line("b", 2) + "broken\n"), "ledger-line", "$.spec.data"),
        (ledger("a", line("b", 2).replace("240.128.0.2", "x")), "ledger-line", "$.spec.data"),
    ],
)
def test_a_broken_or_foreign_ledger_is_a_finding_and_changes_nothing(bad, code, path):
    exports = cluster([ledger("a", line("a", 1))])
    exports.changes()
    exports.put(bad, "bad.yaml")
    assert exports.changes() == []
    (finding,) = exports.findings()
    assert (finding.code, finding.path, finding.file) == (code, path, "bad.yaml")
    assert exports.view().ledger.claims == (claim("a", 1),)
    exports.put(ledger("a", line("a", 1)))
    assert exports.findings() == []


def test_shards_of_a_ledger_that_was_replaced_do_not_count():
    newer = {"id": "m2", "created": "2026-02-01T00:00:00Z"}
    shards = [ledger("a", line("a", 1)), ledger("b", line("b", 2), marker=newer)]
    for order in (shards, shards[::-1]):
        exports = cluster(order)
        assert exports.view().ledger.claims == (claim("b", 2),)
        (finding,) = exports.findings()
        assert (finding.code, finding.file, finding.severity) == (
            "ledger-marker",
            "a.yaml",
            "warning",
        )


def test_a_global_service_pins_the_service_of_its_name():
    exports = cluster([policy(pins=["240.0.0.1", "fd00::1", "240.0.0.1"]), policy("plain")])
    origin = Origin("GlobalService", "bookinfo", "reviews", "reviews.yaml")
    pins = (parse_address("240.0.0.1"), parse_address("fd00::1"))
    expected = Policy(Host("reviews.bookinfo"), origin, 1767225609, pins)
    assert exports.changes() == [SetPolicies("east", (expected,))]
    exports.put(policy(pins=[]))
    assert exports.changes() == [SetPolicies("east", ())]


@pytest.mark.parametrize(
    ("pins", "settings", "code", "path"),
    [
        (["x"], {}, "pin-address", "$.spec.pins"),
        (["240.0.0.0/8"], {}, "pin-address", "$.spec.pins"),
        (["240.0.0.1", "240.0.0.2"], {"records_per_name": 1}, "too-many-records", "$.spec.pins"),
        (
            ["240.0.0.1"],
            {"allow": Allow(namespaces=())},
            "namespace-not-allowed",
            "$.metadata.namespace",
        ),
    ],
)
def test_pins_that_cannot_be_are_refused(pins, settings, code, path):
    assert findings(policy(pins=pins), **settings) == [(code, path)]
    assert cluster([policy(pins=pins)], **settings).view().policies == ()


def test_a_fence_is_the_word_on_its_cluster():
    exports = cluster([fence("b", cluster="west"), fence("a", cluster="flat", fenced=False)])
    assert exports.changes() == [
        SetFences(
            "east",
            (
                Fence("flat", False, 1767225600, Origin("ClusterFence", "", "a", "a.yaml")),
                Fence("west", True, 1767225600, Origin("ClusterFence", "", "b", "b.yaml")),
            ),
        )
    ]
