"""Whole documents, as they stand in a cluster."""

from __future__ import annotations

import pytest
import yaml
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.documents import format_documents
from globaldns.istio.notices import Code
from globaldns.istio.routes import Route, main_vip
from globaldns.model.address import parse_address
from globaldns.model.export import Export, ExportKind, Location, Origin, Resolution
from globaldns.model.host import Host
from globaldns.model.lost import Standing
from globaldns.model.service import Service, ServiceState
from tests.istio.sites import TCP, UDP, route, site
from tests.routing.meshes import EXPORTS, HTTP, endpoint, export, service

V1, V2 = ("version", "v1"), ("version", "v2")
TLS = ("security.istio.io/tlsMode", "istio")
WEB = replace(
    service(
        export("c1a", endpoint("10.0.0.1", "n1", labels=(TLS, V1), ports=(("http", 8080),))),
        export("c2a", endpoint("20.0.0.1", "n2", labels=(TLS, V2), locality="us/b")),
        export("c3", endpoint("30.0.0.1", "n3", labels=(TLS, V2), service_account="web")),
        standings={"c3": Standing.DEMOTED},
    ),
    ports=(HTTP, UDP),
)
HEAD = """
metadata:
  name: web-global
  namespace: shop
  labels: {globaldns.io/owned-by: c1a}
"""
POLICY = """
    loadBalancer: &l
      simple: ROUND_ROBIN
      localityLbSetting:
        failoverPriority:
        - globaldns.io/rank-1=y
        - globaldns.io/rank-2=y
        - topology.kubernetes.io/region
        - topology.kubernetes.io/zone
    outlierDetection: &o
      splitExternalLocalOriginErrors: true
      consecutiveLocalOriginFailures: 3
      consecutiveGatewayErrors: 5
      consecutive5xxErrors: 0
      interval: 1s
      baseEjectionTime: 60s
      maxEjectionPercent: 100
      minHealthPercent: 1
"""
WANTED = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
{HEAD}
spec:
  hosts: [web.shop.global]
  addresses: [240.128.0.1]
  location: MESH_INTERNAL
  ports:
  - {{number: 80, name: http, protocol: HTTP}}
  resolution: STATIC
  endpoints:
  - address: 10.0.0.1
    ports: {{http: 8080}}
    labels:
      globaldns.io/cluster: c1a
      globaldns.io/rank-1: "y"
      globaldns.io/rank-2: "y"
      security.istio.io/tlsMode: istio
      version: v1
    weight: 1
  - address: 2.2.2.2
    ports: {{http: 15443}}
    labels:
      globaldns.io/cluster: c2a
      globaldns.io/rank-1: "y"
      security.istio.io/tlsMode: istio
      version: v2
    network: globaldns-remote
    locality: us/b
    weight: 1
  - address: 3.3.3.3
    ports: {{http: 15443}}
    labels:
      globaldns.io/cluster: c3
      security.istio.io/tlsMode: istio
      version: v2
    network: globaldns-remote
    weight: 1
  subjectAltNames:
  - spiffe://cluster.local/ns/shop/sa/default
  - spiffe://cluster.local/ns/shop/sa/web
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
{HEAD}
spec:
  host: web.shop.global
  trafficPolicy:
{POLICY}
    portLevelSettings:
    - port: {{number: 80}}
      loadBalancer: *l
      outlierDetection: *o
      tls: {{mode: ISTIO_MUTUAL, sni: outbound_.80_._.web.shop.svc.cluster.local}}
