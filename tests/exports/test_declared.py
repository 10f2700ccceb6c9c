"""Our own objects: claims, policies, fences."""

from __future__ import annotations

import pytest

from globaldns.config.schema import Allow
from globaldns.model.address import parse_address
from globaldns.model.export import Origin
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, Fence, Policy, SetFences, SetLedger, SetPolicies
from globaldns.objects import key
from tests.exports.builders import build, cluster, findings
from tests.exports.declarations import MARKER, NEWER, claim, fence, ledger, line, policy


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
    shards = [ledger("a", line("a", 1)), ledger("b", line("b", 2), marker=NEWER)]
    for order in (shards, shards[::-1]):
        exports = cluster(order)
        assert exports.view().ledger.claims == (claim("b", 2),)
        (finding,) = exports.findings()
        assert (finding.code, finding.file, finding.severity) == (
            "ledger-marker",
            "a.yaml",
            "warning",
        )


def test_what_cannot_be_read_replaces_no_ledger():
    exports = cluster([ledger("a", line("a", 1)), ledger("b", "garbage\n", marker=NEWER)])
    assert exports.view().ledger == ClaimSet(MARKER, (claim("a", 1),))
    told = [(one.code, one.file) for one in exports.findings()]
    assert sorted(told) == [("ledger-line", "b.yaml"), ("ledger-marker", "b.yaml")]


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
    exports = cluster(
        [fence("b", cluster="west", uid="u-2"), fence("a", cluster="flat", fenced=False)]
    )
    assert exports.changes() == [
        SetFences(
            "east",
            (
                Fence("flat", False, 1767225600, Origin("ClusterFence", "", "a", "a.yaml")),
                Fence("west", True, 1767225600, Origin("ClusterFence", "", "b", "b.yaml"), "u-2"),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("labels", "annotations", "pins"),
    [
        ({"globaldns.io/owned-by": "east"}, {"globaldns.io/host": "a.far"}, False),
        ({"globaldns.io/owned-by": "west"}, {"globaldns.io/host": "a.far"}, False),
        ({"globaldns.io/owned-by": "east"}, {}, True),
        ({}, {"globaldns.io/host": "a.far"}, True),
    ],
)
def test_what_we_wrote_for_want_of_a_namespace_pins_nothing(labels, annotations, *, pins):
    written = build(
        "GlobalService",
        "globaldns.io/v1alpha1",
        "reviews",
        spec={"pins": ["240.0.0.1"]},
        labels=labels,
        annotations=annotations,
    )
    assert bool(cluster([written]).view().policies) is pins
