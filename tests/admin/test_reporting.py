from __future__ import annotations

import msgspec
import pytest

from globaldns.admin.reporting import (
    collect_unwritten,
    find_service,
    parse_name,
    report_conflicts,
    report_contribution,
    report_digest,
    report_page,
    report_service,
)
from globaldns.admin.reports import PortReport
from globaldns.admin.selection import Selection
from globaldns.errors import InvalidHost, RequestRefused
from globaldns.model.export import Endpoint
from globaldns.model.lost import Standing
from globaldns.model.view import Remove
from tests.registry.mesh import both, claim, export, remember, service, vip

ZONES = ("global", "mesh.example")
REVIEWS = "reviews.bookinfo"


def report(mesh, host=REVIEWS):
    unwritten = collect_unwritten(mesh.registry.unwritten)
    return report_service(mesh.services[host], mesh.registry.claims, unwritten)


def test_a_service_is_told_with_all_that_makes_it(mesh):
    found = report(mesh)
    assert found.names == ("reviews.bookinfo.global", "reviews.bookinfo.mesh.example")
    assert (found.state, found.rule, len(found.vips)) == ("ready", "given", 1)
    assert (found.clusters, found.endpoints, found.ready) == (("east", "west"), 4, 4)
    assert found.ports == (PortReport(number=80, name="http", protocol="HTTP", transport="tcp"),)
    assert (found.allocated_at, found.changed_at) == ("1970-01-01T00:00:10Z",) * 2
    assert [conflict.loser_cluster for conflict in found.conflicts] == ["west"]
    assert (found.contributions[0].cluster, found.would_get) == ("east", ())


def test_a_service_is_as_old_as_the_vip_that_it_has_now(mesh, renumber):
    renumber(mesh.registry, REVIEWS, 70)
    mesh.services = mesh.registry.services
    assert report(mesh).allocated_at == "1970-01-01T00:01:10Z"


def test_a_host_whose_number_is_not_remembered_shows_the_one_it_would_get(unnumbered):
    waiting = report(unnumbered)
    assert (waiting.state, waiting.vips, waiting.allocated_at) == ("unnumbered", (), None)
    registry = unnumbered.registry
    registry.acknowledge(registry.unwritten, 10)
    unnumbered.services = registry.services
    assert report(unnumbered).vips == waiting.would_get != ()
    assert report(unnumbered).would_get == ()


def test_only_claims_that_stand_promise_an_address():
    claims = [
        claim("a.ns", "240.128.0.1", 5),
        claim("a.ns", "fd00::1", 5),
        claim("b.ns", "240.128.0.2", 5, retired_at=6),
    ]
    assert collect_unwritten(claims) == {"a.ns": (vip("240.128.0.1"), vip("fd00::1"))}


def test_a_contribution_counts_endpoints_and_those_that_are_ready(mesh):
    west = mesh.services[REVIEWS].contributions[1]
    told = report_contribution(west)
    assert (told.cluster, told.object) == ("west", "ServiceEntry bookinfo/reviews")
    assert (told.endpoints, told.ready) == (3, 3)
    assert told.created_at == "1970-01-01T00:00:02Z"
    assert report_contribution(export("a.ns", created_at=None)).created_at is None


def test_a_page_names_the_next_only_when_there_is_one(mesh):
    claims = mesh.registry.claims
    first = report_page(mesh.services, Selection(limit=2), claims, {})
    assert ([item.host for item in first.items], first.next) == (
        ["*.wild", "only.shop"],
        "only.shop",
    )
    last = report_page(mesh.services, Selection(limit=2, after=first.next), claims, {})
    assert ([item.host for item in last.items], last.next) == ([REVIEWS], None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.ns", ("a.ns", "")),
        ("A.ns.Global.", ("a.ns", "global")),
        ("a.ns.mesh.example", ("a.ns", "mesh.example")),
        ("*.ns", ("*.ns", "")),
    ],
)
def test_a_name_is_a_host_with_or_without_its_zone(name, found):
    assert parse_name(name, ZONES) == found


@pytest.mark.parametrize("name", ["", ".", "global", "a..b", "a b", "_x.ns", "ä.ns", "a" * 64])
def test_what_no_host_can_be_is_refused(name):
    with pytest.raises(InvalidHost):
        parse_name(name, ZONES)


@pytest.mark.parametrize("name", [REVIEWS, f"{REVIEWS}.global", f"{REVIEWS.upper()}.MESH.example."])
def test_a_service_is_found_by_exactly_its_host(mesh, name):
    assert find_service(mesh.services, name, ZONES) is mesh.services[REVIEWS]


def test_a_service_is_not_in_a_zone_that_it_is_not_in(mesh):
    with pytest.raises(RequestRefused, match="not in zone global") as caught:
        find_service(mesh.services, "only.shop.global", ZONES)
    assert caught.value.hint == "it is in mesh.example"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.wild", "ask for *.wild"), ("a.b.wild.global", "ask for *.wild"), ("wild", "glob")],
)
def test_what_a_wildcard_covers_is_no_service(mesh, name, advice):
    with pytest.raises(RequestRefused, match="there is no service") as caught:
        find_service(mesh.services, name, ZONES)
    assert advice in caught.value.hint


def test_conflicts_name_both_objects(mesh):
    (found,) = report_conflicts(mesh.registry.conflicts()).items
    assert (found.winner_cluster, found.loser_cluster) == ("east", "west")
    assert found.winner == found.loser == "ServiceEntry bookinfo/reviews"


def test_a_digest_is_of_one_snapshot(mesh):
    pools = mesh.registry.settings.pools
    before = report_digest(mesh.snapshot, zones=ZONES, pools=pools)
    registry = mesh.registry
    remember(registry, registry.apply([Remove("east", "only.shop")], 20), 20)
    after = report_digest(mesh.snapshot, zones=ZONES, pools=pools)
    assert (before.services, after.services, after.serial) == (3, 2, 2026)
    assert before.zone != after.zone


def test_endpoints_that_are_dropped_do_not_count_and_those_that_are_demoted_do():
    ready = (Endpoint("10.0.0.1"), Endpoint("10.0.0.2", ready=False))
    exports = [
        msgspec.structs.replace(export("a.ns", cluster), endpoints=ready)
        for cluster in ("east", "north", "west")
    ]
    standings = (("north", Standing.DEMOTED), ("west", Standing.DROPPED))
    found = msgspec.structs.replace(
        service(both(export("a.ns")), "a.ns"), contributions=tuple(exports), standings=standings
    )
    told = report_service(found, both().claims, {})
    assert (told.endpoints, told.ready) == (4, 2)
    assert [one.standing for one in told.contributions] == ["counted", "demoted", "dropped"]
