"""What a view has beside its exports: told as a whole, when it changes."""

from __future__ import annotations

import pytest

from globaldns.config.schema import GatewayAddress
from globaldns.errors import InvalidObject
from globaldns.exports.facets import Facets
from globaldns.model.export import Gateway, GatewayService
from globaldns.model.finding import Severity
from globaldns.model.view import (
    ClaimSet,
    SetEntrusted,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
)
from globaldns.objects import Object, key
from tests.exports.builders import balanced, cluster, gateway, rules, service
from tests.exports.declarations import MARKER, NEWER, claim, fence, ledger, line, policy


def at(address: str, network: str = "network1") -> Gateway:
    return Gateway(network, address, 15443, "east")


def door(*addresses: str, name: str = "eastwest") -> GatewayService:
    return GatewayService("istio-system", name, "network1", tuple(map(at, addresses)))


def told(*addresses: str) -> SetGateways:
    """Return what is told of the one gateway Service."""
    return SetGateways("east", tuple(map(at, addresses)), (door(*addresses),))


def facets(*declarations: Object) -> Facets:
    """Return facets that were given objects, each from a file of its name."""
    found = Facets(rules())
    for one in declarations:
        found.put(key(one), one, f"{one.metadata.name}.yaml")
    return found


def put_gateway(found: Facets, **parts: object) -> bool:
    made = gateway(**parts)
    return found.put_service(key(made), made)


def test_gateways_are_told_once_and_when_they_change():
    exports = cluster([gateway(status=balanced("203.0.113.1"))])
    assert exports.changes() == [told("203.0.113.1")]
    exports.put(gateway(status=balanced("203.0.113.1")))
    assert exports.changes() == []
    exports.put(gateway(status=balanced("203.0.113.2")))
    assert exports.changes() == [told("203.0.113.2")]
    exports.remove(key(gateway()))
    assert exports.changes() == [SetGateways("east", ())]


def test_a_gateway_whose_service_lost_its_address_keeps_the_last_one():
    exports = cluster([gateway(status=balanced("203.0.113.1"))])
    exports.changes()
    exports.put(gateway())
    assert exports.changes() == []
    exports.put(gateway(labels={}))
    assert exports.changes() == [SetGateways("east", ())]


def test_a_gateway_that_never_had_an_address_is_told_as_a_way_to_nowhere():
    exports = cluster([gateway()])
    assert exports.changes() == [told()]
    exports.put(gateway(status=balanced("203.0.113.1")))
    assert exports.changes() == [told("203.0.113.1")]


def test_the_last_address_of_a_former_run_counts_like_one_of_this():
    found = Facets(rules(), [door("203.0.113.1"), door("203.0.113.2", name="other")])
    assert found.gateways("") == ()
    put_gateway(found)
    put_gateway(found, name="other", status=balanced("203.0.113.3"))
    assert found.gateways("") == (at("203.0.113.1"), at("203.0.113.3"))
    put_gateway(found, name="other")
    assert found.gateways("") == (at("203.0.113.1"), at("203.0.113.3"))


def test_a_service_that_was_removed_has_no_last_address_any_more():
    for gone in (lambda found: found.remove(key(gateway())), lambda found: found.begin("")):
        found = Facets(rules(), [door("203.0.113.1")])
        gone(found)
        put_gateway(found)
        assert found.gateways("") == ()


def test_a_service_says_whether_its_gateways_are_news():
    found = facets()
    assert put_gateway(found)
    assert not put_gateway(found)
    assert put_gateway(found, status=balanced("203.0.113.1"))
    assert not put_gateway(found, status=balanced("203.0.113.1"))
    assert not put_gateway(found)
    assert put_gateway(found, labels={})
    assert not found.put_service(key(service()), service())


def test_gateways_of_all_services_are_sorted_and_counted_once():
    found = facets()
    put_gateway(found, name="b", status=balanced("203.0.113.2", "203.0.113.1"))
    put_gateway(found, name="a", status=balanced("203.0.113.3", "203.0.113.1"))
    assert found.gateways("") == tuple(at(f"203.0.113.{number}") for number in (1, 2, 3))
    assert found.remove(key(gateway("b")))
    assert found.gateways("") == (at("203.0.113.1"), at("203.0.113.3"))


