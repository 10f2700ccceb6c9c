"""Every problem at once, and the exit code that says how bad it is."""

import json

import pytest
import yaml

from globaldns.cli.check import verdict
from globaldns.model.finding import Finding, Severity
from tests.certificates import make_pair

ERROR = Finding(Severity.ERROR, "x", "is wrong")
WARNING = Finding(Severity.WARNING, "y", "is odd")
WEB = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {globaldns.io/export: "true"}}
spec: {clusterIP: 10.96.0.10, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
"""
"""A Service with one pod."""


@pytest.mark.parametrize(
    ("findings", "strict", "code"),
    [
        ([], False, 0),
        ([], True, 0),
        ([WARNING], False, 0),
        ([WARNING], True, 3),
        ([ERROR], False, 3),
        ([WARNING, ERROR], False, 3),
    ],
)
def test_errors_count_and_warnings_only_where_they_are_asked_to(findings, strict, code):
    assert verdict(findings, strict=strict) == code


def test_the_example_has_warnings_with_their_places_and_remedies(command):
    printed = command("check")
    assert printed.exit_code == 0
    *unreached, line, total = printed.stdout.splitlines()
    assert [one.split(": ")[2] for one in unreached] == [
        "*.tenants.global",
        "mysqldb.bookinfo.global",
    ]
    assert "httpbin.yaml:13: warning: Service httpbin/httpbin" in line
    assert "(fix: " in line
    assert total == "0 errors, 3 warnings in 12 files"


def test_endpoints_that_no_gateway_leads_to_are_told_of_as_by_export(command):
    checked = command("check").stdout.splitlines()
    exported = command("export", "--cluster", "east").stderr.splitlines()
    told = [one for one in exported if one.endswith("[plaintext]")]
    assert len(told) == 2
    assert [one for one in checked if one.endswith("[plaintext]")] == told


def test_a_warning_is_enough_when_it_is_strict(command):
    assert command("check", "--strict").exit_code == 3


def test_findings_are_values_for_programs(command):
    *_, finding = json.loads(command("check", "-o", "json").stdout)
    assert finding["severity"] == "warning"
    assert finding["line"] == 13


def test_a_manifest_that_does_not_parse_is_an_error_with_its_line(command, mesh):
    (mesh.folder / "example/west/broken.yaml").write_text("kind: Service\nmetadata: [\n")
    printed = command("check")
    assert printed.exit_code == 3
    assert "broken.yaml:" in printed.stdout


def test_a_bad_configuration_is_told_completely_and_alone(command, mesh):
    mesh.configure(grace="soon", zonez=[])
    printed = command("check")
    assert printed.exit_code == 3
    assert "$.grace" in printed.stdout
    assert "$.zonez" in printed.stdout
    assert printed.stdout.splitlines()[-1] == "2 errors, 0 warnings in 1 file"


def test_a_certificate_is_looked_at(command, mesh):
    pair = make_pair(mesh.folder)
    mesh.configure(dns={"tls": {"certificate": "tls.crt", "key": "tls.key"}})
    assert "tls" not in command("check").stdout
    pair.end_on("200101000000Z")
    printed = command("check")
    assert printed.exit_code == 0
    assert "globaldns.yaml:" in printed.stdout
    assert "warning: $.dns.tls.certificate: it expired at 2020-01-01T00:00:00Z" in printed.stdout
    assert printed.stdout.splitlines()[-1].startswith("0 errors, 4 warnings")
    pair.key.write_text("")
    printed = command("check")
    assert printed.exit_code == 3
    assert "error: $.dns.tls.key: " in printed.stdout


def test_files_that_envoys_lack_are_warnings_where_documents_are_kept(command, mesh):
    pair = make_pair(mesh.folder)
    envoy = {"certificate": "tls.crt", "key": "tls.key", "authority": "tls.crt"}
    mesh.configure(envoy=envoy)
    pair.key.unlink()
    assert "no-certificate" not in command("check").stdout
    mesh.configure(envoy={**envoy, "directory": "envoys"})
    printed = command("check")
    assert printed.exit_code == 0
    [line] = [one for one in printed.stdout.splitlines() if "no-certificate" in one]
    assert f"warning: $.envoy.key: {pair.key} is not there" in line


def test_all_problems_are_told_at_once_those_of_the_certificate_too(command, mesh):
    mesh.configure(grace="soon", dns={"tls": {"certificate": "tls.crt", "key": "tls.key"}})
    printed = command("check").stdout
    assert "$.grace" in printed
    assert "$.dns.tls.certificate" in printed
    assert printed.splitlines()[-1] == "3 errors, 0 warnings in 1 file"


def test_what_takes_the_place_of_routes_is_a_warning(command, mesh):
    rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
    rule += "metadata: {name: all, namespace: clients}\nspec: {host: '*.global'}\n"
    (mesh.folder / "example/east/rule.yaml").write_text(rule)
    printed = command("check")
    assert printed.exit_code == 0
    assert "clients in clients obey DestinationRule clients/all" in printed.stdout


def test_a_direct_network_that_is_nowhere_is_a_warning(command, mesh):
    mesh.configure(routing={"direct_networks": ["n9"]})
    printed = command("check")
    assert printed.exit_code == 0
    assert "$.routing.direct_networks[0]: no cluster, gateway or endpoint is in" in printed.stdout
    assert "[unknown-network]" in printed.stdout


def test_a_gateway_where_none_can_be_is_an_error(command, mesh):
    clusters = {
        one: {"source": {"directory": f"example/{one}"}, "gateways": [{"address": "0.0.0.0"}]}
        for one in ("east", "west")
    }
    mesh.configure(clusters=clusters)
    printed = command("check")
    assert printed.exit_code == 3
    assert "error: $.clusters.west.gateways[0].address: no gateway is there: " in printed.stdout


def write_node(mesh, cluster, *ranges, address="172.18.0.2"):
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "one"},
        "spec": {"podCIDR": ranges[0], "podCIDRs": list(ranges)},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }
    (mesh.folder / "example" / cluster / "node.yaml").write_text(yaml.safe_dump(node))


def errors(command):
    found = json.loads(command("check", "-o", "json").stdout)
    return [one for one in found if one["severity"] == "error"]


def test_nodes_of_one_network_with_the_same_addresses_for_pods_are_an_error(command, mesh):
    write_node(mesh, "east", "10.10.1.0/24", "fd00::/64")
    write_node(mesh, "flat", "10.0.0.0/8", "fd01::/64")
    write_node(mesh, "west", "10.10.1.0/24")
    printed = command("check")
    assert printed.exit_code == 3
    text = " ".join(printed.stdout.split())
    assert "its nodes have 10.0.0.0/8 for pods, and those of east have 10.10.1.0/24" in text
    assert "in one network 'network1'" in text
    assert "clusters.east.network, clusters.flat.network, and gateways" in text
    assert [one["cluster"] for one in errors(command)] == ["flat"]
    write_node(mesh, "flat", "10.30.0.0/16", "fd01::/64")
    assert errors(command) == []


def test_what_nodes_have_for_pods_is_nothing_where_pods_have_other_addresses(command, mesh):
    for cluster in ("east", "flat"):
        write_node(mesh, cluster, "10.244.0.0/24")
    assert "network-overlap" not in command("check").stdout


def test_the_pods_of_two_clusters_without_networks_need_addresses_of_their_own(run, tmp_path):
    config = tmp_path / "globaldns.yaml"
    clusters = {name: {"source": {"directory": name}} for name in ("east", "west")}
    settings = {"cluster": "east", "state": "state", "clusters": clusters, "zones": ["global"]}
    for name in clusters:
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(WEB)
    config.write_text(yaml.safe_dump(settings | {"vips": {"pools": ["240.128.0.0/16"]}}))
    printed = run("check", "--config", config)
    assert printed.exit_code == 3
    text = " ".join(printed.stdout.split())
    assert "has a workload at 10.0.0.1, and so has east, in one network, for neither has" in text
    assert "1 error, " in text
    printed = run("export", "--cluster", "west", "--config", config)
    said = " ".join(printed.stderr.split())
    assert printed.stdout.count("address: 10.0.0.1") == 1
    assert "1 endpoint of east left out" in said
    assert "[double-address]" in said
    clusters["east"]["network"], clusters["west"]["network"] = "n1", "n2"
    config.write_text(yaml.safe_dump(settings | {"vips": {"pools": ["240.128.0.0/16"]}}))
    assert run("check", "--config", config).exit_code == 0
    printed = run("export", "--cluster", "west", "--config", config)
    assert "[double-address]" not in printed.stderr
