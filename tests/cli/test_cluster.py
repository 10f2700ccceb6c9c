"""How the clusters stand, and taking one out of all answers."""

from __future__ import annotations

import json

import msgspec
import pytest

from globaldns.admin.reports import (
    ClusterList,
    ClusterReport,
    FenceReport,
    GatewayReport,
    RefusedSecretReport,
)
from globaldns.cli.cluster import COLUMNS, format_fence, to_row
from globaldns.model.claim import format_time

NOW = 1_767_323_045
WEST = ClusterReport(
    cluster="west",
    own=False,
    source="directory example/west",
    state="synced",
    reason="",
    contact=format_time(NOW - 90),
    fenced=False,
    network="network2",
    exports=4,
    gateways=(GatewayReport("network2", "203.0.113.20", 15443),),
)
TROUBLED = "203.0.113.21(down),gw.example(unresolved),203.0.113.20"
NEVER = ClusterReport(
    cluster="stage",
    own=False,
    source="directory example/stage",
    state="waiting",
    reason="",
    contact=None,
    fenced=True,
    network="",
    exports=0,
    gateways=(),
    lost=True,
)


@pytest.mark.parametrize(
    ("report", "row"),
    [
        (WEST, "west synced 90s 4 network2 203.0.113.20 no directory example/west"),
        (
            msgspec.structs.replace(WEST, settings_differ=("pools",)),
            (
                "west synced,differs 90s 4 network2 203.0.113.20 no directory example/west "
                "configured with other pools than ours"
            ),
        ),
        (
            msgspec.structs.replace(WEST, state="silent", reason="it does not answer", lost=True),
            (
                "west silent,lost 90s 4 network2 203.0.113.20 no directory example/west "
                "it does not answer"
            ),
        ),
        (
            msgspec.structs.replace(WEST, doubt="partial"),
            (
                "west synced 90s 4 network2 203.0.113.20 no directory example/west "
                "not all of it was ever read: a name that nobody has is SERVFAIL"
            ),
        ),
        (
            msgspec.structs.replace(WEST, own=True, ledger="may not be written (bind a role)"),
            (
                "west synced,unwritten 90s 4 network2 203.0.113.20 no directory example/west "
                "may not be written (bind a role)"
            ),
        ),
        (
            msgspec.structs.replace(WEST, restored_at=format_time(NOW)),
            (
                "west synced,restored 90s 4 network2 203.0.113.20 no directory example/west "
                f"went back at {format_time(NOW)}, as when etcd is restored from a backup"
            ),
        ),
        (
            msgspec.structs.replace(WEST, double_of="east"),
            "west synced,double(east) 90s 4 network2 203.0.113.20 no directory example/west",
        ),
        (
            msgspec.structs.replace(
                WEST,
                gateways=(
                    GatewayReport("network2", "203.0.113.20", 15443, state="up"),
                    GatewayReport("network2", "203.0.113.21", 15443, state="down"),
                    GatewayReport("network2", "gw.example", 15443, unresolved="NXDOMAIN"),
                ),
            ),
            f"west synced 90s 4 network2 {TROUBLED} no directory example/west",
        ),
        (
            msgspec.structs.replace(
                WEST,
                gateways=(
                    GatewayReport("network2", "203.0.113.20", 15443, state="up"),
                    GatewayReport("network2", "gw.example", 15443, down={"1.2.3.4": "-"}),
                ),
            ),
            (
                "west synced 90s 4 network2 gw.example(1.2.3.4 down),203.0.113.20 no "
                "directory example/west"
            ),
        ),
        (
            NEVER,
            (
                "stage waiting,lost <none> 0 <none> <none> yes directory example/stage "
                "not in contact for lost.after"
            ),
        ),
    ],
)
def test_a_cluster_is_shown_with_the_age_of_its_data_whatever_its_state(report, row):
    assert " ".join(to_row(report, NOW)).rstrip() == row


def test_a_remote_secret_that_is_not_used_is_shown_below(command, own_api):
    refused = RefusedSecretReport("Secret w", "west", "it is no YAML", "make it again")
    own_api.put("/api/v1/clusters", ClusterList(items=(WEST,), refused_secrets=(refused,)))
    printed = command("cluster", "list")
    assert printed.exit_code == 0
    head, row = printed.stdout.splitlines()[-2:]
    assert head.split()[:3] == ["REMOTE", "SECRET", "CLUSTER"]
    assert row.split("   ")[0] == "Secret w"
    assert row.endswith("it is no YAML (fix: make it again)")
    (shown,) = json.loads(command("cluster", "list", "-o", "json").stdout)["refused_secrets"]
    assert shown["cluster"] == "west"


def test_clusters_are_listed_from_the_files(command):
    printed = command("cluster", "list", "--server", "none")
    lines = [line.split() for line in printed.stdout.splitlines()]
    assert tuple(lines[0]) == COLUMNS
    assert [line[:2] for line in lines[1:]] == [
        ["east", "synced"],
        ["flat", "synced"],
        ["west", "synced"],
    ]


