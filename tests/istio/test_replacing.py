"""What would be written where a person's entry has the host."""

from __future__ import annotations

from msgspec.structs import replace

from globaldns.istio.notices import Code
from globaldns.istio.replacing import replace_entry
from globaldns.model.address import parse_address
from globaldns.model.export import ExportKind, Port
from tests.istio.sites import route, site
from tests.routing.meshes import HTTP, endpoint, export, service

PERSONS = Port(HTTP.number, "http-of-a-person", "HTTP")
FAR = export("c2a", endpoint("20.0.0.1", "n2"))
ROUTE = export("c1a", kind=ExportKind.ROUTE, ports=(PERSONS,))


def test_where_a_route_goes_the_others_alone_say_what_there_is() -> None:
    both = replace(service(ROUTE, FAR), ports=(PERSONS, HTTP))
    found = replace_entry(both, ROUTE, site("n1"))
    assert found.own is ROUTE
    assert found.route == route(service(FAR), site("n1"))
    assert found.route.bundles != ()


def test_an_export_goes_on_being_one() -> None:
    own = export("c1a", endpoint("10.0.0.1", "n1"), kind=ExportKind.SERVICE_ENTRY)
    found = replace_entry(service(own, FAR), own, site("n1")).route
    entry = found.bundles[0].documents[0]
    assert [one["address"] for one in entry["spec"]["endpoints"]] == ["10.0.0.1", "2.2.2.2"]


def test_nothing_is_in_the_place_of_a_route_to_what_nobody_exports() -> None:
    found = replace_entry(service(ROUTE), ROUTE, site("n1")).route
    assert (found.bundles, found.skipped) == ((), Code.NO_EXPORT)


def test_the_routes_of_former_vips_stand_already() -> None:
    moved = replace(service(ROUTE, FAR), former=(parse_address("240.128.0.7"),))
    assert len(replace_entry(moved, ROUTE, site("n1")).route.bundles) == 1
