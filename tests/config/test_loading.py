"""Configuration files and all that is wrong with them, as tables."""

import subprocess
from pathlib import Path

import pytest

from globaldns.config.loading import load, restart_needed
from globaldns.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "globaldns/example/globaldns.yaml"


def test_the_smallest_file_has_a_default_for_everything_else(files):
    config = files.read(files.minimal)
    assert config.cluster == "east"
    assert [zone.name for zone in config.zones] == ["global"]
    assert config.vips.pools == ("240.128.0.0/10",)
    assert config.vips.quarantine == 7 * 86400
    assert config.dns.listen is None
    assert config.grace == 30.0


def test_every_key_is_read(files):
    config = files.read("""\
cluster: east
state: /var/lib/globaldns
zones: [Global., {name: mesh.example}]
clusters:
  east:
    source: {directory: /manifests}
    network: network1
    gateways: [{address: 203.0.113.1, port: 15444}, {address: GW.example.com}]
    allow: {namespaces: ["team-*"], hosts: ["*.tenants.global"]}
    fenced: true
system_namespace: istio
exports: {annotation: x/y, service_exports: false, service_entries: false, istio_addresses: local}
grace: 5m
vips:
  pools: [10.96.0.0/16, "FD67::/64"]
  reserved: [10.96.1.0/24, 10.96.2.1]
  pins: []
  allow_special: [127.0.0.0/8]
  quarantine: 1h
  ledger: {sqlite: vips.db}
dns:
  listen: ["0.0.0.0:53", "[::0]:53"]
  ttl: 1m
  negative_ttl: 5s
  nameserver: dns
  advertise: ["2001:DB8::1"]
  mailbox: admin
  udp_payload: 4KiB
  nsid: pod-1
  chaos: version
  explain: false
  limits: {tcp_connections: 1, tcp_per_source: 2, error_replies_per_second: 0, records_per_name: 4}
admin: {listen: "127.0.0.1:0"}
lame_duck: 250ms
log: {level: debug, format: json, queries: denial}
""")
    assert [zone.name for zone in config.zones] == ["global", "mesh.example"]
    east = config.clusters["east"]
    assert [(gateway.address, gateway.port) for gateway in east.gateways] == [
        ("203.0.113.1", 15444),
        ("gw.example.com", 15443),
    ]
    assert config.vips.pools == ("10.96.0.0/16", "fd67::/64")
    assert config.vips.reserved == ("10.96.1.0/24", "10.96.2.1/32")
    assert config.dns.listen == ("0.0.0.0:53", "[::]:53")
    assert config.dns.advertise == ("2001:db8::1",)
    assert (config.dns.ttl, config.dns.udp_payload, config.lame_duck) == (60, 4096, 0.25)
    assert (config.log.level, config.log.format, config.log.queries) == ("debug", "json", "denial")


def test_paths_are_relative_to_the_file_and_a_tilde_is_the_home_directory(files):
    config = files.read("""\
cluster: east
state: ../state
clusters:
  east: {source: {directory: manifests/east}}
  west: {source: {directory: ~/west}}
""")
    assert config.state == Path("/etc/globaldns/../state")
    assert config.clusters["east"].source.directory == Path("/etc/globaldns/manifests/east")
    assert config.clusters["west"].source.directory == Path("/home/jo/west")