def test_clusters_are_listed_as_a_server_says(command, own_api):
    own_api.put("/api/v1/clusters", ClusterList(items=(WEST, NEVER)))
    (west, stage) = json.loads(command("cluster", "list", "-o", "json").stdout)["clusters"]
    assert (west["cluster"], west["lost"]) == ("west", False)
    assert (stage["cluster"], stage["lost"]) == ("stage", True)


def test_a_running_server_fences_and_its_word_is_shown(command, control):
    printed = command("cluster", "fence", "west")
    lines = printed.stdout.splitlines()
    assert lines[0].startswith("west is fenced: 20 services without it from now on")
    assert lines[1] == "exported by no other cluster, so absent: 12"
    assert (lines[2], lines[-1], len(lines)) == ("  h00.ns", "  and 2 more", 13)
    assert "done by the server" in printed.stderr
    assert json.loads(command("cluster", "unfence", "west", "-o", "json").stdout)["fenced"] is False
    assert control.fences == [("west", True), ("west", False)]


def test_a_running_server_forgets(command, control):
    assert command("cluster", "forget", "gone", "--yes").stdout.splitlines() == [
        "gone is forgotten: 2 VIPs released",
        "claimed by no other cluster, so resting: 1",
        "  a.ns",
    ]
    printed = command("cluster", "forget", "gone", "--yes", "-o", "json")
    assert (printed.exit_code, json.loads(printed.stdout)["vips"]) == (0, 2)
    assert control.forgotten == ["gone", "gone"]


def test_what_to_forget_would_do_is_shown_before_anything_is_done(command, control):
    printed = command("cluster", "forget", "gone")
    assert printed.exit_code == 1
    assert printed.stdout.splitlines() == [
        "gone would be forgotten: 2 VIPs released",
        "claimed by no other cluster, so resting: 1",
        "  a.ns",
    ]
    assert "error: gone is not forgotten yet" in printed.stderr
    assert "hint: globaldns cluster forget gone --yes does it" in printed.stderr
    printed = command("cluster", "forget", "gone", "-o", "json")
    assert (printed.exit_code, json.loads(printed.stdout)["done"]) == (1, False)
    assert control.forgotten == []


@pytest.mark.parametrize(
    ("spread", "said"),
    [
        ({}, []),
        (
            {"north": "its account may not write there", "east": ""},
            [
                "the word stands in east: whoever reads one of them obeys it",
                "not in north: its account may not write there",
            ],
        ),
        (
            {"east": "no answer within 10 s"},
            [
                "the word stands in no cluster: this server alone obeys it",
                "not in east: no answer within 10 s",
            ],
        ),
    ],
)
def test_that_a_rebuilt_cluster_is_accepted_is_told_with_who_hears_of_it(
    command, control, spread, said
):
    control.spread = spread
    printed = command("cluster", "forget", "west")
    assert printed.stdout == (
        "west is taken as it is now (kube-system has UID u-2): what it was before it was rebuilt "
        "ends\n"
    )
    assert control.accepted == ["u-2"], "the one that was foreseen"
    assert printed.stderr.splitlines()[1:] == said


def test_without_a_server_a_fence_is_kept_for_the_next(command, mesh):
    fenced = command("cluster", "fence", "west")
    assert "west is fenced: 4 services" in fenced.stdout
    assert f"no server runs: kept in {mesh.state} for the next" in fenced.stderr
    rows = command("cluster", "list").stdout.splitlines()
    assert [row.split()[-3] for row in rows[1:]] == ["no", "no", "yes"]
    assert command("cluster", "fence", "west").stdout == "west is fenced already\n"
    assert "so back: 2" in command("cluster", "unfence", "west").stdout
    assert command("cluster", "unfence", "west").stdout == "west is not fenced\n"


def test_without_a_server_a_dropped_cluster_is_forgotten(command, remembered):
    kept = {name: one for name, one in remembered.settings["clusters"].items() if name != "flat"}
    remembered.configure(clusters=kept)
    for _ in range(2):
        foreseen = command("cluster", "forget", "flat")
        assert foreseen.exit_code == 1
        assert foreseen.stdout == "flat would be forgotten: 2 VIPs released\n"
    forgotten = command("cluster", "forget", "flat", "--yes")
    assert (forgotten.exit_code, forgotten.stdout) == (0, "flat is forgotten: 2 VIPs released\n")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("fence", "nope"), "'nope' is no configured cluster", "the clusters are east, flat, west"),
        (("unfence", "flat"), "flat is fenced by the configuration", "clusters.flat.fenced"),
        (("forget", "west"), "west is configured", "globaldns cluster fence west"),
        (("forget", "nope"), "no cluster 'nope' that was dropped has a VIP", "none does"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_remedy(command, mesh, arguments, error, hint):
    mesh.settings["clusters"]["flat"]["fenced"] = True
    mesh.configure()
    printed = command("cluster", *arguments)
    assert printed.exit_code == 1
    assert f"error: {error}" in printed.stderr
    assert hint in printed.stderr.partition("hint: ")[2]


def test_a_fence_that_nobody_is_hurt_by_is_one_line():
    report = FenceReport(cluster="west", fenced=False, changed=True, at="", services=1, alone=())
    assert format_fence(report) == "west is fenced no more: 1 service with it from now on"
