"""``globaldns stub``, from its arguments to what it prints and its exit code."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
import yaml

from tests.app.test_asking import says
from tests.app.test_stubbing import US, config_of
from tests.stubs.clusters import cluster
from tests.stubs.platforms import K3S, KUBE_DNS, KUBEADM, config_map, server

NAME = "configmaps kube-system/coredns Corefile"


@pytest.fixture
def stub(run, tmp_path):
    """Run commands on a cluster with some objects, one after the other."""

    async def stub(*lines, objects=(*KUBEADM, US)):
        async with cluster(*objects) as (server, _):
            config_of(server, tmp_path)
            path = tmp_path / "globaldns.yaml"
            return [await asyncio.to_thread(run, "stub", *line, "--config", path) for line in lines]

    return stub


async def test_it_is_detected_installed_once_and_removed(stub):
    seen, tried, shown, first, again, gone = await stub(
        ["detect"],
        ["install", "--dry-run"],
        ["install", "--dry-run", "-o", "json"],
        ["install"],
        ["install", "-o", "json"],
        ["remove"],
    )
    assert all(done.exit_code == 0 for done in (seen, tried, shown, first, again, gone))
    assert NAME in seen.stdout
    assert tried.stdout == first.stdout
    assert "+    forward . 10.0.0.53 fd00::35" in first.stdout
    assert tried.stderr.startswith(f"{NAME}: would be changed (+7 -0 lines")
    assert first.stderr.startswith(f"{NAME}: changed (+7 -0 lines")
    trial = json.loads(shown.stdout)
    assert (trial["dry_run"], trial["places"][0]["state"]) == (True, "changed")
    assert trial["places"][0]["proof"].startswith("+7 -0 lines")
    report = json.loads(again.stdout)
    (place,) = report["places"]
    assert (place["state"], report["dry_run"], again.stderr) == ("unchanged", False, "")
    assert "-# BEGIN globaldns" in gone.stdout


PLAIN = "global:53 {\n    errors\n    cache 30\n    forward . 10.0.0.53 fd00::35\n}\n"


async def test_what_somebody_else_wrote_is_said_and_left_unless_it_is_adopted(stub):
    text = KUBEADM[0]["data"]["Corefile"]
    objects = (*KUBEADM[1:], config_map("coredns", {"Corefile": text + PLAIN}), US)
    again, left, shown, adopted, gone = await stub(
        ["install"],
        ["remove"],
        ["install", "-o", "json"],
        ["install", "--adopt"],
        ["remove"],
        objects=objects,
    )
    said = "global: already there, written by somebody else: left as it is"
    for done in (again, left):
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr == f"{NAME}: already-there\n{NAME}: {said}\n"
    (place,) = json.loads(shown.stdout)["places"]
    assert (place["state"], place["theirs"]) == ("already-there", ["global"])
    assert "+# BEGIN globaldns" in adopted.stdout
    assert "-    forward . 10.0.0.53 fd00::35" in gone.stdout


async def test_a_key_of_the_old_plugin_is_adopted_and_shown(stub):
    old = "global:53 {\n    errors\n    cache 30\n    forward . 10.1.1.1\n}\n"
    objects = (*K3S, config_map("coredns-custom", {"istio.server": old}), US)
    refused, adopted, again = await stub(
        ["install"], ["install", "--adopt"], ["install"], objects=objects
    )
    assert refused.exit_code == 1
    assert "istio.server: line 1, column 1: a block for global. that is not" in refused.stderr
    assert adopted.exit_code == 0
    place = "configmaps kube-system/coredns-custom"
    assert f"--- {place} istio.server\n+++ /dev/null\n" in adopted.stdout
    assert "-    forward . 10.1.1.1" in adopted.stdout
    assert f"{place} globaldns.server: changed (+7 -5 lines; all else" in adopted.stderr
    assert (again.exit_code, again.stdout) == (0, "")


async def test_what_leads_where_a_person_says_is_removed_without_a_record(stub):
    text = KUBEADM[0]["data"]["Corefile"] + PLAIN
    objects = (*KUBEADM[1:], config_map("coredns", {"Corefile": text}), US)
    line = ["remove", "--forward-to", "10.0.0.53", "--forward-to", "fd00::35"]
    (gone,) = await stub(line, objects=objects)
    assert "-    forward . 10.0.0.53 fd00::35" in gone.stdout


async def test_what_a_server_will_tell_again_is_said(run, tmp_path):
    async with cluster(*KUBEADM, US) as (server, _):
        config_of(server, tmp_path)
        path = tmp_path / "globaldns.yaml"
        kept = yaml.safe_load(path.read_text()) | {"stub": {"manage": True}}
        path.write_text(yaml.safe_dump(kept))
        done = await asyncio.to_thread(run, "stub", "remove", "--config", path)
        assert done.exit_code == 0
        assert "stub.manage is set" in done.stderr
        done = await asyncio.to_thread(
            run, "stub", "remove", "--suspend", "--wait", "3600", "--config", path
        )
    assert (done.exit_code, done.stderr) == (0, f"{NAME}: unchanged\n")


async def test_who_suspends_it_again_waits_until_the_former_change_is_read(stub):
    started = time.monotonic()
    *_, again = await stub(
        ["install"], ["remove", "--suspend"], ["remove", "--suspend", "--wait", "1"]
    )
    assert time.monotonic() >= started + 1
    assert (again.exit_code, again.stderr) == (0, f"{NAME}: unchanged\n")


async def test_what_somebody_else_has_is_said_with_its_own_exit_code(stub):
    both = await stub(["install"], ["install", "-o", "yaml"], objects=(US,))
    assert [done.exit_code for done in both] == [3, 3]
    assert "# unknown: whoever runs the cluster's DNS has the configuration" in both[0].stdout
    (advice,) = yaml.safe_load(both[1].stdout)["elsewhere"]
    assert "forward . 10.0.0.53 fd00::35" in advice["advice"]["snippet"]


async def test_a_coredns_that_does_not_reload_is_said(stub):
    text = KUBEADM[0]["data"]["Corefile"].replace("    reload\n", "")
    objects = (*KUBEADM[1:], config_map("coredns", {"Corefile": text}), US)
    (done,) = await stub(["install"], objects=objects)
    restart = "kubectl rollout restart -n kube-system deployment/coredns"
    assert f"{NAME}: its CoreDNS has no plugin reload: {restart}\n" in done.stderr


async def test_a_refusal_is_an_error_with_its_place_and_remedy(stub):
    text = KUBEADM[0]["data"]["Corefile"] + "global {\n}\n"
    objects = (*KUBEADM[1:], config_map("coredns", {"Corefile": text}), US)
    (done,) = await stub(["install"], objects=objects)
    assert done.exit_code == 1
    assert f"error: {NAME}: line 24, column 1: a block for global. that is not" in done.stderr
    assert "hint: remove it, or adopt it" in done.stderr


async def test_what_others_cannot_be_told_is_refused_before_anything_is_written(run, tmp_path):
    label = {"kubernetes.azure.com/localdns-state": "enabled"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": label}}
    able = server("coredns", {"/etc/coredns": "coredns"}, image="coredns:1.12.0")
    async with cluster(KUBEADM[0], able, node, US) as (api, _):
        config_of(api, tmp_path)
        path = tmp_path / "globaldns.yaml"
        zones = [{"name": "global", "foreign": "fallthrough"}]
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"zones": zones}))
        revision = api.revision
        done = await asyncio.to_thread(run, "stub", "install", "--config", path)
        assert (done.exit_code, api.revision) == (1, revision)
    assert "LocalDNS asks the servers of a zone for all of it" in done.stderr


async def test_without_a_service_of_ours_it_is_not_known_where_to_lead(stub):
    (done,) = await stub(["install"], objects=KUBEADM)
    assert done.exit_code == 1
    assert "no Service globaldns" in done.stderr
    assert "--forward-to ADDRESS" in done.stderr


async def test_the_way_is_verified(stub, dns_server):
    dns_server.over_udp = says("east/pod")
    at = f"127.0.0.1:{dns_server.port}"
    install, verify = ["install", "--forward-to", at], ["verify", "--through", at]
    _, right = await stub(install, verify)
    assert right.exit_code == 0
    assert right.stdout.count("east/pod") == 2
    dns_server.over_udp = says("west/pod")
    _, wrong = await stub(install, [*verify, "-o", "json"])
    assert wrong.exit_code == 3
    assert {one["outcome"] for one in json.loads(wrong.stdout)["paths"]} == {"other-cluster"}


def test_a_format_with_its_servers_needs_no_cluster(command):
    done = command("stub", "render", "--as", "dnsmasq", "--forward-to", "192.0.2.1")
    assert done.exit_code == 0
    assert done.stdout.startswith("server=/global/192.0.2.1#53\n")


def test_what_a_format_leaves_out_is_said_beside_it(command):
    line = ["stub", "render", "--as", "resolved", "--forward-to", "192.0.2.1"]
    done = command(*line)
    assert done.stdout == "[Resolve]\nDNS=192.0.2.1:53\nDomains=~global\n"
    assert "render --as resolved-anchors" in done.stderr
    (snippet,) = json.loads(command(*line, "-o", "json").stdout)["places"]
    assert (snippet["place"], snippet["text"]) == ("resolved", done.stdout)
    assert snippet["notes"] == done.stderr.splitlines()


async def test_texts_and_advice_are_printed_for_programs_too(stub):
    (done,) = await stub(["render", "-o", "json"])
    (place,) = json.loads(done.stdout)["places"]
    assert (place["platform"], place["place"]) == ("coredns", NAME)
    assert place["text"].startswith("global:53 {\n")
    (done,) = await stub(["render", "-o", "yaml"], objects=(US,))
    shown = yaml.safe_load(done.stdout)
    assert shown["places"] == []
    assert shown["elsewhere"][0]["platform"] == "unknown"


async def test_what_a_place_has_no_word_for_is_said_as_it_is_told(run, tmp_path):
    async with cluster(*KUBE_DNS, US) as (server, _):
        config_of(server, tmp_path)
        path = tmp_path / "globaldns.yaml"
        bare = yaml.safe_load(path.read_text()) | {"stub": {"force_tcp": True}}
        path.write_text(yaml.safe_dump(bare))
        line = ("stub", "install", "--config", path)
        first, again = [await asyncio.to_thread(run, *line) for _ in range(2)]
    place = "configmaps kube-system/kube-dns stubDomains"
    assert f"{place}: stub-domains has no word for stub.force_tcp: left out\n" in first.stderr
    assert again.stderr == f"{place}: unchanged\n"


async def test_a_format_without_them_asks_for_our_service(stub):
    (done,) = await stub(["render", "--as", "corefile"])
    assert "forward . 10.0.0.53 fd00::35" in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        ["install", "--forward-to", "host"],
        ["render", "--as", "bind"],
        ["verify", "--through", "1.1.1.1:99999"],
        ["verify", "--through", "nodes=1.1.1.1"],
        ["verify", "--wait", "-1"],
    ],
)
def test_what_cannot_be_meant_is_a_matter_of_usage(command, line):
    assert command("stub", *line).exit_code == 2
