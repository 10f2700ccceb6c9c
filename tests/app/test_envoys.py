"""What the Envoys of a cluster are told of a mesh of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globaldns.app.envoys import (
    Workload,
    envoy_rules,
    known_cluster,
    make_documents,
    make_scene,
)
from globaldns.app.offline import read_offline
from globaldns.config.kinds import ClusterId
from globaldns.envoy.rules import Role
from globaldns.errors import RequestRefused
from globaldns.model.reach import Reach
from tests.app.meshes import START, Place

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {globaldns.io/export: "true"}}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- addresses: [10.0.0.1]
  conditions: {ready: true}
  targetRef: {kind: Pod, name: web, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {security.istio.io/tlsMode: istio}}
spec: {}
status: {phase: Running, podIP: 10.0.0.1}
"""
GATEWAYS = [{"address": "203.0.113.1"}, {"address": "gateway.example.com"}]


@pytest.fixture
def shop(place: Place) -> Place:
    """East has a service, and west another network."""
    east, west = place.cluster("east", network="n1"), place.cluster("west", network="n2")
    place.configure(
        clusters={"east": {**east, "gateways": GATEWAYS}, "west": west},
        envoy={"locality": "r/z", "gateway": "192.0.2.1:443", "key": "certs/key.pem"}
        | {"certificate": "certs/cert.pem", "authority": "root.pem"},
    )
    for name in ("east", "west"):
        (place.folder / name).mkdir(exist_ok=True)
    (place.folder / "east" / "web.yaml").write_text(SERVICE)
    return place


def test_documents_obey_the_configuration(shop: Place) -> None:
    rules = envoy_rules(shop.config, "east", Path("documents"))
    assert rules.folder == str(Path.cwd() / "documents")
    assert rules.credentials.certificate == str(shop.folder / "certs/cert.pem")
    assert (rules.locality, rules.gateway) == ("r/z", ("192.0.2.1", 443))


def test_gateways_with_names_are_ways_once_their_addresses_are_known(shop: Place) -> None:
    views = read_offline(shop.config, START).registry.views
    west = (shop.config, views, ClusterId("west"), shop.folder)
    scene = make_scene(*west, {})
    assert scene.viewer.networks == {"n2"}
    assert scene.topology.ways == {"n1": (("203.0.113.1", 15443),)}
    named = {one: Reach(("203.0.113.2",)) for one in views.cluster("east").gateways}
    ways = {address for address, _ in make_scene(*west, named).topology.ways["n1"]}
    assert ways == {"203.0.113.2"}


def test_an_envoy_listens_for_vips_that_a_server_would_give(shop: Place) -> None:
    mesh = read_offline(shop.config, START)
    made = make_documents(mesh, Role.SIDECAR, "west", shop.folder, None)
    [cluster] = made.clusters.values()
    assert b"203.0.113.1" in cluster
    [name] = made.listeners
    assert name.startswith("240.1")
    gateway = make_documents(mesh, Role.GATEWAY, "east", shop.folder, None)
    [cluster] = gateway.clusters.values()
    assert b"10.0.0.1" in cluster


def test_a_workload_is_told_of_its_own_ports(shop: Place) -> None:
    mesh = read_offline(shop.config, START)
    made = make_documents(mesh, Role.WORKLOAD, "east", shop.folder, Workload("10.0.0.1"))
    assert list(made.listeners) == ["10.0.0.1_8080"]
    assert b"127.0.0.1" in json.dumps(json.loads(made.clusters["inbound|8080||"])).encode()


def test_what_is_not_there_is_refused_with_what_is(shop: Place) -> None:
    mesh = read_offline(shop.config, START)
    with pytest.raises(RequestRefused, match="is no cluster") as caught:
        known_cluster(shop.config, "north")
    assert caught.value.hint == "the clusters are east, west"
    with pytest.raises(RequestRefused, match=r"exports nothing at 10\.9"):
        make_documents(mesh, Role.WORKLOAD, "east", shop.folder, Workload("10.9.9.9"))
    with pytest.raises(RequestRefused, match="which workload"):
        make_documents(mesh, Role.WORKLOAD, "east", shop.folder, None)
