"""What an API server tells at first: what is said of it, and when."""

from __future__ import annotations

import pytest

from globaldns.kube.watch import (
    Absent,
    Begun,
    Contact,
    Found,
    Put,
    Scope,
)
from globaldns.model.view import (
    ClaimSet,
    Doubt,
    Reset,
    SourceState,
)
from globaldns.sources.remembered import decode_view, encode_view
from tests.sources.manifests import GRACE, at
from tests.sources.served import (
    ALWAYS_SERVED,
    BROKEN,
    CUSTOM,
    DECISIVE,
    DETAILS,
    FORBIDDEN,
    LEDGERS,
    Object,
    Telling,
    endpoint_slice,
    entry,
    gateway,
    kept,
    pod,
    raw,
    read,
    service,
    shop,
)

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
WAITING, REMEMBERED = SourceState.WAITING, SourceState.REMEMBERED


@pytest.mark.parametrize("last", [*DECISIVE, *DETAILS])
def test_nothing_is_said_before_every_kind_is_listed(last: str) -> None:
    telling = Telling(*shop(), remembered=kept(entry("old")))

    def waiting() -> set[Scope]:
        scopes = telling.following.scopes - telling.listed
        return {scope for scope in scopes if scope.resource.kind != last}

    while waiting():
        telling.list(min(waiting(), key=str))
        assert (telling.hosts, telling.drain()) == ({"old.ns"}, [])
    assert isinstance(telling.list_all()[0], Reset)
    assert telling.addresses("a.ns") == {"10.1.1.1"}


@pytest.mark.parametrize(
    "last", ["ServiceEntry", "ServiceExport", "GlobalService", "ClusterFence", "Node"]
)
def test_what_may_not_be_read_at_last_does_not_have_exports_said_without_their_endpoints(
    last: str,
) -> None:
    telling = Telling(service("a"), endpoint_slice("a"), pod())
    denied = telling.scope(last)
    telling.list_all(but=[denied])
    telling.tell(denied, FORBIDDEN)
    assert telling.drain() == []
    assert isinstance(telling.list_all(but=[denied])[0], Reset)
    assert telling.addresses("a.ns") == {"10.1.1.1"}


def test_the_first_words_are_those_of_before_or_that_nothing_is_known() -> None:
    assert Telling().told.freshness == Telling().following.freshness
    assert Telling(remembered=kept(entry("old"))).told.exports[0].host == "old.ns"


def test_a_connection_alone_makes_nothing_fresh() -> None:
    before = kept(entry("old"))
    telling = Telling(entry("new"), remembered=before)
    telling.seconds = 1000
    for scope in telling.following.scopes:
        telling.tell(scope, Begun())
    telling.tell(telling.scope("ServiceEntry"), Found(raw(entry("new"))), Contact())
    telling.following.note_contact(at(1000))
    telling.drain()
    assert before.freshness is not None
    freshness = telling.view.freshness
    assert freshness is not None
    assert (freshness.state, freshness.contact) == (REMEMBERED, before.freshness.contact)
    assert telling.hosts == {"old.ns"}


def test_nothing_is_said_of_a_cluster_whose_ledger_may_not_be_read() -> None:
    telling = Telling(*shop())
    ledger = telling.scope("VIPLedger")
    telling.list_all(but=[ledger])
    telling.tell(ledger, FORBIDDEN)
    telling.drain()
    telling.wait(10 * GRACE)
    assert telling.following.freshness.state is WAITING
    assert telling.following.freshness.reason == "vipledgers.globaldns.io: may not be read"
    telling.list(ledger)
    assert isinstance(telling.drain()[0], Reset)


@pytest.mark.parametrize("ledger_namespace", [LEDGERS, None])
def test_a_cluster_of_which_nothing_may_be_read_is_not_read(ledger_namespace: str | None) -> None:
    telling = Telling(*shop(), remembered=kept(*shop()), ledger_namespace=ledger_namespace)
    for scope in telling.following.scopes:
        is_installed = scope.resource.kind not in CUSTOM
        telling.tell(scope, FORBIDDEN if is_installed else Absent())
    telling.drain()
    telling.wait(10 * GRACE)
    freshness = telling.following.freshness
    assert (freshness.state, freshness.reason) == (
        REMEMBERED,
        "its account may not read anything",
    )
    assert telling.hosts == {"a.ns", "b.ns"}
    (finding,) = telling.following.findings()
    assert "cluster roles" in finding.hint
    telling.list_all()
    assert telling.following.freshness.state is SYNCED


def test_a_cluster_whose_own_ledger_is_ours_is_read_without_it() -> None:
    telling = Telling(*shop(), ledger_namespace=None)
    telling.list_all()
    assert telling.hosts == {"a.ns", "b.ns"}
    assert telling.view.ledger == ClaimSet()


