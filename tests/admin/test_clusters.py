from __future__ import annotations

import msgspec
import pytest

from globaldns.admin.clusters import report_clusters
from globaldns.admin.reports import GatewayReport
from globaldns.config.schema import NetworkId
from globaldns.model.export import Endpoint, Gateway, Origin
from globaldns.model.view import Fence, Freshness, SetFences, SetGateways, SourceState
from tests.registry.mesh import export, reset


def by_id(mesh):
    return {report.cluster: report for report in report_clusters(mesh)}


def test_every_configured_cluster_is_there_and_our_own_is_marked(mesh):
    reports = report_clusters(mesh)
    assert [(r.cluster, r.own) for r in reports] == [
        ("east", True),
        ("north", False),
        ("west", False),
    ]
    assert [r.source for r in reports] == [
        f"directory /etc/globaldns/{name}" for name in ("east", "north", "west")
    ]
    assert [r.exports for r in reports] == [3, 0, 1]


def test_a_source_stands_as_its_freshness_says(mesh):
    mesh.freshness_known = {
        "east": Freshness("east", SourceState.SYNCED, 60),
        "west": Freshness("west", SourceState.SILENT, 0, "it does not answer"),
    }
    reports = by_id(mesh)
    assert (reports["east"].state, reports["east"].contact) == ("synced", "1970-01-01T00:01:00Z")
    assert (reports["west"].reason, reports["west"].contact) == (
        "it does not answer",
        "1970-01-01T00:00:00Z",
    )
    assert (reports["north"].state, reports["north"].contact) == ("waiting", None)


def test_a_fence_counts_wherever_it_was_said(mesh):
    assert not by_id(mesh)["west"].fenced
    word = Fence("west", fenced=True, at=20, origin=Origin("ClusterFence", "", "west"))
    mesh.turn(lambda registry: registry.apply([SetFences("north", (word,))], 20))
    assert {name: report.fenced for name, report in by_id(mesh).items()} == {
        "east": False,
        "north": False,
        "west": True,
    }
    assert by_id(mesh)["west"].exports == 1


def test_the_network_is_the_configured_one_else_what_most_endpoints_name(mesh):
    networks = {name: report.network for name, report in by_id(mesh).items()}
    assert networks == {"east": "network1", "north": "", "west": "network2"}
    clusters = mesh.config.clusters
    west = msgspec.structs.replace(clusters["west"], network=NetworkId("network9"))
    mesh.config = msgspec.structs.replace(mesh.config, clusters={**clusters, "west": west})
    assert by_id(mesh)["west"].network == "network9"


@pytest.mark.parametrize("networks", [("b", "a"), ("a", "b")])
def test_of_two_networks_that_are_named_as_often_one_is_taken_whatever_came_first(mesh, networks):
    endpoints = tuple(Endpoint("192.0.2.1", network=network) for network in networks)
    evenly = msgspec.structs.replace(export("a.ns", "north"), endpoints=endpoints)
    mesh.turn(lambda registry: registry.apply([reset("north", evenly)], 20))
    assert by_id(mesh)["north"].network == "a"


def test_the_gateways_are_those_that_the_cluster_says(mesh):
    gateway = Gateway("network1", "203.0.113.1", 15443, "east")
    mesh.turn(lambda registry: registry.apply([SetGateways("east", (gateway,))], 20))
    assert by_id(mesh)["east"].gateways == (
        GatewayReport(network="network1", address="203.0.113.1", port=15443),
    )
    assert by_id(mesh)["west"].gateways == ()
