from __future__ import annotations

import msgspec

from globaldns.admin.clusters import list_clusters, report_clusters
from globaldns.admin.reports import GatewayReport
from globaldns.config.kinds import NetworkId
from globaldns.errors import LedgerError
from globaldns.model.export import Gateway, Origin
from globaldns.model.lost import LostRules
from globaldns.model.reach import GatewayState, Reach
from globaldns.model.view import (
    Fence,
    Freshness,
    SetFences,
    SetFreshness,
    SetGateways,
    SetLedger,
    SetNetwork,
    SourceState,
)
from globaldns.sources.secrets import Refused
from tests.registry.mesh import ledger


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


def test_remote_secrets_that_are_not_used_are_listed_with_the_clusters(mesh):
    mesh.refused_secrets = (Refused("Secret w", "west", "it is no YAML", "make it again"),)
    found = list_clusters(mesh)
    assert found.items == report_clusters(mesh)
    (told,) = found.refused_secrets
    assert (told.place, told.cluster, told.reason, told.hint) == (
        "Secret w",
        "west",
        "it is no YAML",
        "make it again",
    )


def test_of_our_own_cluster_it_is_told_why_its_ledger_is_not_written(mesh):
    assert {report.ledger for report in report_clusters(mesh)} == {""}
    mesh.ledger_trouble = LedgerError("nobody may", hint="bind a role")
    assert {name: report.ledger for name, report in by_id(mesh).items()} == {
        "east": "nobody may (bind a role)",
        "north": "",
        "west": "",
    }


def test_a_source_stands_as_its_freshness_says(mesh):
    mesh.freshness_known = {
        "east": Freshness("east", SourceState.SYNCED, 60),
        "west": Freshness("west", SourceState.SILENT, 0, "it does not answer", restored_at=0),
    }
    reports = by_id(mesh)
    assert (reports["east"].restored_at, reports["west"].restored_at) == (
        None,
        "1970-01-01T00:00:00Z",
    )
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


def test_the_network_is_the_configured_one_else_what_the_cluster_says(mesh):
    mesh.turn(lambda registry: registry.apply([SetNetwork("west", "network2")], 20))
    networks = {name: report.network for name, report in by_id(mesh).items()}
    assert networks == {"east": "network1", "north": "", "west": "network2"}
    clusters = mesh.config.clusters
    west = msgspec.structs.replace(clusters["west"], network=NetworkId("network9"))
    mesh.config = msgspec.structs.replace(mesh.config, clusters={**clusters, "west": west})
    assert by_id(mesh)["west"].network == "network9"


def test_the_gateways_are_those_that_the_cluster_says(mesh):
    gateway = Gateway("network1", "203.0.113.1", 15443, "east")
    mesh.turn(lambda registry: registry.apply([SetGateways("east", (gateway,))], 20))
    assert by_id(mesh)["east"].gateways == (
        GatewayReport(
            network="network1", address="203.0.113.1", port=15443, addresses=("203.0.113.1",)
        ),
    )
    assert by_id(mesh)["west"].gateways == ()


def test_a_gateway_is_reached_as_it_was_found_to_be(mesh):
    gateway = Gateway("network2", "gw.example", 15443, "west")
    mesh.turn(lambda registry: registry.apply([SetGateways("west", (gateway,))], 20))
    assert by_id(mesh)["west"].gateways[0].addresses == ()
    bad, down = ("0.0.0.0 is bad",), {"203.0.113.1": "connection refused"}
    reach = Reach(("203.0.113.1",), GatewayState.DOWN, 60, "connection refused", "NXDOMAIN")
    mesh.reach = {gateway: msgspec.structs.replace(reach, left_out=bad, down=down)}
    (found,) = by_id(mesh)["west"].gateways
    assert (found.addresses, found.state, found.since) == (
        ("203.0.113.1",),
        "down",
        "1970-01-01T00:01:00Z",
    )
    assert (found.reason, found.unresolved) == ("connection refused", "NXDOMAIN")
    assert (found.left_out, found.down) == (bad, down)


def test_a_cluster_is_lost_by_its_contact_whatever_its_state(mesh):
    fresh = Freshness("west", SourceState.SYNCED, 5, zones=("global",))
    mesh.turn(lambda registry: registry.apply([SetFreshness(fresh)], 20))
    mesh.turn(lambda registry: registry.reconfigure(lost(registry.settings), 100))
    assert [name for name, report in by_id(mesh).items() if report.lost] == ["west"]


def test_a_cluster_that_is_configured_otherwise_says_in_what(mesh):
    other = msgspec.structs.replace(mesh.registry.settings, quarantine=5, zones=("mesh",))
    said = msgspec.structs.replace(ledger("west"), fingerprint=other.fingerprint)
    mesh.turn(lambda registry: registry.apply([SetLedger("west", said)], 20))
    assert {name: report.settings_differ for name, report in by_id(mesh).items()} == {
        "east": (),
        "north": (),
        "west": ("zones", "quarantine"),
    }


def test_a_cluster_that_counts_under_another_id_says_which_and_is_not_fenced(mesh):
    mesh.turn(lambda registry: registry.count_once({"west": "east"}, 20))
    assert {name: report.double_of for name, report in by_id(mesh).items()} == {
        "east": "",
        "north": "",
        "west": "east",
    }
    assert not by_id(mesh)["west"].fenced


def lost(settings):
    """Return settings with which only west may be lost."""
    west = msgspec.structs.replace(settings.clusters["west"], lost=LostRules())
    return msgspec.structs.replace(settings, clusters={**settings.clusters, "west": west})