""".replace("    weight: 1\n", "")


def texts(found: Route) -> str:
    return format_documents(one for bundle in found.bundles for one in bundle.documents)


def kinds(found: Route) -> list[str]:
    return [one["kind"] for bundle in found.bundles for one in bundle.documents]


def codes(found: Route) -> list[Code]:
    return [notice.code for notice in found.notices]


def test_a_service_of_the_mesh_is_an_entry_and_a_rule() -> None:
    found = route(WEB, site("n1"))
    assert list(yaml.safe_load_all(texts(found))) == list(yaml.safe_load_all(WANTED))
    assert codes(found) == [Code.NOT_ROUTED]
    assert found.skipped is None


def test_when_the_last_near_pod_goes_the_rule_stands_as_it_is() -> None:
    near, *far = WEB.contributions
    near = replace(near, endpoints=(replace(near.endpoints[0], ready=False),))
    entries, rules = zip(
        *(
            route(one, site("n1")).bundles[0].documents
            for one in (WEB, replace(WEB, contributions=(near, *far)))
        ),
        strict=True,
    )
    assert rules[0] == rules[1]
    assert [len(entry["spec"]["endpoints"]) for entry in entries] == [3, 2]


def test_a_cluster_without_pods_of_its_own_soon_tries_a_gateway_again() -> None:
    rules = [
        route(WEB, site(network, cluster=cluster)).bundles[0].documents[1]
        for network, cluster in (("n1", "c1a"), ("n9", "c9"))
    ]
    policies = [rule["spec"]["trafficPolicy"]["outlierDetection"] for rule in rules]
    assert [policy["baseEjectionTime"] for policy in policies] == ["60s", "4s"]


def test_in_gateway_mode_labels_decide_about_mutual_tls() -> None:
    entry, rule = route(WEB, site("n1", sni=Sni.GATEWAY)).bundles[0].documents
    assert entry == next(yaml.safe_load_all(WANTED))
    assert "portLevelSettings" not in rule["spec"]["trafficPolicy"]


def test_where_the_namespace_is_missing_both_stand_in_ours_for_everybody() -> None:
    (bundle,) = route(WEB, site("n1", namespaces=())).bundles
    assert bundle.place.namespace == "globaldns"
    assert [one["spec"]["exportTo"] for one in bundle.documents] == [["*"], ["*"]]
    assert [one["metadata"]["name"] for one in bundle.documents] == [bundle.place.name] * 2


def test_a_service_in_two_zones_has_documents_for_each_with_one_address() -> None:
    found = route(replace(WEB, zones=("global", "mesh")), site("n1", zones=("global", "mesh")))
    entries = [bundle.documents[0]["spec"] for bundle in found.bundles]
    assert [one["hosts"] for one in entries] == [["web.shop.global"], ["web.shop.mesh"]]
    assert entries[0]["addresses"] == entries[1]["addresses"]
    assert len({bundle.place for bundle in found.bundles}) == 2


def test_a_service_without_ready_endpoints_has_an_entry_that_says_no_at_once() -> None:
    found = route(service(export("c1a")), site("n1"))
    assert kinds(found) == ["ServiceEntry", "DestinationRule"]
    assert "endpoints" not in found.bundles[0].documents[0]["spec"]


EXTERNAL = service(
    export(
        "c1a",
        endpoint("rates.example", "n1", mutual=False, weight=3),
        endpoint("198.51.100.7", "n1", mutual=False),
        location=Location.MESH_EXTERNAL,
        resolution=Resolution.DNS,
    )
)


def test_what_is_outside_of_the_mesh_is_as_it_was_written_in_every_cluster() -> None:
    found = route(EXTERNAL, site("n9", cluster="c9", namespaces=()))
    assert kinds(found) == ["ServiceEntry"]
    spec = found.bundles[0].documents[0]["spec"]
    assert (spec["location"], spec["resolution"]) == ("MESH_EXTERNAL", "DNS")
    assert spec["endpoints"] == [
        {"address": "198.51.100.7", "weight": 1},
        {"address": "rates.example", "weight": 3},
    ]
    assert "subjectAltNames" not in spec


def offered(**changes: object) -> Service:
    (only,) = EXTERNAL.contributions
    return service(replace(only, **changes))


OWN = export("c1a", kind=ExportKind.SERVICE_ENTRY)


@pytest.mark.parametrize(
    ("asked", "own", "code"),
    [
        (replace(WEB, state=ServiceState.UNNUMBERED, vips=()), None, Code.UNANSWERED),
        (replace(WEB, state=ServiceState.LOST), None, Code.UNANSWERED),
        (replace(WEB, state=ServiceState.NONE), None, Code.UNANSWERED),
        (replace(WEB, state=ServiceState.CLAIMED, contributions=()), None, Code.UNHEARD),
        (replace(WEB, vips=()), None, Code.NO_VIP),
        (replace(WEB, rule="istio-local"), None, Code.LOCAL_VIP),
        (replace(WEB, contributions=()), None, Code.NO_EXPORT),
        (service(export("c1a", kind=ExportKind.ROUTE)), None, Code.NO_EXPORT),
        (replace(WEB, ports=(UDP,)), None, Code.NO_PORT),
        (offered(endpoints=()), None, Code.RESOLUTION),
        (offered(resolution=Resolution.DYNAMIC_DNS), None, Code.RESOLUTION),
        (WEB, OWN, Code.OWN_ENTRY),
    ],
)
def test_what_has_no_documents_has_a_reason(asked: Service, own: Export | None, code: Code) -> None:
    found = route(asked, site("n1"), own)
    assert (found.bundles, found.skipped) == ((), code)
    assert code in codes(found)


def test_beside_an_entry_that_lacks_nothing_there_is_nothing_to_tell() -> None:
    alone = service(export("c1a", endpoint("10.0.0.1", "n1"), kind=ExportKind.SERVICE_ENTRY))
    found = route(alone, site("n1"), alone.contributions[0])
    assert (found.skipped, found.notices) == (Code.OWN_ENTRY, ())


def test_the_export_of_a_clusters_own_service_is_not_in_the_way() -> None:
    assert route(WEB, site("n1"), WEB.contributions[0]).skipped is None


MOVED = replace(WEB, former=tuple(map(parse_address, ("240.128.0.7", "240.128.0.9"))))


@pytest.mark.parametrize("namespaces", [("shop",), ()])
def test_a_vip_that_a_service_had_leads_where_its_own_does(namespaces: tuple[str, ...]) -> None:
    where = site("n1", namespaces=namespaces)
    *former, present = route(MOVED, where).bundles
    assert (present,) == route(WEB, where).bundles
    for old, address in zip(former, ("240.128.0.7", "240.128.0.9"), strict=True):
        name = f"web.shop.{address.replace('.', '-')}.former.global"
        assert old.place.namespace == present.place.namespace
        (entry, rule), (known, known_rule) = old.documents, present.documents
        assert entry["spec"] == {**known["spec"], "hosts": [name], "addresses": [address]}
        assert rule["spec"] == {**known_rule["spec"], "host": name}
    assert len({one.place for one in (*former, present)}) == 3


def test_ambient_clients_are_told_of_where_calls_go_by_gateways() -> None:
    where = replace(site("n1"), ambient=frozenset({"shop", "bank"}))
    (told,) = (one for one in route(WEB, where).notices if one.code is Code.AMBIENT)
    assert told.detail.startswith("pods of bank, shop cannot call what is in n2, n3: ")
    near = service(export("c1a", endpoint("10.0.0.1", "n1")))
    assert route(near, where).notices == ()
    assert Code.AMBIENT not in codes(route(WEB, site("n1")))


def test_a_vip_of_what_is_outside_of_the_mesh_has_an_entry_alone() -> None:
    found = route(replace(EXTERNAL, former=MOVED.former[:1]), site("n1"))
    assert kinds(found) == ["ServiceEntry", "ServiceEntry"]


def test_beside_a_persons_entry_only_vips_of_before_are_routed() -> None:
    found = route(MOVED, site("n1"), OWN)
    assert found.skipped is None
    assert found.bundles == route(MOVED, site("n1")).bundles[:2]
    assert codes(found) == codes(route(WEB, site("n1"), OWN))


def test_an_entry_has_one_address_ipv4_if_there_is_one() -> None:
    vips = tuple(map(parse_address, ("fd00::1", "240.0.0.2", "240.0.0.3")))
    both = replace(WEB, vips=vips, ports=(TCP,))
    assert main_vip(both) == vips[1]
    found = route(both, site("n1"))
    assert found.bundles[0].documents[0]["spec"]["addresses"] == ["240.0.0.2"]
    (told,) = (notice for notice in found.notices if notice.code is Code.EXTRA_VIPS)
    assert told.detail.startswith("240.0.0.3: ")


def test_weights_are_those_of_what_gateways_stand_for() -> None:
    written = route(service(*EXPORTS), site("n1")).bundles[0].documents[0]["spec"]["endpoints"]
    assert {one["address"]: one.get("weight") for one in written} == dict.fromkeys(
        ("10.0.0.1", "10.0.0.2", "2.2.2.2", "2.2.2.20", "2.2.2.21", "40.0.0.1")
    )


def test_a_wildcard_has_no_documents_where_gateways_are_told_names() -> None:
    every = replace(WEB, host=Host("*.shop"))
    found = route(every, site("n1", sni=Sni.GATEWAY))
    assert (found.bundles, found.skipped) == ((), Code.NO_SNI)
    [notice] = [one for one in found.notices if one.code is Code.NO_SNI]
    assert notice.hint == "name every service, or routing: {sni: client}"
    assert route(every, site("n1", sni=Sni.CLIENT)).bundles
    origin = Origin("ServiceEntry", "shop", "all")
    person = replace(export("c1a"), kind=ExportKind.SERVICE_ENTRY, origin=origin)
    told = [one.detail for one in route(every, site("n1", sni=Sni.GATEWAY), person).notices]
    assert any(one.startswith("ServiceEntry shop/all stands: gateways refuse") for one in told)
    outside = tuple(replace(one, location=Location.MESH_EXTERNAL) for one in every.contributions)
    external = replace(every, contributions=outside)
    assert route(external, site("n1", sni=Sni.GATEWAY)).skipped is not Code.NO_SNI
