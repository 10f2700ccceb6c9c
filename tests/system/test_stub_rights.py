"""The rights that the chart grants for the cluster's own DNS: enough, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.stubs.platforms import KUBEADM, PLATFORMS, Object, config_map
from tests.system.api_servers import ApiServer
from tests.system.deploying import CHART, Helm
from tests.system.running import ROOT, wait_until
from tests.system.sites import Sites
from tests.system.telling import ACCOUNT, SERVER, US, Told, service


@pytest.fixture(scope="module")
def granted(told_cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """What the chart grants the pods' account, on the cluster."""
    helm = Helm(tmp_path_factory.mktemp("helm"))
    objects = [*render(helm, manage=True)]
    told_cluster.apply(*objects)
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
