"""What becomes of objects that come, go, and are refused."""

from __future__ import annotations

import pytest

from globaldns.kube.watch import (
    Begun,
    Contact,
    Found,
    Listed,
    Opened,
    Put,
    Removed,
)
from globaldns.model.export import ExportKind
from globaldns.model.view import (
    ClaimSet,
    Doubt,
    SourceState,
)
from tests.sources.manifests import GRACE, RULES, at, put, removed
from tests.sources.served import (
    BROKEN,
    Telling,
    endpoint_slice,
    entry,
    gateway,
    kept,
    line,
    made,
    raw,
    read,
    service,
    vip_ledger,
)

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
WAITING, REMEMBERED = SourceState.WAITING, SourceState.REMEMBERED


def test_what_a_whole_list_lacks_is_gone_at_once() -> None:
    telling = read(entry("a"), entry("b"))
    telling.wait(GRACE)
    del telling.objects["ServiceEntry", "ns", "a"]
    scope = telling.scope("ServiceEntry")
    telling.tell(scope, BROKEN, Begun(), Found(raw(entry("b"))))
    assert removed(telling.drain()) == [], "the list may have more"
    telling.tell(scope, Listed())
    telling.believe()
    assert removed(telling.drain()) == ["a.ns"]


def test_a_list_that_breaks_off_says_nothing_of_what_it_lacks() -> None:
    telling = read(entry("a"), entry("b"))
    scope = telling.scope("ServiceEntry")
    telling.tell(scope, Begun(), Found(raw(entry("b"))), BROKEN, Opened())
    assert removed(telling.drain()) == []
    assert telling.following.freshness.state is SYNCED
    telling.tell(scope, Begun(), Contact())
    telling.drain()
    assert telling.following.freshness.state is SYNCED
    telling.list(scope)
    assert removed(telling.drain()) == []


def test_an_object_that_is_deleted_in_the_middle_of_a_list_is_gone_after_it() -> None:
    telling = read(entry("a"), service("a", "other"), endpoint_slice("a", "other"))
    scope = telling.scope("ServiceEntry")
    found = Found(raw(entry("a")))
    telling.tell(scope, Begun(), found, Removed(raw(entry("a"))), Listed())
    telling.believe()
    assert removed(telling.drain()) == ["a.ns"]
    telling.tell(scope, Begun(), Listed())
    assert telling.drain() == []