@pytest.mark.parametrize(
    ("env", "state"),
    [
        ({}, "/home/jo/.local/state/globaldns/east"),
        ({"STATE_DIRECTORY": "/var/lib/globaldns"}, "/var/lib/globaldns/east"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a/east"),
    ],
)
def test_the_default_state_directory_is_one_per_cluster(files, env, state):
    assert files.read(files.minimal, **env).state == Path(state)


def test_a_state_directory_of_the_file_is_taken_as_it_stands(files):
    text = f"{files.minimal}state: /data\n"
    assert files.read(text, STATE_DIRECTORY="/var/lib/globaldns").state == Path("/data")


@pytest.mark.parametrize(
    ("added", "problem"),
    [
        ("dsn: {}", "$.dsn (line 4): unknown key (fix: did you mean dns?)"),
        ("dns: {lisen: []}", "$.dns.lisen (line 4): unknown key (fix: did you mean listen?)"),
        (
            "vips: {ledger: {kubernetes: {}}}",
            "$.vips.ledger.kubernetes (line 4): unknown key (fix: known here: sqlite)",
        ),
        (
            "dns: {listen: [x]}",
            (
                "$.dns.listen[0] (line 4): 'x' is no address:port"
                " (fix: write it like 127.0.0.1:1053 or [::1]:1053)"
            ),
        ),
        (
            'dns: {listen: ["::1:53"]}',
            (
                "$.dns.listen[0] (line 4): '::1:53' is no address:port"
                " (fix: write an IPv6 address in brackets, like [::1]:1053)"
            ),
        ),
        (
            'dns: {listen: ["*:53"]}',
            (
                "$.dns.listen[0] (line 4): '*:53' is no address:port"
                " (fix: for every address write 0.0.0.0:53 and [::]:53)"
            ),
        ),
        (
            'dns: {listen: "127.0.0.1:53"}',
            "$.dns.listen (line 4): '127.0.0.1:53' is no list (fix: write ['127.0.0.1:53'])",
        ),
        ("dns: {listen: []}", "$.dns.listen (line 4): no address to listen on"),
        ("grace: 30", "$.grace (line 4): 30 has no unit (fix: write 30s)"),
        ("grace: soon", "$.grace (line 4): 'soon' is no duration"),
        ("grace: 2h", "$.grace (line 4): 2h is too large (fix: at most 1h)"),
        ("dns: {ttl: 1500ms}", "$.dns.ttl (line 4): '1500ms' is no whole number of seconds"),
        ("dns: {ttl: 0s}", "$.dns.ttl (line 4): 0s is too small (fix: at least 1s)"),
        ("dns: {udp_payload: 64kB}", "$.dns.udp_payload (line 4): '64kB' is no size"),
        ("dns: {udp_payload: 64KiB}", "$.dns.udp_payload (line 4): 64KiB is too large"),
        ("dns: {explain: yes}", "$.dns.explain (line 4): 'yes' is not true or false"),
        ("dns: {nsid: 1.10}", '$.dns.nsid (line 4): 1.1 is no short text (fix: write "1.1"'),
        ("dns: {nameserver: a.b}", "$.dns.nameserver (line 4): 'a.b' is no label"),
        ("dns: {chaos: hiden}", "$.dns.chaos (line 4): 'hiden' is none of hidden, version"),
        ("dns:", "$.dns (line 4): nothing is no mapping"),
        ("dns: {limits: {tcp_connections: true}}", "$.dns.limits.tcp_connections (line 4): true"),
        ("dns: {limits: {tcp_connections: 0}}", "$.dns.limits.tcp_connections (line 4): 0 is too"),
        ("dns: {advertise: [ns1]}", "$.dns.advertise[0] (line 4): 'ns1' is no IP address"),
        ("admin: {listen: localhost:80}", "$.admin.listen (line 4): 'localhost:80' is no address"),
        ("log: {level: warn}", "$.log.level (line 4): 'warn' is none of debug, info, warning,"),
        ("zones: []", "$.zones (line 4): no zone is served"),
        ("zones: [.]", "$.zones[0].name (line 4): the root cannot be a zone of ours"),
        ("zones: [a b]", "$.zones[0].name (line 4): 'a b' is no domain name"),
        ("zones: [{name: a, ttl: 3s}]", "$.zones[0].ttl (line 4): unknown key"),
        ("zones: [global, a.global]", "$.zones[1] (line 4): 'a.global' lies below 'global'"),
        ("zones: [a.global, global]", "$.zones[1] (line 4): 'global' lies above 'a.global'"),
        ("zones: [global, GLOBAL]", "$.zones[1] (line 4): 'global' is listed twice"),
        ("vips: {pools: [240.0.0.1/10]}", "$.vips.pools[0] (line 4): '240.0.0.1/10' is no CIDR"),
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
        ("vips: {quarantine: 4m}", "$.vips.quarantine (line 4): 4m is shorter than 10 times"),
        ("vips: {ledger: {sqlite: a/b}}", "$.vips.ledger.sqlite (line 4): 'a/b' is no file name"),
        (
            'dns: {listen: ["127.0.0.1:8053"]}',
            "$.admin.listen (line 1): '127.0.0.1:8053' is in dns.listen too",
        ),
        (
            'dns: {listen: ["127.0.0.1:53", "127.0.0.1:53"]}',
            "$.dns.listen[1] (line 4): '127.0.0.1:53' is listed twice",
        ),
        ("exports: {annotation: /x}", "$.exports.annotation (line 4): '/x' is no annotation key"),
        ("state: ~sam/x", "$.state (line 4): ~sam in '~sam/x' is unknown"),
    ],
)
def test_one_mistake_gives_one_problem_with_place_value_and_remedy(files, added, problem):
    (found,) = files.problems_with(added)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        ("{}", "$.clusters (line 2): no cluster is listed"),
        ("{west: {source: {directory: w}}}", "$.cluster (line 1): 'east' is none of the clusters"),
        ("[east]", "$.clusters (line 2): ['east'] is no mapping"),
        ("{east: {}}", "$.clusters.east.source (line 2): is missing"),
        ("{east: {source: {}}}", "$.clusters.east.source.directory (line 2): is missing"),
        (
            "{east: {source: {directory: e}, gateways: [{address: 1.2.3.4, port: 70000}]}}",
            "$.clusters.east.gateways[0].port (line 2): 70000 is too large (fix: at most 65535)",
        ),
        (
            "{east: {source: {directory: e}, gateways: [{address: 1.2.3}]}}",
            "$.clusters.east.gateways[0].address (line 2): '1.2.3' is no IP address",
        ),
        (
            "{east: {source: {directory: e}, allow: {hosts: [db.local]}}}",
            "$.clusters.east.allow.hosts[0] (line 2): 'db.local' matches no host of a served zone",
        ),
        (
            "{east: {source: {directory: e}, allow: {hosts: ['[a].global']}}}",
            "$.clusters.east.allow.hosts[0] (line 2): '[a].global' is no pattern",
        ),
        (
            '{east: {source: {directory: e}}, "a.b": {source: {directory: 1}}}',
            '$.clusters["a.b"].source.directory (line 2): 1 is no path',
        ),
        (
            '{east: {source: {directory: e}}, "a/b": {source: {directory: e}}}',
            "$.clusters[\"a/b\"] (line 2): 'a/b' is no cluster id",
        ),
    ],
)
def test_one_mistake_in_the_clusters_gives_one_problem(files, clusters, problem):
    (found,) = files.problems(f"cluster: east\nclusters: {clusters}\n")
    assert found.startswith(problem)


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


