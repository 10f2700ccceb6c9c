"""What follows a service that moves, on real API servers: its old VIP, and its plain name."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.system.api_servers import ApiServer
from tests.system.istio_kinds import GROUP, definitions
from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace, service

WEB = "web.shop.global"
MARK = {"globaldns.io/owned-by": "east"}


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters of one network: the istiod of west serves the clients of east too."""
    sites = Sites(
        tmp_path_factory.mktemp("sites"),
        lend_api_servers(2),
        clusters={"east": {"control_plane": "west"}, "west": {}},
        routing={"replicate_services": True},
        dns={"ttl": "2s", "negative_ttl": "2s"},
    )
    sites.join()
    east, west = sites
    west.api.apply(*definitions(), namespace("shop"), service("web", "shop"))
    east.api.apply(namespace("taken"), service("api", "taken", exported=False))
    west.api.apply(namespace("taken"), service("api", "taken"))
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def entries(site: Site) -> dict[str, dict[str, Any]]:
    """Return the entries of ours in a cluster, by host."""
    found = site.api.objects(f"serviceentries.{GROUP}")
    return {one["spec"]["hosts"][0]: one["spec"] for one in found}


def rules(site: Site) -> set[str]:
    return {one["spec"]["host"] for one in site.api.objects(f"destinationrules.{GROUP}")}


def test_the_old_vip_of_a_host_that_moved_is_routed_until_the_overlap_is_over(
    sites: Sites,
) -> None:
    west = sites["west"]
    old = sites.wait_agreed(WEB)
    wait_until(lambda: WEB in entries(west), "it is routed, after its rule")
    before = entries(west)[WEB]
    done = west.replica().run("vip", "renumber", "web.shop")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: sites.addresses(WEB).isdisjoint({(old,)}), "it has another VIP")
    new = sites.wait_agreed(WEB)
    former = f"web.shop.{old.replace('.', '-')}.former.global"
    wait_until(lambda: {former, WEB} <= rules(west), "both are routed")
    wait_until(lambda: entries(west)[WEB]["addresses"] == [new], "the host has its new VIP")
    assert entries(west)[former] == {**before, "hosts": [former], "addresses": [old]}
    assert west.server.rcode(former) == "NXDOMAIN"
    assert west.replica().run("diff").returncode == 0
    # A server that begins anew knows it by the ledger.
    west.server.kill()
    sites.start(west).wait_ready()
    assert west.replica().run("diff").returncode == 0
    assert former in entries(west)
    west.replica().configure(vips={"overlap": "1s"})
    west.server.signal(signal.SIGHUP)
    wait_until(lambda: former not in entries(west) and former not in rules(west), "it is over")
    assert entries(west)[WEB]["addresses"] == [new]


def test_a_cluster_has_the_services_that_it_lacks_and_nobody_elses_is_touched(
    sites: Sites,
) -> None:
    east, west = sites
    theirs = east.api.get("services", "api", "taken")

    def replica() -> dict[str, Any]:
        return east.api.get("services", "web", "shop") or {}

    wait_until(lambda: bool(replica()), "east has the Service of west")
    spec = replica()["spec"]
    assert "selector" not in spec
    assert spec["clusterIP"]
    assert [(one["name"], one["port"]) for one in spec["ports"]] == [("http", 80)]
    made = east.api.get("namespaces", "shop")
    assert made is not None
    assert MARK.items() <= made["metadata"]["labels"].items()
    assert west.api.objects("services", "taken")[0]["metadata"].get("labels") is None
    # It is no export, so that it does not keep alive what it stands for.
    (known,) = json.loads(east.replica().run("list", WEB, "-o", "json").stdout)["services"]
    assert known["clusters"] == ["west"]
    assert east.replica().run("diff").returncode == 0
    exported = east.replica().run("export", "--cluster", "east", "-o", "json")
    items = json.loads(exported.stdout)["items"]
    assert [(one["kind"], one["metadata"]["name"]) for one in items] == [("Service", "web")]
    # What is changed is put right; whoever gives it a selector has it.
    broken = deepcopy(replica())
    broken["spec"]["ports"][0]["port"] = 81
    path = "/api/v1/namespaces/shop/services/web"
    assert east.api.request("PUT", path, broken)[0] == 200
    wait_until(lambda: replica()["spec"]["ports"][0]["port"] == 80, "its port is put right")
    west.api.delete("services", "web", "shop")
    sites.wait_gone(WEB)
    wait_until(lambda: not replica(), "it goes with the last export")
    assert east.api.get("namespaces", "shop") is not None
    west.api.apply(service("web", "shop"))
    wait_until(lambda: bool(replica()), "it is back")
    adopted = deepcopy(replica())
    adopted["spec"]["selector"] = {"app": "web"}
    assert east.api.request("PUT", path, adopted)[0] == 200
    wait_until(lambda: "labels" not in replica()["metadata"], "it is a person's")
    west.api.delete("services", "web", "shop")
    sites.wait_gone(WEB)
    assert replica()["spec"]["selector"] == {"app": "web"}
    assert east.api.get("services", "api", "taken") == theirs