@pytest.mark.parametrize("kind", [kind for kind in DECISIVE if kind != "VIPLedger"])
def test_what_may_not_be_read_from_the_start_leaves_the_view_in_part(kind: str) -> None:
    telling = Telling(*shop())
    denied = telling.scope(kind)
    telling.list_all(but=[denied])
    telling.tell(denied, FORBIDDEN)
    telling.list_all(but=[denied])
    telling.wait(GRACE)
    freshness = telling.following.freshness
    assert (freshness.state, freshness.doubt, freshness.is_known) == (SYNCED, Doubt.PARTIAL, False)
    assert [one.code for one in telling.following.findings()] == ["unreadable"]
    telling.list(denied)
    telling.list_all()
    assert telling.hosts == {"a.ns", "b.ns"}
    assert telling.following.freshness.doubt is Doubt.YOUNG, "what it lacks may be late again"
    telling.wait(GRACE)
    assert telling.following.freshness.doubt is Doubt.NONE


@pytest.mark.parametrize("kind", DETAILS)
def test_every_name_is_known_though_details_may_not_be_read(kind: str) -> None:
    telling = Telling(*shop())
    telling.list_all()
    denied = telling.scope(kind, "ns")
    telling = Telling(*shop())
    telling.list_all(but=[denied])
    telling.tell(denied, FORBIDDEN)
    telling.list_all(but=[denied])
    telling.wait(GRACE)
    assert telling.following.freshness.is_own_word
    assert telling.hosts == {"a.ns", "b.ns"}
    assert [one.reason for one in telling.following.findings()] == ["may not be read"]


@pytest.mark.parametrize("kind", CUSTOM)
def test_a_kind_that_is_not_installed_is_no_error_and_read_once_it_is(kind: str) -> None:
    telling = Telling(*shop())
    absent = telling.scope(kind)
    telling.tell(absent, Absent())
    telling.list_all(but=[absent])
    assert telling.following.freshness.state is SYNCED
    assert telling.following.findings() == []
    telling.tell(absent, Absent(), BROKEN, Absent())
    telling.drain()
    assert telling.following.findings() == []
    telling.list(absent)
    telling.list_all()
    assert telling.hosts == {"a.ns", "b.ns"}


@pytest.mark.parametrize("kind", ALWAYS_SERVED)
def test_a_server_that_knows_none_of_what_every_server_has_says_nothing(kind: str) -> None:
    telling = Telling(*shop(), remembered=kept(*shop()))
    telling.list_all()
    strange = telling.scope(kind, "ns")
    telling = Telling(*shop(), remembered=kept(*shop()))
    telling.list_all(but=[strange])
    telling.tell(strange, Absent())
    telling.drain()
    telling.wait(10 * GRACE)
    assert telling.following.freshness.state is REMEMBERED
    assert telling.hosts == {"a.ns", "b.ns"}
    assert "every API server" in telling.following.freshness.reason


def test_a_proxy_that_answers_404_to_everything_is_no_empty_cluster() -> None:
    telling = Telling(remembered=kept(*shop()))
    for _ in range(3):
        for scope in telling.following.scopes:
            telling.tell(scope, Absent())
        telling.drain()
        telling.wait(GRACE)
    assert telling.hosts == {"a.ns", "b.ns"}
    assert telling.following.freshness.state is REMEMBERED


def test_a_cluster_has_the_namespaces_that_its_objects_show() -> None:
    telling = Telling(*shop())
    assert telling.following.exports.namespaces() == frozenset()
    telling.list_all()
    assert telling.following.exports.namespaces() == {"ns"}
    assert telling.following.exports.services() == {"a.ns"}
    assert telling.following.exports.ambient_namespaces() == frozenset()


def test_a_cluster_says_which_namespaces_are_ambient() -> None:
    labels = {"istio.io/dataplane-mode": "ambient"}
    meshed = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns", "labels": labels}}
    telling = Telling(*shop(), meshed)
    telling.list_all()
    assert telling.following.exports.ambient_namespaces() == {"ns"}


def pending() -> Object:
    return {**gateway(), "status": {}}


def test_a_gateway_that_loses_its_address_while_nobody_looks_keeps_the_last_one() -> None:
    former = kept(*shop(), gateway("203.0.113.1"))
    for _ in range(2):
        telling = read(*shop(), pending(), remembered=former)
        telling.wait(10 * GRACE)
        assert [one.address for one in telling.told.gateways] == ["203.0.113.1"]
        former = decode_view(encode_view(telling.view, telling.view.exports), "east")
    telling.remove(pending())
    telling.put(pending())
    assert telling.told.gateways == ()


def test_a_gateway_that_was_gone_after_a_restart_comes_back_as_a_new_one() -> None:
    telling = read(*shop(), remembered=kept(*shop(), gateway("203.0.113.1")))
    assert len(telling.told.gateways) == 1, "it may be late"
    telling.wait(GRACE)
    telling.put(pending())
    assert telling.told.gateways == ()
    assert [one.name for one in telling.told.gateway_services] == ["eastwest"]


def test_a_namespace_that_is_being_deleted_is_none_of_the_clusters_at_once() -> None:
    going = {"name": "ns", "deletionTimestamp": "2026-01-02T03:04:05Z"}
    leaving = {"apiVersion": "v1", "kind": "Namespace", "metadata": going}
    telling = Telling(*shop())
    telling.list_all()
    telling.tell(telling.scope("Namespace"), Put(raw(leaving)))
    assert telling.following.exports.namespaces() == frozenset()
    assert telling.following.exports.leaving_namespaces() == {"ns"}