def test_gateways_by_hand_are_those_and_no_others_and_follow_the_network():
    found = Facets(rules(gateways=(GatewayAddress(address="198.51.100.1"),)))
    put_gateway(found, status=balanced("203.0.113.1"))
    for network in ("n1", "n2"):
        assert list(found.drain(network)) == [
            SetGateways("east", (at("198.51.100.1", network),)),
            SetNetwork("east", network),
        ]
    assert list(found.drain("n2")) == []


def test_removing_says_whether_a_gateway_is_gone():
    found = facets(policy(pins=["240.0.0.1"]))
    assert not found.remove(key(policy()))
    assert not found.remove(key(gateway()))
    put_gateway(found, status=balanced("203.0.113.1"))
    assert found.remove(key(gateway()))


def test_every_part_that_changed_is_told_once_and_no_other():
    found = facets(
        ledger("a", line("a", 1)), policy(pins=["240.0.0.1"]), fence("f", cluster="west")
    )
    put_gateway(found, status=balanced("203.0.113.1"))
    kinds = [type(change) for change in found.drain("")]
    assert kinds == [SetGateways, SetLedger, SetPolicies, SetFences]
    assert list(found.drain("")) == []
    lifted = fence("f", cluster="west", fenced=False)
    found.put(key(lifted), lifted, "f.yaml")
    assert [type(change) for change in found.drain("")] == [SetFences]
    for gone in (policy(), lifted, ledger("a", "")):
        found.remove(key(gone))
    assert list(found.drain("")) == [
        SetLedger("east", ClaimSet()),
        SetPolicies("east", ()),
        SetFences("east", ()),
    ]


def test_a_change_that_is_taken_back_before_anybody_asks_is_none():
    found = facets(ledger("a", line("a", 1)), policy(pins=["240.0.0.1"]))
    list(found.drain(""))
    for data in (line("b", 2), line("a", 1)):
        found.put(key(ledger("a", "")), ledger("a", data), "a.yaml")
    for pins in ([], ["240.0.0.1"]):
        found.put(key(policy()), policy(pins=pins), "reviews.yaml")
    assert list(found.drain("")) == []


def test_a_view_is_what_stands_now_whether_or_not_it_was_told():
    found = facets(ledger("a", line("a", 1)), fence("f", cluster="west"))
    put_gateway(found, status=balanced("203.0.113.1"))
    view = found.view("")
    assert (view.cluster, view.exports, view.policies) == ("east", (), ())
    assert view.gateways == (at("203.0.113.1"),)
    assert view.ledger == ClaimSet(MARKER, (claim("a", 1),))
    assert [one.target for one in view.fences] == ["west"]
    assert found.view("") == view
    assert [type(one) for one in found.drain("")] == [SetGateways, SetLedger, SetFences]


def test_a_ledger_that_was_always_refused_is_one_that_says_nothing():
    found = facets()
    with pytest.raises(InvalidObject):
        found.put(key(ledger("a", "")), ledger("a", "broken\n"), "a.yaml")
    assert found.view("").ledger == ClaimSet(MARKER, is_partial=True)
    found.put(key(ledger("b", "")), ledger("b", "", cluster="west"), "b.yaml")
    assert found.view("").ledger == ClaimSet(MARKER, is_partial=True)
    found.put(key(ledger("a", "")), ledger("a", line("a", 1)), "a.yaml")
    assert found.view("").ledger == ClaimSet(MARKER, (claim("a", 1),))


def test_what_is_refused_leaves_the_last_good_version():
    found = facets(ledger("a", line("a", 1)), policy(pins=["240.0.0.1"]))
    before = found.view("")
    for bad in (ledger("a", "broken\n"), policy(pins=["x"])):
        with pytest.raises(InvalidObject):
            found.put(key(bad), bad, "bad.yaml")
    assert found.view("") == before


