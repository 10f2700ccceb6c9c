"""Configuration files and all that is wrong with them, as tables."""

import subprocess
from pathlib import Path

import pytest

from globaldns.config.loading import inspect_text, load, restart_needed
from globaldns.config.problem import Problem
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
    assert str(caught.value) == f"{path}: no such file or directory"
    assert caught.value.hint == "name another file with --config"


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
        (
            'dns: {listen: ["127.0.0.1:53"]}\nadmin: {listen: "[::1]:80"}',
            ("dns.listen", "admin.listen"),
        ),
        ("dns: {tls: {certificate: a.crt, key: a.key}}", ("dns.tls.listen",)),
        ("dns: {workers: auto}", ("dns.workers",)),
        ("dns: {workers: 1}", ()),
    ],
)
def test_a_reload_names_the_keys_that_need_a_restart(files, added, keys):
    assert restart_needed(files.read(files.minimal), files.read(files.minimal + added)) == keys


def test_another_certificate_is_no_reason_for_a_restart(files):
    old, new = (
        files.read(f"{files.minimal}dns: {{tls: {{certificate: {name}.crt, key: {name}.key}}}}")
        for name in "ab"
    )
    assert restart_needed(old, new) == ()


def test_what_is_looked_at_beyond_the_file_is_told_with_it_and_only_problems_refuse(files):
    def look(config):
        assert config.cluster == "east"
        yield Problem("$.grace", "is odd", is_fatal=False)
        yield Problem("$.cluster", "is wrong")

    def inspect(text, look):
        return inspect_text(text, folder=files.folder, env={"HOME": "/"}, look=look)

    refused = inspect(f"{files.minimal}grace: 5s\nzonen: []", look)
    assert refused.config is None
    assert [str(one) for one in refused.problems] == [
        "$.cluster (line 1): is wrong",
        "$.zonen (line 5): unknown key (fix: did you mean zones?)",
    ]
    assert [str(one) for one in refused.warnings] == ["$.grace (line 4): is odd"]
    taken = inspect(files.minimal, lambda config: list(look(config))[:1])
    assert taken.config is not None
    assert (taken.problems, len(taken.warnings)) == ((), 1)
