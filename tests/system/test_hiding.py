"""What is told of hidden and replaced routes is what a real istiod makes of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from globaldns.config.routing import Sni
from globaldns.istio.gateway import make_gateway
from globaldns.istio.settings import RouteSettings
from tests.system.api_servers import ApiServer, Object
from tests.system.envoys import ask_admin
from tests.system.istio_kinds import GROUP
from tests.system.istio_mesh import IstioMesh
from tests.system.istio_objects import backends, exported, gateway, pod, pod_object
from tests.system.istiods import MESH, SYSTEM
from tests.system.running import entry, wait_until
from tests.system.sites import namespace

WEB = "web.shop.global"
NEAR, CLIENT, DOOR = (
    pod("east", "web", "shop", 21),
    pod("east", "client", "clients", 11),
    gateway("east"),
)
CLUSTER = f"outbound|9080||{WEB}"
OURS = "outbound_.9080_._.web.shop.svc.cluster.local"
"""The server name that our rule has calls say."""
SHOP_OR_CLIENTS = {
    "key": "kubernetes.io/metadata.name",
    "operator": "In",
    "values": ["shop", "clients"],
}
CANARIES = itertools.count()
POLICY = {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 7}}}}


@pytest.fixture(scope="module")
def mesh(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IstioMesh]:
    """One cluster: a service, a client in another namespace, and a gateway."""
    IstioMesh.skip_where_impossible()
    with IstioMesh(tmp_path_factory.mktemp("istio"), make_api_servers(1)) as mesh:
        (east,) = mesh.sites
        east.api.apply(namespace("shop"), namespace("clients"), pod_object(CLIENT))
        east.api.apply(exported("web", "shop"), pod_object(NEAR), backends("web", "shop", NEAR))
        mesh.start(CLIENT)
        mesh.start(DOOR)
        wait_until(lambda: seen(mesh) == "ours", "the client has our route")
        yield mesh


def seen(mesh: IstioMesh) -> str:
    """Return what the client's Envoy makes of the service."""
    found = clusters(mesh).get(CLUSTER)
    if found is None:
        return "nothing"
    return "ours" if OURS in json.dumps(found) else "theirs"


def clusters(mesh: IstioMesh) -> dict[str, Any]:
    """Return what the client's Envoy was told of clusters, by name."""
    folder = mesh.proxies[CLIENT.full_name].folder
    dump = json.loads(ask_admin(folder, "/config_dump?resource=dynamic_active_clusters") or "{}")
    return {one["cluster"]["name"]: one for one in dump.get("configs", ())}


def told(mesh: IstioMesh) -> set[str]:
    """Return what globaldns says of it, asking the cluster anew."""
    (east,) = mesh.sites
    done = east.replica().run("explain", WEB, "--server", "none", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {one["code"] for one in json.loads(done.stdout)["notices"]}


def theirs(kind: str, namespace: str, **spec: Any) -> Object:
    metadata = {"name": "theirs", "namespace": namespace}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("person", "expected", "codes"),
    [
        (theirs("DestinationRule", "clients", host="*.global"), "theirs", {"other-rule"}),
        (theirs("DestinationRule", "clients", host=WEB, **POLICY), "theirs", {"other-rule"}),
        (theirs("DestinationRule", SYSTEM, host="*.global", **POLICY), "ours", set()),
        (theirs("DestinationRule", "shop", host="*.global", **POLICY), "ours", set()),
        (theirs("DestinationRule", "shop", host=WEB, subsets=[]), "ours", set()),
        (theirs("DestinationRule", "shop", host=WEB, **POLICY), "ours", {"other-rule"}),
        (
            theirs("Sidecar", "clients", egress=[{"hosts": ["./*"]}]),
            "nothing",
            {"hidden-by-sidecar"},
        ),
        (theirs("Sidecar", "clients", egress=[{"hosts": ["./*", "shop/*.global"]}]), "ours", set()),
        (theirs("Sidecar", SYSTEM, egress=[{"hosts": ["./*"]}]), "nothing", {"hidden-by-sidecar"}),
    ],
)
def test_an_object_of_a_persons_does_what_is_told_of_it(
    person: Object, expected: str, codes: set[str], mesh: IstioMesh
) -> None:
    (east,) = mesh.sites
    plural = {"DestinationRule": "destinationrules", "Sidecar": "sidecars"}[person["kind"]]
    east.api.apply(person)
    try:
        if expected == "ours":
            wait_told_all(mesh)
        wait_until(lambda: seen(mesh) == expected, f"it is {expected}")
        assert told(mesh) == codes
    finally:
        east.api.delete(f"{plural}.{GROUP}", "theirs", person["metadata"]["namespace"])
    wait_until(lambda: seen(mesh) == "ours", "it is ours again")
    assert told(mesh) == set()


def wait_told_all(mesh: IstioMesh) -> None:
    """Look until istiod has told the client of something that was written after all else."""
    (east,) = mesh.sites
    host = f"canary-{next(CANARIES)}.clients.example"
    east.api.apply(entry(host))
    name = f"outbound|80||{host}"
    wait_until(lambda: name in clusters(mesh), f"{host} is known")


@pytest.mark.parametrize(
    ("changes", "expected", "codes"),
    [
        ({"defaultServiceExportTo": ["."]}, "nothing", {"unexported"}),
        ({"defaultDestinationRuleExportTo": ["."]}, "theirs", {"unexported"}),
        (
            {"discoverySelectors": [{"matchLabels": {"kubernetes.io/metadata.name": "clients"}}]},
            "nothing",
            {"unwatched-namespace"},
        ),
        (
            {"discoverySelectors": [{"matchExpressions": [SHOP_OR_CLIENTS]}]},
            "ours",
            set(),
        ),
    ],
)
def test_a_mesh_configuration_does_what_is_told_of_it(
    changes: dict[str, Any], expected: str, codes: set[str], mesh: IstioMesh
) -> None:
    (east,) = mesh.sites
    metadata = {"name": "istio", "namespace": SYSTEM}
    data = {"mesh": yaml.safe_dump({**MESH, **changes})}
    mesh.istiods["east"].configure(**changes)
    east.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    try:
        wait_until(lambda: seen(mesh) == expected, f"it is {expected}")
        assert told(mesh) == codes
    finally:
        mesh.istiods["east"].configure()
        east.api.delete("configmaps", "istio", SYSTEM)
    wait_until(lambda: seen(mesh) == "ours", "it is ours again")


def test_a_wildcard_behind_our_gateway_has_an_envoy_refuse_its_listener(mesh: IstioMesh) -> None:
    (east,) = mesh.sites
    door = mesh.proxies[DOOR.full_name]

    def refusals() -> int:
        return sum(door.stats(r"^listener_manager\.lds\.update_rejected$").values())

    east.api.apply(
        make_gateway(RouteSettings("east", ("global",), Sni.GATEWAY, "shop", "c"), ("*.global",))
    )
    wait_until(lambda: WEB in ask_admin(door.folder, "/config_dump"), "the gateway knows names")
    assert refusals() == 0
    east.api.apply(entry("*.shop.global", "240.0.0.9"))
    wait_until(lambda: refusals() > 0, "it refuses what it is told")
