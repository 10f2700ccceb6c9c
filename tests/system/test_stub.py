"""A cluster's own DNS told of us through a real API server, and as it was afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import yaml

from globaldns.stubs.changing import ATTEMPTS
from globaldns.stubs.shapes import Change
from tests.stubs.platforms import KUBEADM, NODE_LOCAL, PLATFORMS, config_map
from tests.system.telling import SERVER, US, Told

TOLD_IN = {
    "kubeadm": {"ConfigMap kube-system/coredns"},
    "k3s": {"ConfigMap kube-system/coredns-custom"},
    "aks": {"ConfigMap kube-system/coredns-custom"},
    "kube-dns": {"ConfigMap kube-system/kube-dns"},
    "node-local": {"ConfigMap kube-system/coredns", "ConfigMap kube-system/kube-dns"},
    "kubespray": {"ConfigMap kube-system/coredns", "ConfigMap kube-system/nodelocaldns"},
    "openshift": {"DNS /default"},
    "microshift": {"ConfigMap openshift-dns/dns-default"},
    "rke2": {"HelmChartConfig kube-system/rke2-coredns"},
    "rke2 with values": {"HelmChartConfig kube-system/rke2-coredns"},
    "rke2 with empty values": {"HelmChartConfig kube-system/rke2-coredns"},
}
"""What may change, of all that there is."""


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_is_told_once_and_comes_out_as_it_was(
    name: str, told: Callable[..., Told]
) -> None:
    dns = told(*PLATFORMS[name])
    before = dns.objects()
    printed = dns.must("install", "--dry-run")
    assert SERVER in printed
    assert dns.objects() == before
    assert dns.must("install") == printed
    after = dns.objects()
    changed = {key for key, one in after.items() if one != before.get(key)}
    assert changed - {"ConfigMap globaldns/globaldns-stub"} == TOLD_IN[name]
    assert all(SERVER in json.dumps(after[key]) for key in changed)
    versions = _versions(dns)
    assert dns.must("install") == ""
    assert _versions(dns) == versions
    dns.must("remove")
    assert dns.objects() == before


def _versions(dns: Told) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["metadata"]["resourceVersion"]
        for one in dns.api.objects("configmaps")
    }


POLICIES = [{"name": "global", "namespaces": ["shop"]}, {"name": "b", "foreign": "fallthrough"}]


@pytest.mark.parametrize("name", ["kubeadm", "k3s", "rke2", "rke2 with values"])
def test_zones_of_two_policies_are_told_in_blocks_of_their_own(
    name: str, told: Callable[..., Told]
) -> None:
    dns = told(*json.loads(json.dumps(PLATFORMS[name]).replace("v1.11.3", "v1.11.4")))
    before = dns.objects()
    for zones in (["global"], POLICIES, [*POLICIES, "c"], ["b", "c"], POLICIES):
        settings = yaml.safe_load(dns.config.read_text())
        dns.config.write_text(yaml.safe_dump({**settings, "zones": zones}))
        assert dns.must("install")
        (place,) = TOLD_IN[name]
        written = json.dumps(dns.objects()[place])
        assert written.count("next NXDOMAIN") == (POLICIES[1] in zones)
        assert written.count(f". {SERVER}") == 1 + (POLICIES[1] in zones)
        assert dns.must("install") == ""
    dns.must("remove")
    assert dns.objects() == before


def test_two_blocks_without_their_marks_still_go(told: Callable[..., Told]) -> None:
    dns = told(*json.loads(json.dumps(KUBEADM).replace("v1.11.3", "v1.11.4")))
    settings = yaml.safe_load(dns.config.read_text())
    dns.config.write_text(yaml.safe_dump({**settings, "zones": POLICIES}))
    dns.must("install")
    text = KUBEADM[0]["data"]["Corefile"]
    ours = re.sub(r"# .*\n", "", dns.corefile().removeprefix(text))
    first, second = ours[: ours.index("b:53 {")], ours[ours.index("b:53 {") :]
    dns.api.apply(config_map("coredns", {"Corefile": second + text + first}))
    dns.must("remove")
    assert dns.corefile() == text


@pytest.mark.parametrize(
    ("name", "platforms"),
    [
        ("kubeadm", ["coredns"]),
        ("k3s", ["coredns-custom"]),
        ("kube-dns", ["kube-dns"]),
        ("node-local", ["coredns", "node-local-dns"]),
        ("openshift", ["openshift"]),
        ("microshift", ["microshift"]),
        ("rke2", ["rke2"]),
    ],
)
def test_a_platform_is_known_by_what_its_api_server_shows(
    name: str, platforms: list[str], told: Callable[..., Told]
) -> None:
    places = json.loads(told(*PLATFORMS[name]).must("detect", "-o", "json"))["places"]
    assert [place["platform"] for place in places] == platforms
    assert all(place["reasons"] for place in places)


def test_what_somebody_else_has_is_left_to_them_with_the_words_for_it(
    told: Callable[..., Told],
) -> None:
    dns = told(*KUBEADM[1:])
    path = "/api/v1/namespaces/kube-system/configmaps/coredns?fieldManager=eks&force=true"
    body = config_map("coredns", KUBEADM[0]["data"])
    status, _ = dns.api.request("PATCH", path, body, content_type="application/apply-patch+yaml")
    assert status == 201
    before = dns.objects()
    printed = dns.must("install", code=3)
    assert "aws eks update-addon" in printed
    assert SERVER in printed
    assert dns.objects() == before


def test_a_block_of_somebody_else_is_refused_and_nothing_is_written(
    told: Callable[..., Told],
) -> None:
    theirs = KUBEADM[0]["data"]["Corefile"] + "global:53 {\n    whoami\n}\n"
    dns = told(*NODE_LOCAL, config_map("coredns", {"Corefile": theirs}))
    before = dns.objects()
    done = dns.run("install")
    assert done.exit_code == 1
    assert "line 24, column 1: a block for global. that is not ours" in done.stderr
    assert dns.objects() == before


def test_a_key_of_the_old_plugin_is_replaced_on_request(told: Callable[..., Told]) -> None:
    old = {"istio.server": "global:53 {\n    errors\n    cache 30\n    forward . 10.1.1.1\n}\n"}
    theirs = {"log.override": "log\n", "corp.server": "corp:53 {\n    forward . 10.1.1.2\n}\n"}
    dns = told(*PLATFORMS["k3s"], config_map("coredns-custom", {**old, **theirs}))
    before = dns.objects()
    assert "adopt it (--adopt)" in dns.run("install").stderr
    assert dns.objects() == before
    dns.must("install", "--adopt", "--dry-run")
    assert dns.objects() == before
    dns.must("install", "--adopt")
    told_now = dns.objects()["ConfigMap kube-system/coredns-custom"]["data"]
    assert told_now.keys() == {*theirs, "globaldns.server"}
    assert dns.must("install") == ""
    dns.must("remove")
    assert dns.objects()["ConfigMap kube-system/coredns-custom"]["data"] == theirs


def test_nothing_is_taken_that_the_clusters_dns_answers_itself(told: Callable[..., Told]) -> None:
    corefile = KUBEADM[0]["data"]["Corefile"].replace("cluster.local", "corp.example")
    dns = told(config_map("coredns", {"Corefile": corefile}), *KUBEADM[1:])
    settings, before = yaml.safe_load(dns.config.read_text()), dns.objects()
    service = dns.api.get("services", "kubernetes", "default")
    assert service is not None
    own = f"{service['spec']['clusterIP'].rpartition('.')[0]}.128/25"
    for more, says in (
        ({"zones": ["svc.corp.example"]}, "would take corp.example from the cluster's DNS"),
        ({"zones": [{"name": "example", "namespaces": ["corp"]}]}, "a stub for corp.example would"),
        ({"zones": ["local"]}, "'local' would take cluster.local"),
        ({"stub": {"reverse": True}, "vips": {"pools": [own]}}, f"the reverse zones of {own}"),
    ):
        dns.config.write_text(yaml.safe_dump({**settings, **more}))
        for command in (("install", "--dry-run"), ("install",), ("render",)):
            done = dns.run(*command)
            assert (done.exit_code, done.stdout) == (1, "")
            assert says in done.stderr
        assert dns.objects() == before
    dns.config.write_text(yaml.safe_dump({**settings, "stub": {"reverse": True}}))
    assert "240.128.0.0/10:53" in dns.must("install")


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed(
    name: str, told: Callable[..., Told]
) -> None:
    dns = told(*PLATFORMS[name])
    dns.must("install")
    dns.api.delete("configmaps", "globaldns-stub", US)
    for key in TOLD_IN[name]:
        written = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **dns.objects()[key]})
        dns.api.apply(json.loads(re.sub(r"# (?:BEGIN|END) globaldns(?:\\n)?", "", written)))
    before = dns.objects()
    for command in ("install", "remove"):
        done = dns.run(command)
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr.count("global: already there, written by somebody else") == len(
            TOLD_IN[name]
        )
        assert dns.objects() == before


def test_a_config_map_that_nobody_may_change_is_refused_with_what_to_do(
    told: Callable[..., Told],
) -> None:
    dns = told(KUBEADM[0] | {"immutable": True}, *KUBEADM[1:])
    before = dns.objects()
    done = dns.run("install")
    assert done.exit_code == 1
    assert "configmaps kube-system/coredns Corefile: it is immutable" in done.stderr
    assert "create it again with the same data" in done.stderr
    assert dns.objects() == before


def test_where_others_write_all_the_time_it_ends(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    dns = told(*KUBEADM)
    text = KUBEADM[0]["data"]["Corefile"]
    shown: list[Change] = []

    def forestall(change: Change) -> None:
        shown.append(change)
        dns.api.apply(config_map("coredns", {"Corefile": f"{text}# {len(shown)}\n"}))

    monkeypatch.setattr("globaldns.cli.stub.show_change", forestall)
    done = dns.run("install")
    assert done.exit_code == 1
    assert f"others have changed it {len(shown)} times meanwhile" in done.stderr
    assert len(shown) == ATTEMPTS
    assert dns.corefile() == f"{text}# {ATTEMPTS}\n"


def test_what_is_reverted_or_stripped_of_its_marks_is_told_again_and_still_goes(
    told: Callable[..., Told],
) -> None:
    dns = told(*KUBEADM)
    dns.must("install")
    installed = dns.corefile()
    dns.api.apply(*KUBEADM)
    assert SERVER not in dns.corefile()
    dns.must("install")
    assert dns.corefile() == installed
    stripped = "".join(
        line for line in installed.splitlines(keepends=True) if not line.startswith("#")
    )
    dns.api.apply(config_map("coredns", {"Corefile": stripped}))
    dns.must("install", "--forward-to", "10.0.0.54")
    assert dns.corefile() == installed.replace(SERVER, "10.0.0.54")
    dns.must("remove")
    assert dns.corefile() == KUBEADM[0]["data"]["Corefile"]


def test_what_was_there_before_is_kept_in_our_own_namespace(told: Callable[..., Told]) -> None:
    dns = told(*KUBEADM)
    for server in (SERVER, "10.0.0.54"):
        dns.must("install", "--forward-to", server)
    record = dns.api.get("configmaps", "globaldns-stub", US)
    assert record is not None
    kept = record["data"]["original.configmaps.kube-system.coredns.Corefile"]
    assert kept == KUBEADM[0]["data"]["Corefile"]
    dns.must("remove")
    assert dns.api.get("configmaps", "globaldns-stub", US) is None


def test_a_change_of_others_in_between_is_kept(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    dns = told(*KUBEADM)
    theirs = f"{KUBEADM[0]['data']['Corefile']}# theirs\n"
    shown: list[Change] = []

    def change_it(change: Change) -> None:
        if not shown:
            dns.api.apply(config_map("coredns", {"Corefile": theirs}))
        shown.append(change)

    monkeypatch.setattr("globaldns.cli.stub.show_change", change_it)
    dns.must("install")
    assert len(shown) == 2
    assert dns.corefile().startswith(theirs)
    assert SERVER in dns.corefile()