def test_policies_and_fences_are_sorted_by_the_objects_that_say_them():
    names = ["c", "a", "b"]
    found = facets(
        *(policy(name, pins=["240.0.0.1"]) for name in names),
        *(fence(name, cluster=f"of-{name}") for name in names),
    )
    view = found.view("")
    assert [one.host for one in view.policies] == ["a.bookinfo", "b.bookinfo", "c.bookinfo"]
    assert [one.target for one in view.fences] == ["of-a", "of-b", "of-c"]


def test_a_shard_that_a_newer_ledger_has_replaced_is_to_be_deleted():
    found = facets(ledger("old", line("a", 1)))
    assert list(found.findings()) == []
    found.put(key(ledger("new", "")), ledger("new", line("b", 2), marker=NEWER), "new.yaml")
    (finding,) = found.findings()
    assert (finding.code, finding.object, finding.file, finding.cluster) == (
        "ledger-marker",
        "VIPLedger bookinfo/old",
        "old.yaml",
        "east",
    )
    assert finding.hint == "delete it"
    found.remove(key(ledger("old", "")))
    assert list(found.findings()) == []


def test_the_whole_ledger_of_another_cluster_says_nothing_and_is_told_once():
    theirs = [ledger(f"own-00{number}", "", cluster="west") for number in (2, 0, 1)]
    found = facets(*theirs, ledger("own-003", "", cluster="north"))
    assert found.view("").ledger == ClaimSet()
    assert [(one.severity, one.code, one.object, one.reason) for one in found.findings()] == [
        (
            *(Severity.ERROR, "ledger-cluster", "VIPLedger bookinfo/own-000"),
            "is the ledger of 'west', and stands in 'east' with 2 more",
        ),
        (
            *(Severity.ERROR, "ledger-cluster", "VIPLedger bookinfo/own-003"),
            "is the ledger of 'north', and stands in 'east'",
        ),
    ]
    for one in theirs[:2]:
        found.remove(key(one))
    found.put(key(theirs[2]), ledger("own-001", line("a", 1)), "own-001.yaml")
    assert found.view("").ledger == ClaimSet(MARKER, (claim("a", 1),))
    assert [one.object for one in found.findings()] == ["VIPLedger bookinfo/own-003"]
    with pytest.raises(InvalidObject, match="is the ledger of 'west', and stands in 'east'"):
        found.put(key(theirs[2]), theirs[2], "own-001.yaml")
    assert found.view("").ledger == ClaimSet(MARKER, (claim("a", 1),))


def test_the_first_shard_says_which_ledger_it_is_and_others_are_told():
    found = facets(ledger("own-000", line("a", 1)), ledger("own-0f1", line("b", 2), marker=NEWER))
    assert found.view("").ledger == ClaimSet(MARKER, (claim("a", 1),))
    (finding,) = found.findings()
    assert (finding.code, finding.object) == ("ledger-marker", "VIPLedger bookinfo/own-0f1")
    assert finding.reason == "belongs to ledger 'm2', the cluster's is 'm1'"
    found.put(key(ledger("own-000", "")), ledger("own-000", "", marker=NEWER), "own-000.yaml")
    assert found.view("").ledger.claims == (claim("b", 2),)
    assert list(found.findings()) == []


def test_beside_a_first_shard_only_what_a_globaldns_names_is_part_of_its_ledger():
    found = facets(*(ledger(name, line("a", 1)) for name in ("mine", "own-400")))
    assert list(found.findings()) == []
    found.put(key(ledger("own-000", "")), ledger("own-000", line("b", 2)), "own-000.yaml")
    assert found.view("").ledger.claims == (claim("b", 2),)
    assert [one.object for one in found.findings()] == [
        "VIPLedger bookinfo/mine",
        "VIPLedger bookinfo/own-400",
    ]
    assert {one.code for one in found.findings()} == {"ledger-name"}
    found.put(key(ledger("own-3ff", "")), ledger("own-3ff", line("c", 3)), "c.yaml")
    assert found.view("").ledger.claims == (claim("b", 2), claim("c", 3))


