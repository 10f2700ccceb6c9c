"""A cluster's own DNS told of us through a real API server, and asked through a real CoreDNS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from globaldns.cli import main
from globaldns.stubs.shapes import Change
from tests.stubs.platforms import (
    HELM_KIND,
    KUBEADM,
    NODE_LOCAL,
    OPENSHIFT_KIND,
    PLATFORMS,
    Object,
    config_map,
    definition,
)
from tests.system.api_servers import ApiServer
from tests.system.corednses import CoreDNS, localize
from tests.system.deploying import CHART, Helm
from tests.system.running import ROOT, Server, wait_until
from tests.system.sites import Sites, namespace

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Of a TLS connection whose farewell is under way when a command's loop ends, and its process."""

SERVER = "10.0.0.53"
US = "globaldns"
ACCOUNT = f"system:serviceaccount:{US}:globaldns"
GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{US}", "system:authenticated")
RESOURCES = {
    "Deployment": "deployments.apps",
    "DaemonSet": "daemonsets.apps",
    "ConfigMap": "configmaps",
    "Service": "services",
    "DNS": "dnses.operator.openshift.io",
    "HelmChartConfig": "helmchartconfigs.helm.cattle.io",
}
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
}
"""What may change, of all that there is."""
CHANGING = ("resourceVersion", "managedFields", "generation")


class Told:
    """A cluster, and the command that tells its DNS."""

    def __init__(self, api: ApiServer, folder: Path, user: str = "admin") -> None:
        self.api = api
        self.config = folder / "globaldns.yaml"
        source = {"kubernetes": {"kubeconfig": str(api.kubeconfig_file("east", user))}}
        settings = {"cluster": "east", "clusters": {"east": {"source": source}}}
        self.config.write_text(yaml.safe_dump({**settings, "state": str(folder / "state")}))

    def run(self, *arguments: str) -> Result:
        """Run ``globaldns stub``, in this process: hundreds are started here."""
        line = ["stub", *arguments, "--config", str(self.config)]
        return CliRunner(env={"NO_COLOR": "1"}).invoke(main, line)

    def must(self, *arguments: str, code: int = 0) -> str:
        """Run it, see its exit code, and return what it printed."""
        done = self.run(*arguments)
        assert done.exit_code == code, done.output
        return done.stdout

    def objects(self) -> dict[str, Object]:
        """Return all that is told, without what every write changes."""
        found = {}
        for kind in ("ConfigMap", "DNS", "HelmChartConfig"):
            for one in self.api.objects(RESOURCES[kind]):
                metadata = {k: v for k, v in one["metadata"].items() if k not in CHANGING}
                inside = metadata.get("namespace", "")
                found[f"{kind} {inside}/{metadata['name']}"] = {**one, "metadata": metadata}
        return found

    def corefile(self, name: str = "coredns") -> str:
        found = self.api.get("configmaps", name, "kube-system")
        assert found is not None
        return str(found["data"]["Corefile"])


@pytest.fixture(scope="module")
def cluster(make_api_servers: Callable[..., list[ApiServer]]) -> ApiServer:
    """A cluster with the kinds of all platforms, and our Service."""
    (api,) = make_api_servers(1, {ACCOUNT: GROUPS})
    api.apply(*(definition(*kind) for kind in (OPENSHIFT_KIND, HELM_KIND)))
    api.apply(namespace(US), namespace("openshift-dns"), service("globaldns", US, SERVER))
    return api


def service(name: str, inside: str, address: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": inside},
        "spec": {
            "clusterIP": address,
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
        },
    }


@pytest.fixture
def told(cluster: ApiServer, tmp_path: Path) -> Iterator[Callable[..., Told]]:
    """Return a maker of a cluster with a DNS; it is as before afterwards."""

    def make(*objects: Object) -> Told:
        cluster.apply(*objects)
        return Told(cluster, tmp_path)

    before = _names(cluster)
    yield make
    for resource, inside, name in _names(cluster) - before:
        cluster.delete(resource, name, inside)


def _names(api: ApiServer) -> set[tuple[str, str, str]]:
    return {
        (resource, one["metadata"].get("namespace", ""), one["metadata"]["name"])
        for resource in RESOURCES.values()
        for one in api.objects(resource)
    }


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