SPOILT = {
    "a label that is no text": {"metadata": {"name": "a", "namespace": "ns", "labels": {"x": 1}}},
    "a spec that is no mapping": {"spec": []},
    "a port that Istio refuses": entry("a", port=70_000),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_refused_keeps_its_last_good_version_and_is_found(spoilt: str) -> None:
    telling = read(entry("a"))
    bad = {**entry("a"), **SPOILT[spoilt]}
    assert telling.put(bad) == []
    assert telling.hosts == {"a.ns"}
    (finding,) = telling.following.findings()
    assert (finding.object, finding.cluster) == ("ServiceEntry ns/a", "east")
    assert finding.reason
    assert finding.path
    assert [one.object for one in telling.following.refused()] == ["ServiceEntry ns/a"]
    telling.list(telling.scope("ServiceEntry"))
    assert telling.drain() == []
    assert put(telling.put(entry("a", port=81))) == ["a.ns"]
    assert telling.following.findings() == []
    telling.put(bad)
    assert removed(telling.remove(bad)) == ["a.ns"]
    assert telling.following.findings() == []


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_refused_from_the_start_keeps_its_version_of_before(spoilt: str) -> None:
    bad = {**entry("a"), **SPOILT[spoilt]}
    telling = read(bad, remembered=kept(entry("a"), entry("b")))
    telling.wait(GRACE)
    assert telling.hosts == {"a.ns"}
    telling.wait(10 * GRACE)
    assert telling.hosts == {"a.ns"}
    telling.remove(bad)
    telling.wait(GRACE)
    assert telling.hosts == set()


UNREADABLE_LEDGERS = {
    "no marker": vip_ledger("own-001", marker=None),
    "a line that is no claim": vip_ledger("own-001", "nonsense"),
}


@pytest.mark.parametrize("ledger", UNREADABLE_LEDGERS)
def test_a_ledger_that_was_never_taken_leaves_doubt_until_it_is_or_is_gone(ledger: str) -> None:
    bad = UNREADABLE_LEDGERS[ledger]
    telling = read(entry("a"), bad)
    telling.wait(10 * GRACE)
    assert telling.following.freshness.doubt is Doubt.PARTIAL
    telling.put(vip_ledger("own-001", line("a.ns", 3)))
    assert [claim.host for claim in telling.view.ledger.claims] == ["a.ns"]
    telling.wait(GRACE)
    assert telling.following.freshness.is_own_word
    telling.put(bad)
    assert telling.following.freshness.is_own_word, "its last good version stands"
    assert [claim.host for claim in telling.view.ledger.claims] == ["a.ns"]


@pytest.mark.parametrize("ledger", UNREADABLE_LEDGERS)
def test_a_remembered_ledger_stands_while_it_cannot_be_taken(ledger: str) -> None:
    before = kept(entry("a"), vip_ledger("own-001", line("a.ns", 3)))
    telling = read(entry("a"), UNREADABLE_LEDGERS[ledger], remembered=before)
    telling.wait(10 * GRACE)
    assert [claim.host for claim in telling.view.ledger.claims] == ["a.ns"]
    assert telling.view.ledger.marker == before.ledger.marker


def test_an_entry_that_was_never_taken_may_have_names_in_a_new_zone() -> None:
    before = kept(entry("a"))
    bad = entry("a", port=70_000, host="a.ns.mesh")
    rules = RULES.__class__(cluster="east", zones=("global", "mesh"))
    telling = Telling(bad, remembered=before, rules=rules)
    telling.list_all()
    telling.wait(10 * GRACE)
    assert not telling.following.freshness.is_known_in(("global", "mesh"))
    assert telling.following.freshness.zones == ("global",)
    telling.put(entry("a", host="a.ns.mesh"))
    telling.wait(GRACE)
    assert telling.following.freshness.is_known_in(("global", "mesh"))


def test_foreign_gateways_make_routes_and_hide_no_change_that_waits() -> None:
    telling = read(entry("b"), service("a", "shop"))
    telling.objects["ServiceEntry", "ns", "b"]["spec"]["endpoints"] = [{"address": "203.0.113.9"}]
    telling.following.take(
        telling.scope("ServiceEntry"),
        Put(raw(telling.objects["ServiceEntry", "ns", "b"])),
        at(0),
    )
    changes = telling.following.set_foreign_gateways(frozenset({"203.0.113.9"}))
    assert put(changes) == ["b.ns"]
    assert {one.host: one.kind for one in telling.view.exports}["b.ns"] is ExportKind.ROUTE


def test_before_all_is_read_foreign_gateways_change_nothing() -> None:
    telling = Telling(remembered=kept(entry("old")))
    assert telling.following.set_foreign_gateways(frozenset({"10.0.0.1"})) == []


def test_a_gateway_and_what_neighbours_keep_of_our_ledger_are_told() -> None:
    rules = RULES.__class__(cluster="east", home="west", zones=("global",))
    copy = vip_ledger("copy-1", line("w.ns", 5, "west"), cluster="west", role="copy")
    deputy = vip_ledger("deputy-1", line("n.ns", 6, "north"), cluster="north", role="deputy")
    telling = Telling(gateway(), copy, deputy, vip_ledger("own-001"), rules=rules)
    telling.list_all()
    assert [one.address for one in telling.view.gateways] == ["203.0.113.9"]
    assert [one.host for one in telling.following.exports.kept().claims] == ["w.ns"]
    assert [one.cluster for one in telling.view.entrusted] == ["north"]
    telling.remove(copy)
    assert telling.following.exports.kept() == ClaimSet()


def test_a_fence_and_a_policy_are_told() -> None:
    fence = made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"})
    pin = made("GlobalService", "a", spec={"pins": ["240.0.0.7"]})
    telling = read(entry("a"), fence, pin)
    assert [one.target for one in telling.view.fences] == ["west"]
    assert [one.host for one in telling.view.policies] == ["a.ns"]
    telling.remove(fence, pin)
    assert (telling.view.fences, telling.view.policies) == ((), ())