def test_which_cluster_each_name_is_taken_for_is_what_one_shard_says():
    said = ledger("own-000", "", uids={"west": "w", "east": "e"})
    found = facets(ledger("own-001", line("a", 1)), said)
    assert found.view("").ledger.uids == (("east", "e"), ("west", "w"))
    found.put(key(said), ledger("own-000", "", uids={"west": "new"}), "")
    assert found.view("").ledger.uids == (("west", "new"),)


ROLES = {
    "own": {},
    "deputy": {"role": "deputy", "cluster": "north"},
    "copy": {"role": "copy", "cluster": "west"},
    "former": {"role": "former", "cluster": "west"},
    "a copy of another's": {"role": "copy", "cluster": "north"},
}


def of_role(role: str, name: str = "shard") -> Object:
    spec = ROLES[role]
    return ledger(name, line("a", 1, cluster=spec.get("cluster", "east")), **spec)


def said(*declarations: Object) -> tuple[object, ...]:
    found = Facets(rules(home="west"))
    for one in declarations:
        found.put(key(one), one, "")
    view = found.view("")
    return (view.ledger, view.entrusted, found.kept())


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("own", ("east", None, None, None)),
        ("deputy", (None, "north", None, None)),
        ("copy", (None, None, "west", None)),
        ("former", (None, None, None, "west")),
        ("a copy of another's", (None, None, None, None)),
    ],
)
def test_a_ledger_says_what_its_role_is(role: str, told: tuple[str | None, ...]) -> None:
    found = Facets(rules(home="west"))
    one = of_role(role)
    found.put(key(one), one, "")
    view, kept = found.view(""), found.kept()
    sayings = (view.ledger.claims, view.entrusted, kept.claims, kept.former)
    assert tuple(claims[0].cluster if claims else None for claims in sayings) == told


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("former", ROLES)
def test_a_ledger_says_nothing_any_more_in_a_role_that_it_had(former: str, role: str) -> None:
    assert said(of_role(former), of_role(role)) == said(of_role(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_ledger_that_is_gone_says_nothing_in_any_role(role: str) -> None:
    found = Facets(rules(home="west"))
    one = of_role(role)
    found.put(key(one), one, "")
    found.remove(key(one))
    assert (found.view("").ledger, found.view("").entrusted, found.kept()) == (
        ClaimSet(),
        (),
        ClaimSet(),
    )


@pytest.mark.parametrize("role", ["own", "deputy"])
def test_what_cannot_be_read_in_another_role_keeps_the_last_good_version(role: str) -> None:
    found = Facets(rules(home="west"))
    good = of_role(role)
    found.put(key(good), good, "")
    other = next(one for one in ("deputy", "own") if one != role)
    bad = ledger("shard", "nonsense", **ROLES[other])
    with pytest.raises(InvalidObject):
        found.put(key(bad), bad, "")
    view = found.view("")
    assert [one.cluster for one in (*view.ledger.claims, *view.entrusted)] == [
        "east" if role == "own" else "north"
    ]


def test_what_is_entrusted_is_told_when_it_changes() -> None:
    found = facets()
    found.begin("")
    one = of_role("deputy")
    found.put(key(one), one, "")
    (change,) = found.drain("")
    assert isinstance(change, SetEntrusted)
    assert [claim.cluster for claim in change.claims] == ["north"]
    assert list(found.drain("")) == []
    found.remove(key(one))
    assert list(found.drain("")) == [SetEntrusted("east", ())]


def test_a_copy_that_cannot_be_read_is_told_when_it_is_asked_for() -> None:
    found = Facets(rules(home="west"))
    bad = ledger("shard", "nonsense", role="copy", cluster="west")
    found.put(key(bad), bad, "")
    with pytest.raises(InvalidObject):
        found.kept()


def test_of_copies_of_two_ledgers_the_newer_is_kept() -> None:
    found = Facets(rules(home="west"))
    for name, marker, host in (("old", {}, "a"), ("new", {"marker": NEWER}, "b")):
        data = line(host, 1, cluster="west")
        one = ledger(name, data, role="copy", cluster="west", **marker)
        found.put(key(one), one, "")
    kept = found.kept()
    assert kept.marker is not None
    assert (kept.marker.id, [one.host for one in kept.claims]) == ("m2", ["b.bookinfo"])
