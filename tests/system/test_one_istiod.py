"""One istiod serves two clusters of one network: plain names of the one resolve in the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.system.api_servers import ApiServer
from tests.system.istio_mesh import SHARED, IstioMesh
from tests.system.istio_objects import PORTS, backends, exported, pod, pod_object
from tests.system.running import wait_until
from tests.system.sites import namespace
from tests.system.test_istiod import SAY

HTTP, TCP, _ = (number for number, _ in PORTS.values())
PLAIN, GLOBAL = "web.shop.svc.cluster.local", "web.shop.global"
CLIENT, FAR = (
    msgspec.structs.replace(one, shared_network=SHARED)
    for one in (pod("east", "client", "clients", 11), pod("west", "web", "shop", 21))
)


@pytest.fixture
def mesh(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IstioMesh]:
    """A client in east, which has no istiod, and a service in west, which has."""
    IstioMesh.skip_where_impossible()
    folder, apis = tmp_path_factory.mktemp("istio"), make_api_servers(2)
    with IstioMesh(folder, apis, primary="west") as mesh:
        east, west = mesh.sites
        east.api.apply(namespace("clients"), pod_object(CLIENT))
        west.api.apply(namespace("shop"))
        mesh.start(CLIENT)
        yield mesh


def test_a_plain_name_leads_to_a_pod_of_the_cluster_that_has_the_service(mesh: IstioMesh) -> None:
    east, west = mesh.sites
    client = mesh.proxies[CLIENT.full_name]

    def resolved(name: str) -> str:
        words = client.run("getent", "ahostsv4", name).stdout.split()
        return words[0] if words else ""

    def answering(name: str) -> set[str]:
        asked = client.curl(name, HTTP).stdout or "{}"
        said = client.run(sys.executable, "-c", SAY, name, str(TCP)).stdout
        return {json.loads(asked).get("pod", ""), said.partition(" ")[0]}

    assert resolved(PLAIN) == "", "east has no such Service"
    mesh.start(FAR, runs=True)
    at = FAR.name, FAR.namespace
    west.api.apply(pod_object(FAR), backends(*at, FAR), exported(*at))
    wait_until(lambda: resolved(PLAIN) != "", "its name resolves")
    replica = east.api.get("services", *at)
    assert replica is not None
    assert resolved(PLAIN) == replica["spec"]["clusterIP"]
    assert replica["metadata"]["labels"]["globaldns.io/owned-by"] == "east"
    assert "selector" not in replica["spec"]
    wait_until(lambda: answering(PLAIN) == {FAR.full_name}, "the pod answers by its plain name")
    wait_until(lambda: answering(GLOBAL) == {FAR.full_name}, "and by its global one")
    assert resolved(GLOBAL) == mesh.sites.wait_agreed(GLOBAL)
    assert mesh.faults() == {}
    for kind in ("services", "endpointslices.discovery.k8s.io"):
        west.api.delete(kind, *at)
    wait_until(lambda: resolved(PLAIN) == "", "the name goes with the service")