@pytest.fixture(scope="module")
def granted(cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """What the chart grants the pods' account, on the cluster."""
    helm = Helm(tmp_path_factory.mktemp("helm"))
    objects = [*render(helm, manage=True)]
    cluster.apply(*objects)
    return objects


def render(helm: Helm, *, manage: bool) -> Iterator[Object]:
    """Yield the roles of the chart, and who has them."""
    values = helm.folder / "values.yaml"
    values.write_text(yaml.safe_dump({"cluster": "east", "config": {"stub": {"manage": manage}}}))
    openshift = ("--api-versions", "security.openshift.io/v1", "--kube-version", "1.30.0")
    done = helm.run("template", US, CHART, "--namespace", US, *openshift, "--values", values)
    assert done.returncode == 0, done.stderr
    for one in yaml.safe_load_all(done.stdout):
        if one["apiVersion"].startswith("rbac.authorization.k8s.io"):
            yield one


def rights(roles: list[Object]) -> Iterator[str]:
    """Yield the rows of what roles for the cluster's DNS grant, without the reasons."""
    places = {US: "ours", "openshift-dns": "openshift-dns, where there is such", "": "all"}
    for role in roles:
        name, inside = role["metadata"]["name"], role["metadata"].get("namespace", "")
        for rule in role.get("rules", ()) if name.startswith("globaldns-stub") else ():
            for plural in rule["resources"]:
                kind = f"{plural}.{rule['apiGroups'][0]}".rstrip(".")
                named = " ".join(rule.get("resourceNames", ()))
                what = f"`{kind}`" + f" named {named}" * bool(named)
                where, verbs = places.get(inside, inside), " ".join(rule["verbs"])
                yield f"| `{name}` | {where} | {what} | {verbs}"


def test_the_rights_are_granted_where_it_is_kept_and_else_not(
    granted: list[Object], tmp_path: Path
) -> None:
    shown = (ROOT / "deploy/README.md").read_text().splitlines()
    rows = sorted(one.rpartition(" | ")[0] for one in shown if one.startswith("| `globaldns-stub"))
    assert rows == sorted(rights(granted))
    without = render(Helm(tmp_path), manage=False)
    assert not [one for one in without if "globaldns-stub" in one["metadata"]["name"]]


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_rights_of_the_chart_are_enough(
    name: str, told: Callable[..., Told], granted: list[Object], tmp_path: Path
) -> None:
    assert granted
    dns = told(*PLATFORMS[name])
    before = dns.objects()
    ours = Told(dns.api, tmp_path, ACCOUNT)
    wait_until(lambda: ours.run("detect").exit_code == 0, "the roles are known")
    ours.must("install")
    assert dns.objects() != before
    ours.must("remove")
    assert dns.objects() == before


def test_the_rights_of_the_chart_are_for_the_clusters_dns_alone(
    told: Callable[..., Told], granted: list[Object]
) -> None:
    assert granted
    api = told(config_map("theirs", {}), config_map("coredns", {}, namespace=US)).api
    merge = {"content_type": "application/merge-patch+json", "user": ACCOUNT}
    for inside, name in (("kube-system", "theirs"), (US, "coredns")):
        path = f"/api/v1/namespaces/{inside}/configmaps/{name}"
        assert api.request("PATCH", path, {"data": {"a": "b"}}, **merge)[0] == 403
        assert api.request("DELETE", path, user=ACCOUNT)[0] == 403


def test_a_server_keeps_it_with_the_rights_of_the_chart(
    told: Callable[..., Told], granted: list[Object], tmp_path: Path
) -> None:
    assert granted
    dns = told(*KUBEADM)
    kubeconfig = str(dns.api.kubeconfig_file("east", ACCOUNT))
    source = {"source": {"kubernetes": {"kubeconfig": kubeconfig}}}
    folder = tmp_path / "sites"
    folder.mkdir()
    sites = Sites(folder, [dns.api], clusters={"east": source}, stub={"manage": True})
    try:
        sites.join()
        sites.serve()
        wait_until(lambda: SERVER in dns.corefile(), "it is told")
        installed = dns.corefile()
        dns.api.apply(KUBEADM[0])
        wait_until(lambda: dns.corefile() == installed, "it is told again")
        dns.api.delete("services", "globaldns", US)
        dns.api.apply(service("globaldns", US, "10.0.0.54"))
        moved = installed.replace(SERVER, "10.0.0.54")
        wait_until(lambda: dns.corefile() == moved, "it is told of the other address")
        server = sites["east"].server
        report = json.loads(server.get("/api/v1/stub")[1])
        assert report["reason"] == ""
        assert [place["state"] for place in report["places"]] == ["told"]
    finally:
        sites.close()
        dns.api.delete("services", "globaldns", US)
        dns.api.apply(service("globaldns", US, SERVER))
    dns.must("remove")
    assert dns.corefile() == KUBEADM[0]["data"]["Corefile"]


def test_the_way_is_seen_to_work_through_a_real_coredns(
    told: Callable[..., Told],
    shared_server: Server,
    tmp_path: Path,
    need: Callable[[str], str],
) -> None:
    dns = told(*KUBEADM)
    ours = f"127.0.0.1:{shared_server.mesh.dns_port}"
    dns.must("install", "--forward-to", ours)
    folder = tmp_path / "coredns"
    bare = localize(KUBEADM[0]["data"]["Corefile"], folder)
    with CoreDNS(need("coredns"), folder, bare) as server:
        through = ("verify", "--through", f"127.0.0.1:{server.port}", "-o", "json")
        direct, way = json.loads(dns.must(*through, code=3))["paths"]
        assert direct["outcome"] == "ok"
        assert way["outcome"] != "ok"
        assert way["hint"]
        server.write(localize(dns.corefile(), folder))
        direct, way = json.loads(dns.must(*through, "--wait", "60"))["paths"]
    assert way["outcome"] == direct["outcome"] == "ok"
    assert way["instance"] == direct["instance"]
    assert way["instance"].startswith("east/")
