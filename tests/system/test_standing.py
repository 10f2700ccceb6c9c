"""Routes that do not stand, as whoever looks is told of them by real API servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.system.api_servers import ApiServer
from tests.system.deploying import CHART, Helm
from tests.system.istio_kinds import GROUP, definitions
from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace
from tests.system.telling import ACCOUNT, GROUPS, US
from tests.system.test_routes import (
    DOORS,
    ENTRIES,
    RULES,
    door,
    endpoints,
    entry,
    labelled,
    workload,
)

BINDINGS = "clusterrolebindings.rbac.authorization.k8s.io"


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters, a network each; the first one's server has the account of the chart."""
    apis = lend_api_servers(2, users={ACCOUNT: GROUPS})
    sites = Sites(
        tmp_path_factory.mktemp("sites"),
        apis,
        routing={"probes": {"interval": "0s"}, "replicate_services": True},
    )
    sites.join()
    for site in sites:
        network = {"topology.istio.io/network": f"net-{site.name}"}
        site.api.apply(*definitions(), namespace("shop"), labelled("istio-system", **network))
        site.api.apply(door(site.name))
    east, west = sites
    west.api.apply(*workload("web", "10.2.0.1"))
    east.api.apply(*roles(Helm(tmp_path_factory.mktemp("helm"))))
    source = {"kubernetes": {"kubeconfig": str(east.api.kubeconfig_file("east", ACCOUNT))}}
    east.replica().configure(clusters={"east": {"source": source}})
    sites.serve()
    try:
        yield sites
    finally:
        sites.close()


def roles(helm: Helm) -> Iterator[dict[str, Any]]:
    """Yield the roles of the chart, and who has them."""
    values = helm.folder / "values.yaml"
    config = {"routing": {"replicate_services": True}}
    values.write_text(yaml.safe_dump({"cluster": "east", "config": config}))
    where = ("--namespace", US, "--kube-version", "1.30.0", "--values", values)
    done = helm.run("template", US, CHART, *where)
    assert done.returncode == 0, done.stderr
    for one in yaml.safe_load_all(done.stdout):
        if one["apiVersion"].startswith("rbac.authorization.k8s.io"):
            yield one


def explained(site: Site) -> dict[str, Any]:
    _, body = site.server.get("/api/v1/explain/web.shop")
    written: dict[str, Any] = json.loads(body)["written"]
    return written


def unwritten(site: Site) -> list[dict[str, str]]:
    _, body = site.server.get("/api/v1/notices")
    return [one for one in json.loads(body)["items"] if one["code"] == "unwritten-route"]


def test_a_namespace_that_is_being_deleted_has_its_routes_stand_elsewhere_at_once(
    sites: Sites,
) -> None:
    east, _ = sites
    sites.wait_agreed("web.shop.global")
    way = [(DOORS["west"], {"http": 15443})]
    wait_until(lambda: endpoints(east, "shop") == way, "the route stands in the namespace")
    wait_until(lambda: east.api.get("services", "web", "shop") is not None, "and the replica")
    # No controller finishes what is begun here: the namespace is being deleted for ever.
    east.api.delete("namespaces", "shop")
    wait_until(lambda: endpoints(east, US) == way, "the route stands in ours")
    wait_until(lambda: entry(east, "shop") == {}, "and there no more")
    wait_until(lambda: explained(east)["state"] == "written", "as is told")
    exported = east.replica().run("export", "--cluster", "east")
    assert exported.returncode == 0, exported.stderr
    documents = [*yaml.safe_load_all(exported.stdout)]
    assert {one["metadata"].get("namespace") for one in documents} == {US}
    assert "leaving-namespace" in exported.stderr
    assert "bind roles" not in east.server.log
    # It is gone, and comes anew for the Service that the cluster lacks.
    gone = {**namespace("shop"), "spec": {"finalizers": []}}
    path = "/api/v1/namespaces/shop"
    assert east.api.request("PUT", f"{path}/finalize", gone)[0] == 200
    wait_until(lambda: east.api.get("services", "web", "shop") is not None, "the replica is back")
    wait_until(lambda: endpoints(east, "shop") == way, "and the route beside it")


def test_what_the_account_may_not_write_is_told_with_the_roles_that_it_lacks(sites: Sites) -> None:
    east, _ = sites
    sites.wait_agreed("web.shop.global")
    wait_until(lambda: explained(east) == {"state": "written", "since": "", "reason": ""}, "all is")
    assert "unwritable" not in east.replica().run("check").stdout
    binding = east.api.get(BINDINGS, "globaldns-router")
    assert binding is not None
    east.api.delete(BINDINGS, "globaldns-router")
    wait_until(
        lambda: "routes-unwritable" in east.replica().run("check").stdout, "the right is taken"
    )
    checked = east.replica().run("check")
    assert checked.returncode == 3
    for kind in (ENTRIES, RULES, f"gateways.{GROUP}", "services", "namespaces"):
        (line,) = [one for one in checked.stdout.splitlines() if f" {kind}: our account" in one]
        assert "globaldns-router" in line
    east.api.delete(ENTRIES, "web-global", "shop")
    wait_until(lambda: unwritten(east) != [], "what is refused is told")
    (notice,) = unwritten(east)
    assert notice["host"] == "web.shop.global"
    assert "ServiceEntry shop/web-global is not created" in notice["detail"]
    assert "globaldns-router" in notice["hint"]
    metric = 'globaldns_route_notices{code="unwritten-route"}'
    wait_until(lambda: east.server.metric(metric) == 1, "and counted")
    written = explained(east)
    assert (written["state"], written["reason"]) == ("refused", notice["detail"])
    assert written["since"]
    said = east.replica().run("explain", "web.shop").stdout
    assert "refused by the API server of our own cluster" in said
    for command in ("diff", "apply"):
        done = east.replica().run(command)
        assert done.returncode == 1
        assert "globaldns-router" in done.stderr, done.stderr
    binding["metadata"] = {"name": "globaldns-router"}
    east.api.apply(binding)
    wait_until(lambda: entry(east, "shop") != {}, "the route is written again")
    wait_until(lambda: unwritten(east) == [], "and nothing is told any more")
    assert explained(east)["state"] == "written"
