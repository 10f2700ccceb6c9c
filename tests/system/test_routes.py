"""Routes as servers write them into real API servers, and as people compare and write them."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.system.api_servers import ApiServer
from tests.system.istio_kinds import GROUP, definitions
from tests.system.running import free_port, wait_until
from tests.system.sites import Site, Sites, namespace, service

ENTRIES, RULES = f"serviceentries.{GROUP}", f"destinationrules.{GROUP}"
GATEWAYS = f"gateways.{GROUP}"
DOORS = {"east": "192.0.2.1", "west": "192.0.2.2"}
POD = {"security.istio.io/tlsMode": "istio"}


def labelled(name: str, **labels: str) -> dict[str, Any]:
    made = namespace(name)
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def door(cluster: str) -> dict[str, Any]:
    """Return the Service of an east-west gateway, with its load balancer's address."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "istio-eastwestgateway",
            "namespace": "istio-system",
            "labels": {"topology.istio.io/network": f"net-{cluster}"},
        },
        "spec": {"type": "LoadBalancer", "ports": [{"name": "tls", "port": 15443}]},
        "status": {"loadBalancer": {"ingress": [{"ip": DOORS[cluster]}]}},
    }


def workload(name: str, address: str) -> list[dict[str, Any]]:
    """Return an exported Service with a pod that has a sidecar."""
    at = {"name": name, "namespace": "shop"}
    return [
        service(name, "shop"),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**at, "labels": POD},
            "spec": {"containers": [{"name": "app", "image": "app"}]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**at, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "targetRef": {"kind": "Pod", **at}}],
            "ports": [{"name": "http", "port": 8080}],
        },
    ]


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters, a network each, with a gateway between them."""
    sites = Sites(
        tmp_path_factory.mktemp("sites"),
        lend_api_servers(2),
        routing={"probes": {"interval": "0s"}, "istio_revisions": ["canary"]},
        dns={"ttl": "2s", "negative_ttl": "2s"},
    )
    sites.join()
    for site in sites:
        network = {"topology.istio.io/network": f"net-{site.name}"}
        site.api.apply(*definitions(), labelled("istio-system", **network), door(site.name))
    sites["west"].api.apply(namespace("shop"), *workload("web", "10.2.0.1"))
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def found(site: Site, kind: str, inside: str, name: str = "web") -> dict[str, Any]:
    """Return what stands of ours in a namespace for a service; empty: nothing."""
    for one in site.api.objects(kind, inside):
        is_ours = "globaldns.io/owned-by" in one["metadata"].get("labels", {})
        if is_ours and one["metadata"]["name"].startswith(f"{name}-"):
            return one
    return {}


def entry(site: Site, inside: str, name: str = "web") -> dict[str, Any]:
    """Return the spec of an entry of ours; empty: there is none."""
    spec: dict[str, Any] = found(site, ENTRIES, inside, name).get("spec", {})
    return spec


def endpoints(site: Site, inside: str, name: str = "web") -> list[tuple[str, dict[str, int]]]:
    spec = entry(site, inside, name)
    return [(one["address"], one.get("ports", {})) for one in spec.get("endpoints", [])]


def test_every_cluster_gets_its_own_way_to_a_service_and_only_ours_is_touched(
    sites: Sites,
) -> None:
    east, west = sites
    vip = sites.wait_agreed("web.shop.global")
    wait_until(
        lambda: endpoints(west, "shop") == [("10.2.0.1", {"http": 8080})], "west goes directly"
    )
    wait_until(
        lambda: endpoints(east, "globaldns") == [(DOORS["west"], {"http": 15443})],
        "east goes by the gateway",
    )
    spec = entry(east, "globaldns")
    assert spec["addresses"] == [vip]
    assert spec["exportTo"] == ["*"]
    rule = found(east, RULES, "globaldns")
    (port,) = rule["spec"]["trafficPolicy"]["portLevelSettings"]
    assert port["tls"]["sni"] == "outbound_.80_._.web.shop.svc.cluster.local"
    # A namespace that comes takes the route in; it is never missing.
    east.api.apply(namespace("shop"))
    wait_until(
        lambda: entry(east, "shop") == {k: v for k, v in spec.items() if k != "exportTo"},
        "it moves into the namespace",
    )
    wait_until(lambda: entry(east, "globaldns") == {}, "and stands there no more")
    # Drift is repaired; what people wrote beside ours stays byte for byte.
    theirs = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "theirs", "namespace": "shop", "labels": {"a": "b"}},
        "spec": {"hosts": ["api.example.com"], "ports": [], "location": "MESH_EXTERNAL"},
    }
    east.api.apply(theirs)
    stands = east.api.get(ENTRIES, "theirs", "shop")
    broken = deepcopy(east.api.get(ENTRIES, "web-global", "shop"))
    assert broken is not None
    broken["spec"]["addresses"] = ["240.0.0.1"]
    broken["metadata"].pop("managedFields")
    path = f"/apis/{GROUP}/v1/namespaces/shop/serviceentries/web-global"
    assert east.api.request("PUT", path, broken)[0] == 200
    wait_until(lambda: entry(east, "shop")["addresses"] == [vip], "it is put right")
    # The last endpoint goes at once, the name too, and the route after it.
    for kind, name in (("services", "web"), ("endpointslices.discovery.k8s.io", "web")):
        west.api.delete(kind, name, "shop")
    sites.wait_gone("web.shop.global")
    wait_until(lambda: entry(east, "shop") == {} == entry(west, "shop"), "the route is withdrawn")
    wait_until(lambda: east.api.objects(RULES) == [], "its rule goes after it")
    assert east.api.get(ENTRIES, "theirs", "shop") == stands


def test_a_persons_entry_keeps_its_host(sites: Sites) -> None:
    east, _ = sites
    wait_until(lambda: entry(east, "globaldns") != {}, "it is written")
    east.api.apply(namespace("shop"))
    wait_until(lambda: entry(east, "shop") != {}, "it moves")
    person = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "by-hand", "namespace": "shop"},
        "spec": {
            "hosts": ["web.shop.global"],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": DOORS["west"], "ports": {"http": 15443}}],
        },
    }
    east.api.apply(person)
    wait_until(lambda: entry(east, "shop") == {}, "two entries of one host break each other")
    told = east.replica().run("check")
    assert "hand-written-route" in told.stdout
    explained = east.replica().run("explain", "web.shop").stdout
    assert "as ServiceEntry shop/by-hand says, which a person wrote" in explained
    # What would be in its place is shown, nothing is done about it, and it is what comes then.
    compared = east.replica().run("diff")
    assert compared.returncode == 0, compared.stderr
    head = (
        "# ServiceEntry shop/by-hand was written by a person: delete it to have this in its place"
    )
    assert compared.stdout.splitlines()[:3] == [
        head,
        "--- ServiceEntry shop/by-hand",
        "+++ ServiceEntry shop/web-global",
    ]
    assert "+++ DestinationRule shop/web-global" in compared.stdout
    assert DOORS["west"] in compared.stdout
    applied = east.replica().run("apply")
    assert (applied.returncode, applied.stdout) == (0, ""), applied.stderr
    assert entry(east, "shop") == {}
    east.api.delete(ENTRIES, "by-hand", "shop")
    wait_until(lambda: entry(east, "shop") != {}, "it is written again")


def test_a_taken_name_is_not_overwritten_and_told_until_it_is_free(sites: Sites) -> None:
    east, west = sites
    spec = {"hosts": ["api.example.com"], "ports": [], "location": "MESH_EXTERNAL"}
    theirs = {
        name: beside("ServiceEntry", f"{name}-global", "shop", spec) for name in ("bare", "marked")
    }
    theirs["marked"]["metadata"]["labels"] = {"globaldns.io/owned-by": "west"}
    east.api.apply(namespace("shop"), *theirs.values())
    stands = {name: east.api.get(ENTRIES, f"{name}-global", "shop") for name in theirs}
    whose = {"bare": "no mark of ours", "marked": "the mark of cluster west"}
    for number, name in enumerate(theirs, 20):
        west.api.apply(*workload(name, f"10.2.0.{number}"))

    def told(path: str, key: str = "notices") -> list[str]:
        """Return what is told of taken names, with its remedy."""
        found = [one for one in notices(east, path, key) if one["code"] == "taken-name"]
        assert all(one["hint"].startswith("delete it") for one in found)
        return sorted(one["detail"] for one in found)

    for name, words in whose.items():
        sites.wait_agreed(f"{name}.shop.global")
        wait_until(lambda name=name: told(f"explain/{name}.shop") != [], "it is told")  # type: ignore[misc]
        (detail,) = told(f"explain/{name}.shop")
        assert f"ServiceEntry shop/{name}-global stands there already" in detail
        assert words in detail
        assert "taken-name" in east.replica().run("explain", f"{name}.shop").stdout
    assert len(told("notices", "items")) == len(theirs)
    metric = 'globaldns_route_notices{code="taken-name"}'
    wait_until(lambda: east.server.metric(metric) == len(theirs), "it is counted")
    for command, code in (("diff", 3), ("apply", 1), ("check", 0)):
        done = east.replica().run(command)
        assert done.returncode == code, done.stderr
        said = done.stdout if command == "check" else done.stderr
        for name, words in whose.items():
            assert f"ServiceEntry shop/{name}-global stands there already and has {words}" in said
    assert {name: east.api.get(ENTRIES, f"{name}-global", "shop") for name in theirs} == stands
    assert east.server.log.count("has no mark of ours") == 1
    # The names are free: one is written, the other's Service is gone.
    east.api.delete(ENTRIES, "bare-global", "shop")
    for kind in ("services", "endpointslices.discovery.k8s.io"):
        west.api.delete(kind, "marked", "shop")
    wait_until(lambda: found(east, ENTRIES, "shop", "bare") != {}, "it is written")
    wait_until(lambda: told("notices", "items") == [], "it is told no more")
    assert east.api.get(ENTRIES, "marked-global", "shop") == stands["marked"]


def test_the_gateway_stands_until_every_rule_tells_gateways_otherwise(sites: Sites) -> None:
    west = sites["west"]
    names = [f"web{number}" for number in range(8)]
    for number, name in enumerate(names, 10):
        west.api.apply(*workload(name, f"10.2.0.{number}"))

    def turn(**routing: Any) -> None:
        for site in sites:
            site.replica().configure(routing=routing)
            site.server.signal(signal.SIGHUP)

    def telling() -> set[bool]:
        """Return whether rules name the Service: those of all, at least, that there are."""
        found = west.api.objects(RULES)
        assert len(found) > len(names)
        return {"portLevelSettings" in one["spec"]["trafficPolicy"] for one in found}

    wait_until(lambda: len(west.api.objects(RULES)) > len(names), "all are routed")
    turn(sni="gateway")
    wait_until(lambda: bool(west.api.objects(GATEWAYS)) and telling() == {False}, "gateway mode")
    turn(sni="client", writes_per_second=1)
    wait_until(lambda: telling() == {False, True}, "the first rules are others")
    assert west.api.objects(GATEWAYS)
    wait_until(lambda: telling() == {True} or not west.api.objects(GATEWAYS), "or it went early")
    assert west.api.objects(GATEWAYS)
    wait_until(lambda: not west.api.objects(GATEWAYS), "nobody needs it any more")


def test_people_compare_and_write_the_routes_of_any_cluster(sites: Sites) -> None:
    east, west = sites
    wait_until(lambda: entry(east, "globaldns") != {} and entry(west, "shop") != {}, "written")
    replica = east.replica()
    same = replica.run("diff")
    assert (same.returncode, same.stdout) == (0, ""), same.stderr
    for site in sites:
        site.server.signal(15)
        site.server.wait_exit()
    wanted = entry(west, "shop")
    west.api.delete(ENTRIES, "web-global", "shop")
    differs = replica.run("diff", "--cluster", "west")
    assert differs.returncode == 3, differs.stderr
    assert "+++ ServiceEntry shop/web-global" in differs.stdout
    dry = replica.run("apply", "--cluster", "west", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "create ServiceEntry shop/web-global" in dry.stdout
    assert entry(west, "shop") == {}
    done = replica.run("apply", "--cluster", "west")
    assert done.returncode == 0, done.stderr
    assert replica.run("diff", "--cluster", "west").returncode == 0
    exported = replica.run("export", "--cluster", "west", "-o", "json")
    items = {
        one["metadata"]["name"]: one
        for one in json.loads(exported.stdout)["items"]
        if one["kind"] == "ServiceEntry"
    }
    assert items["web-global"]["spec"] == entry(west, "shop") == wanted
    # What leads by a gateway whose name cannot be looked up now is not taken down for that.
    stands = endpoints(east, "globaldns")
    replica.configure(
        clusters={"west": {"gateways": [{"address": "gw.west.example"}]}},
        routing={"probes": {"resolvers": [f"127.0.0.1:{free_port()}"]}},
    )
    refused = replica.run("apply", "--cluster", "east")
    assert refused.returncode == 1
    assert "nothing is written: gw.west.example cannot be looked up" in refused.stderr
    assert endpoints(east, "globaldns") == stands != []


def beside(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a person's own."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, "spec": spec}


def mesh_config(name: str, **mesh: Any) -> dict[str, Any]:
    """Return the configuration of an istiod: JSON is YAML too."""
    metadata = {"name": name, "namespace": "istio-system"}
    data = {"mesh": json.dumps(mesh)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


CLIENTS = {"matchLabels": {"kubernetes.io/metadata.name": "clients"}}
MESH_CONFIGS = [
    mesh_config("istio", discoverySelectors=[CLIENTS]),
    mesh_config("istio-canary", defaultDestinationRuleExportTo=["."]),
]


def test_what_hides_routes_and_what_they_do_not_serve_is_told_and_left_alone(sites: Sites) -> None:
    east, west = sites
    bare = workload("bare", "10.2.0.2")
    del bare[1]["metadata"]["labels"]
    west.api.apply(*bare)
    east.api.apply(namespace("clients"), namespace("shop"), *MESH_CONFIGS)
    policy = {"connectionPool": {"tcp": {"maxConnections": 1}}}
    people = {
        RULES: beside("DestinationRule", "all", "clients", {"host": "*.shop.global"}),
        f"sidecars.{GROUP}": beside("Sidecar", "few", "clients", {"egress": [{"hosts": ["./*"]}]}),
        ENTRIES: beside("ServiceEntry", "out", "clients", {"hosts": ["a.example"], "ports": []}),
    }
    same = beside(
        "DestinationRule", "mine", "shop", {"host": "web.shop.global", "trafficPolicy": policy}
    )
    east.api.apply(*people.values(), same)
    stands = [
        east.api.get(kind, one["metadata"]["name"], "clients") for kind, one in people.items()
    ]
    wait_until(lambda: entry(east, "shop") != {}, "it is written all the same")
    hidden = {"hidden-by-sidecar", "unwatched-namespace", "unexported"}
    for command in ("check", "diff"):
        done = east.replica().run(command)
        told = done.stdout if command == "check" else done.stderr
        for code in (*hidden, "other-rule"):
            assert f"[{code}]" in told, told
        assert "DestinationRule shop/mine is about the same host" in told
    wait_until(
        lambda: (
            {"other-rule", *hidden} <= {one["code"] for one in notices(east, "explain/web.shop")}
        ),
        "the server has looked",
    )
    every = notices(east, "notices", "items")
    assert {"other-rule", "plaintext", *hidden} <= {one["code"] for one in every}
    assert all(one["hint"] for one in every)
    assert [one["host"] for one in every if one["code"] == "plaintext"] == ["bare.shop.global"]
    count = {code: [one["code"] for one in every].count(code) for code in ("plaintext", *hidden)}
    for code, number in count.items():
        metric = f'globaldns_route_notices{{code="{code}"}}'
        wait_until(lambda m=metric, n=number: east.server.metric(m) == n, f"{code} is counted")  # type: ignore[misc]
    shown = east.replica().run("explain", "bare.shop")
    assert "not served in our own cluster" in shown.stdout
    assert "plaintext" in shown.stdout
    assert [
        east.api.get(kind, one["metadata"]["name"], "clients") for kind, one in people.items()
    ] == stands
    # What is taken away is told no more.
    for kind in people:
        east.api.delete(kind, people[kind]["metadata"]["name"], "clients")
    east.api.delete(RULES, "mine", "shop")
    assert "[other-rule]" not in east.replica().run("check").stdout
    wait_until(
        lambda: "other-rule" not in {one["code"] for one in notices(east, "explain/web.shop")},
        "the server has looked again",
    )


def notices(site: Site, path: str, key: str = "notices") -> list[dict[str, str]]:
    status, body = site.server.get(f"/api/v1/{path}")
    assert status == 200, body
    found: list[dict[str, str]] = json.loads(body)[key]
    return found