def test_all_problems_are_found_in_one_run_in_the_order_of_the_lines(files):
    problems = files.problems("""\
clutser: east
clusters:
  east: {source: {dir: x}}
grace: 30
zones: [a, b.a]
vips:
  pools: [10.0.0.0/31, nonsense]
  quarantine: 1m
dns: {listen: [x, "127.0.0.1:53"], ttl: 1m}
""")
    assert [problem.split(": ")[0] for problem in problems] == [
        "$.cluster (line 1)",
        "$.clutser (line 1)",
        "$.clusters.east.source.dir (line 3)",
        "$.clusters.east.source.directory (line 3)",
        "$.grace (line 4)",
        "$.zones[1] (line 5)",
        "$.vips.pools[0] (line 7)",
        "$.vips.pools[1] (line 7)",
        "$.vips.quarantine (line 8)",
        "$.dns.listen[0] (line 9)",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "$: nothing in it, a configuration is one document"),
        ("a: 1\n---\nb: 1\n", "$: 2 documents in it, a configuration is one document"),
        ("- a\n", "$ (line 1): a document must be a mapping"),
        ("cluster: a\ncluster: b\n", "$ (line 2): duplicate"),
        ("cluster: [\n", "$ (line "),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "$ (line 2): merge key <<"),
    ],
)
def test_a_text_that_is_no_configuration_is_refused_with_its_line(files, text, problem):
    (found,) = files.problems(text)
    assert found.startswith(problem)


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert str(caught.value).splitlines() == [
        f"{path}: 1 problem",
        "  $: No such file or directory (fix: name another file with --config)",
    ]


def test_a_file_that_is_no_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"cluster: east\n# caf\xe9\n")
    with pytest.raises(ConfigError, match="line 2 is no UTF-8"):
        load(path, {})


def test_a_file_that_is_far_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "disk.img"
    subprocess.run(["truncate", "-s", "17M", path], check=True)
    with pytest.raises(ConfigError, match="over 16 MiB"):
        load(path, {})


def test_an_error_has_a_line_for_every_problem(tmp_path):
    path = tmp_path / "globaldns.yaml"
    path.write_text("cluster: east\nclusters: {}\ngrace: 1\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {"HOME": "/root"})
    assert len(caught.value.problems) == 2
    assert str(caught.value).startswith(f"{path}: 2 problems\n  $.clusters (line 2): ")


def test_without_a_home_directory_the_default_state_is_a_problem(tmp_path):
    path = tmp_path / "globaldns.yaml"
    path.write_text("cluster: east\nclusters: {east: {source: {directory: e}}}\n")
    with pytest.raises(ConfigError, match=r"\$\.state.*write the whole path"):
        load(path, {})


def test_the_shipped_example_has_no_problem():
    config = load(EXAMPLE, {"HOME": "/root"})
    assert set(config.clusters) == {"east", "west", "flat"}
    assert config.clusters["east"].source.directory == EXAMPLE.parent / "example/east"


@pytest.mark.parametrize(
    ("added", "keys"),
    [
        ("", ()),
        ("vips: {pools: [10.0.0.0/8]}\ngrace: 1s\n", ()),
        ("state: /data\n", ("state",)),
        ("vips: {ledger: {sqlite: x.db}}\n", ("vips.ledger",)),
        ('dns: {listen: ["127.0.0.1:53"]}\nadmin: {listen: "[::1]:80"}', ("dns.listen", "admin.listen")),
    ],
)
def test_a_reload_names_the_keys_that_need_a_restart(files, added, keys):
    assert restart_needed(files.read(files.minimal), files.read(files.minimal + added)) == keys
