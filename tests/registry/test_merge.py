import pytest
from msgspec import structs

from globaldns.model.export import ExportKind, Location, Origin, Port, Resolution, Rival
from globaldns.registry.merge import deciding_export, find_conflicts, merge_ports, merge_zones
from tests.registry.mesh import HTTP, export

EAST, WEST = export("a.ns"), export("a.ns", "west", created_at=2)
ROUTE = export("a.ns", "west", created_at=0, kind=ExportKind.ROUTE)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ([("global",)], ("global",)),
        ([("mesh",), ("global",)], ("global", "mesh")),
        ([("mesh",), ()], ("global", "mesh", "corp")),
        ([("elsewhere",)], ()),
    ],
)
def test_a_host_is_in_all_zones_of_its_exports_in_their_served_order(zones, expected):
    exports = [export("a.ns", zones=one) for one in zones]
    assert merge_zones(exports, ("global", "mesh", "corp")) == expected


def test_a_route_decides_only_where_it_is_alone():
    assert deciding_export([ROUTE, EAST]) is EAST
    assert deciding_export([ROUTE]) is ROUTE


def test_equal_ports_are_one_and_the_same_tuple():
    assert merge_ports([EAST, WEST]) is EAST.ports


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, []),
        ({"ports": (*HTTP, Port(9, "admin"))}, []),
        ({"ports": (Port(81, "http", "HTTP"),)}, ["port-number"]),
        ({"ports": (Port(80, "http", "TCP"),)}, ["port-protocol"]),
        ({"resolution": Resolution.DNS}, []),
        ({"resolution": Resolution.NONE}, ["resolution"]),
        ({"location": Location.MESH_EXTERNAL}, ["location"]),
    ],
)
def test_what_two_exports_may_not_disagree_on(changes, rules):
    found = find_conflicts([EAST, structs.replace(WEST, **changes)], ())
    assert [(c.rule, c.winner_cluster, c.loser_cluster) for c in found] == [
        (rule, "east", "west") for rule in rules
    ]


def test_a_route_is_the_clients_side_and_contradicts_nobody():
    other = structs.replace(ROUTE, resolution=Resolution.NONE, location=Location.MESH_EXTERNAL)
    assert find_conflicts([other, EAST], ()) == ()


def test_what_one_cluster_offers_twice_is_a_conflict_inside_it():
    rival = Rival(Origin("Service", "ns", "a", "s.yaml"), "a ServiceEntry beats a Service")
    (found,) = find_conflicts([structs.replace(EAST, rivals=(rival,))], ())
    assert found.rule == "duplicate-export"
    assert (found.winner_cluster, found.loser_cluster) == ("east", "east")
    assert (found.winner, found.loser) == (EAST.origin, rival.origin)
    assert found.detail == "a.ns is offered twice, a ServiceEntry beats a Service"
