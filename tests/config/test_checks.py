"""What keys must be to each other: every rule in one row, and where it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.config.checks import check
from globaldns.config.schema import (
    AdminSettings,
    Allow,
    ClusterSettings,
    Config,
    DnsSettings,
    SourceSettings,
    VipSettings,
    Zone,
)

HERE = SourceSettings(directory=Path("east"))


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        ("dns: {listen: []}", "$.dns.listen (line 4): is empty (fix: write [127.0.0.1:1053])"),
        ("zones: []", "$.zones (line 4): is empty (fix: write [global])"),
        ("zones: [global, a.global]", "$.zones[1] (line 4): 'a.global' lies below 'global'"),
        ("zones: [a.global, global]", "$.zones[1] (line 4): 'global' lies above 'a.global'"),
        (
            "zones: [svc.cluster.local]",
            "$.zones[0] (line 4): 'svc.cluster.local' would take cluster.local (the names of a",
        ),
        ("zones: [global, local]", "$.zones[1] (line 4): 'local' would take cluster.local (the"),
        ("zones: [{name: Cluster.Local.}]", "$.zones[0] (line 4): 'cluster.local' would take"),
        (
            "zones: [{name: local, namespaces: [shop, cluster]}]",
            "$.zones[0] (line 4): 'cluster.local' would take cluster.local (the names of a cluster",
        ),
        ("zones: [arpa]", "$.zones[0] (line 4): 'arpa' would take in-addr.arpa (the names of addr"),
        ("zones: [0.ip6.arpa]", "$.zones[0] (line 4): '0.ip6.arpa' would take ip6.arpa (the names"),
        ("zones: [global, GLOBAL]", "$.zones[1] (line 4): 'global' is listed twice"),
        ("vips: {pools: [10.0.0.0/31]}", "$.vips.pools[0] (line 4): 10.0.0.0/31 is too small"),
        (
            "vips: {pools: [10.0.0.0/8, 10.1.0.0/16]}",
            "$.vips.pools[1] (line 4): 10.1.0.0/16 overlaps the pool 10.0.0.0/8",
        ),
        (
            "vips: {pools: [240.0.0.0/8]}",
            "$.vips.pools[0] (line 4): 240.0.0.0/8 touches 240.240.0.0/16 (Istio's own allocation)",
        ),
        ("vips: {pools: [224.1.0.0/16]}", "$.vips.pools[0] (line 4): 224.1.0.0/16 touches 224.0"),
        ("vips: {pools: ['2001:2::/64']}", "$.vips.pools[0] (line 4): 2001:2::/64 touches 2001:2"),
        ("vips: {reserved: [10.0.0.0/8]}", "$.vips.reserved[0] (line 4): 10.0.0.0/8 lies in no"),
        ("vips: {pins: [127.0.0.0/24]}", "$.vips.pins[0] (line 4): 127.0.0.0/24 lies in 127.0.0"),
        ('envoy: {gateway: "0.0.0.0:0"}', "$.envoy.gateway (line 4): '0.0.0.0:0' has port 0"),
        ("envoy: {key: /x/key.pem}", "$.envoy.key (line 4): /x/key.pem is not in the certificate"),
        ("vips: {quarantine: 4m}", "$.vips.quarantine (line 4): 4m is shorter than 10 times"),
        (
            'dns: {listen: ["127.0.0.1:8053"]}',
            "$.admin.listen (line 1): '127.0.0.1:8053' is in dns.listen too",
        ),
        (
            'dns: {listen: ["127.0.0.1:53", "127.0.0.1:53"]}',
            "$.dns.listen[1] (line 4): '127.0.0.1:53' is listed twice",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_one_problem_at_one_of_them(files, added, problem):
    (found,) = files.problems_with(added)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        ("{}", "$.clusters (line 2): is empty (fix: cluster id: settings)"),
        (
            "{east: {source: {directory: e, kubernetes: {}}}}",
            "$.clusters.east.source (line 2): a directory and an API server (fix: choose one)",
        ),
        (
            "{east: {source: {directory: e}}, west: {}}",
            "$.clusters.west.source (line 2): is missing (fix: a directory, or kubernetes: {})",
        ),
        ("{west: {source: {directory: w}}}", "$.cluster (line 1): 'east' is none of the clusters"),
        (
            "{east: {source: {directory: e}, allow: {hosts: [db.local]}}}",
            "$.clusters.east.allow.hosts[0] (line 2): 'db.local' matches no host of a served zone",
        ),
        (
            "{east: {source: {directory: e}, lost: {names: {expire: 50s}}}}",
            "$.clusters.east.lost.names.expire (line 2): 50s is before the cluster is lost (fix:",
        ),
        (
            "{east: {source: {directory: e}, lost: {after: 2m, endpoints: {demote: 1m}}}}",
            "$.clusters.east.lost.endpoints.demote (line 2): 1m is before the cluster is lost",
        ),
        (
            "{east: {source: {directory: e}, lost: {endpoints: {demote: 1h, expire: 1h}}}}",
            "$.clusters.east.lost.endpoints.expire (line 2): 1h is not after demote (fix: more th",
        ),
        (
            "{east: {source: {directory: e}, control_plane: west}}",
            "$.clusters.east.control_plane (line 2): 'west' is no cluster (fix: name one below",
        ),
    ],
)
def test_clusters_that_do_not_go_together_are_one_problem(files, clusters, problem):
    (found,) = files.problems(f"cluster: east\nclusters: {clusters}\n")
    assert found.startswith(problem)


def test_in_front_of_a_chosen_namespace_there_is_room_for_who_answers(files):
    zone, longest = ".".join(["z" * 61] * 3), "n" * 55
    assert len(f"_globaldns.{longest}.{zone}") == 252
    told = f"zones: [{{name: {zone}, namespaces: [ns, {longest}n]}}]"
    assert files.problems_with(told) == []
    (problem,) = files.problems_with(told.replace("n]", "nn]"))
    assert problem.startswith("$.zones[0].namespaces[1] (line 4): _globaldns.nnn")
    assert "… has 254 octets, a name may have 253 (fix: who answers is said there" in problem


def test_what_is_not_the_clusters_may_be_a_zone(files):
    zones = "[global, clusterset.local, {name: my.local, namespaces: [a]}]"
    assert files.problems_with(f"zones: {zones}") == []
    assert files.problems_with("zones: [{name: local, namespaces: [shop, clusters]}]") == []


def test_who_is_served_by_another_serves_nobody(files):
    east = "{source: {directory: e}, control_plane: west}"
    west, flat = east.replace("west", "flat"), "{source: {directory: f}}"
    text = f"cluster: east\nclusters: {{east: {east}, west: {west}, flat: {flat}}}\n"
    (found,) = files.problems(text)
    path = "$.clusters.east.control_plane (line 2)"
    assert found == f"{path}: west is itself served by flat (fix: name flat, or none)"


@pytest.mark.parametrize("serving", ["{}", "{control_plane: west}"])
def test_a_control_plane_may_serve_other_clusters_and_say_so_of_its_own(files, serving):
    west = serving.replace("{", "{source: {directory: w}, ").replace(", }", "}")
    east = "{source: {directory: e}, control_plane: west}"
    text = f"cluster: east\nclusters: {{east: {east}, west: {west}}}\n"
    assert files.problems(text) == []


@pytest.mark.parametrize("pattern", ["*", "*.global", "*.tenants.global", "db?.x.global", "a.*"])
def test_a_pattern_that_can_match_a_host_of_a_zone_is_accepted(files, pattern):
    allow = f"allow: {{hosts: ['{pattern}']}}"
    text = f"cluster: east\nclusters: {{east: {{source: {{directory: e}}, {allow}}}}}"
    assert files.read(text).clusters["east"].allow.hosts == (pattern,)


def test_allow_special_lets_a_pool_touch_what_it_names_and_nothing_else(files):
    half = "vips: {pools: [240.240.0.0/15], allow_special: [240.240.0.0/17]}"
    whole = "vips: {pools: [240.240.0.0/15], allow_special: [240.240.0.0/16]}"
    assert files.problems_with(half) != []
    assert files.problems_with(whole) == []


@pytest.mark.parametrize("pattern", ["global", "x.*.local", "*lobal.x", "xglobal", "a.global."])
def test_a_pattern_that_can_match_no_host_is_refused_with_one_that_can(files, pattern):
    allow = f"allow: {{hosts: ['{pattern}']}}"
    (found,) = files.problems(
        f"cluster: east\nclusters: {{east: {{source: {{directory: e}}, {allow}}}}}"
    )
    assert f"'{pattern}' matches no host" in found
    assert f"like {pattern.rstrip('.')}.global)" in found


@pytest.mark.parametrize(
    "added",
    [
        "zones: [global, xglobal, global.x]",
        "vips: {pools: [10.0.0.0/30, 10.0.0.4/30, fd00::/64], reserved: [10.0.0.4/31, fd00::1]}",
        "vips: {pools: [127.0.0.0/16], allow_special: [127.0.0.0/8]}",
        "vips: {pins: [240.0.0.0/4, 126.0.0.0/7]}",
        "vips: {pins: [127.0.0.0/24], allow_special: [127.0.0.0/8]}",
        "vips: {quarantine: 5m}",
        "dns: {ttl: 1s, negative_ttl: 2s}\nvips: {quarantine: 20s}",
        'dns: {listen: ["127.0.0.1:0", "127.0.0.1:0"]}\nadmin: {listen: "127.0.0.1:0"}',
    ],
)
def test_keys_that_only_just_go_together_are_no_problem(files, added):
    assert files.problems_with(added) == []


@pytest.mark.parametrize(
    "lost",
    [
        "{names: {expire: 60s}, endpoints: {expire: 60s}}",
        "{after: 45s, endpoints: {demote: 45s, expire: 46s}}",
        "{after: 5m, names: drop, endpoints: drop}",
        "{endpoints: {}}",
    ],
)
def test_a_lost_cluster_may_be_dropped_as_soon_as_it_is_lost(files, lost):
    clusters = f"{{east: {{source: {{directory: e}}, lost: {lost}}}}}"
    assert files.problems(f"cluster: east\nclusters: {clusters}\n") == []


def test_the_rest_of_a_vip_outlasts_the_largest_ttl_of_both_kinds(files):
    (found,) = files.problems_with("dns: {ttl: 1s, negative_ttl: 1h}\nvips: {quarantine: 9h}")
    assert "9h is shorter than 10 times the largest TTL (fix: at least 10h" in found


def test_every_zone_is_compared_with_every_one_before_it(files):
    problems = files.problems_with("zones: [a.x, b, x, x]")
    assert [problem.partition(" (line")[0] for problem in problems] == [
        "$.zones[2]",
        "$.zones[3]",
        "$.zones[3]",
    ]


def test_what_could_not_be_read_has_its_problem_already_and_is_passed_over():
    config = Config(
        cluster="",
        clusters={"east": ClusterSettings(source=HERE, allow=Allow(hosts=("",)))},
        zones=(Zone(name="global"), Zone(name=""), Zone(name="")),
        vips=VipSettings(pools=("", ""), reserved=("", "10.0.0.0/8"), pins=("",)),
        dns=DnsSettings(listen=("", "")),
        admin=AdminSettings(listen=""),
    )
    assert check(config) == ()


API = "{east: {source: {kubernetes: {}}}, west: {}}"
FILES = "{east: {source: {directory: e}}, west: {}}"


@pytest.mark.parametrize(
    ("clusters", "added"),
    [
        (API, ""),
        (API, "namespace: dns"),
        (API, "remote_secrets: {namespace: istio-system, allow_exec: true}"),
        (API, "vips: {ledger: {kubernetes: {}}}"),
        (API, "vips: {ledger: {sqlite: here.db}}"),
        (FILES, "remote_secrets: {directory: kubeconfigs}"),
    ],
)
def test_a_cluster_may_be_read_by_what_a_remote_secret_says(files, clusters, added):
    assert files.problems(f"cluster: east\nclusters: {clusters}\nstate: s\n{added}") == []


@pytest.mark.parametrize(
    ("clusters", "added", "problem"),
    [
        (
            API,
            "vips: {ledger: {kubernetes: {}, sqlite: here.db}}",
            "$.vips.ledger (line 4): two ledgers (fix: choose sqlite or kubernetes)",
        ),
        (
            FILES,
            "remote_secrets: {directory: kubeconfigs, namespace: dns}",
            "$.remote_secrets.namespace (line 4): our own cluster has no API server to read",
        ),
    ],
)
def test_what_stands_in_our_own_api_server_wants_one(files, clusters, added, problem):
    (found,) = files.problems(f"cluster: east\nclusters: {clusters}\nstate: s\n{added}")
    assert found.startswith(problem)
