"""What stands beside our routes: in a directory, and in an API server as far as it may be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from globaldns.app.surroundings import (
    Istiods,
    ask_surroundings,
    find_surroundings,
    read_surroundings,
)
from globaldns.istio.hiding import Mesh, Rule, Scope, Surroundings
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.app.meshes import Place
from tests.kube.apiserver.resources import Resource
from tests.kube.fake import FakeApiServer

ISTIO = "networking.istio.io"
RULES = Resource(ISTIO, ("v1",), "destinationrules", "DestinationRule")
SIDECARS = Resource(ISTIO, ("v1",), "sidecars", "Sidecar")
CONFIG_MAPS = Resource("", ("v1",), "configmaps", "ConfigMap")
SYSTEM = "istio-system"
MESH = {
    "discoverySelectors": [{"matchLabels": {"mesh": "on"}}],
    "defaultServiceExportTo": ["."],
    "trustDomain": "cluster.local",
}
CANARY = {
    "discoverySelectors": [{"matchLabels": {"mesh": "off"}}],
    "defaultDestinationRuleExportTo": ["."],
}
ISTIODS = Istiods(SYSTEM, ("", "1-31", "gone"))


def thing(kind: str, name: str, namespace: str, **more: Any) -> dict[str, Any]:
    version = "v1" if kind in {"ConfigMap", "Namespace"} else f"{ISTIO}/v1"
    metadata = {"name": name, "namespace": namespace, "labels": more.pop("labels", {})}
    if kind == "Namespace":
        del metadata["namespace"]
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


OBJECTS = [
    thing("DestinationRule", "all", "web", spec={"host": "*.global", "trafficPolicy": {"tls": {}}}),
    thing(
        "DestinationRule",
        "cart-global",
        "shop",
        labels={"globaldns.io/owned-by": "east"},
        spec={"host": "cart.shop.global"},
    ),
    thing("DestinationRule", "odd", "web", spec={"host": 5}),
    thing("Sidecar", "default", "web", spec={"egress": [{"hosts": ["./*"]}]}),
    thing("ConfigMap", "istio", SYSTEM, data={"mesh": yaml.safe_dump(MESH)}),
    thing("ConfigMap", "istio-1-31", SYSTEM, data={"mesh": yaml.safe_dump(CANARY)}),
    thing("ConfigMap", "other", SYSTEM, data={"mesh": "x"}),
    thing("ConfigMap", "istio-old", SYSTEM, data={"mesh": "x"}),
    thing("ConfigMap", "istio", "web", data={"mesh": "x"}),
    thing("Namespace", "shop", "", labels={"mesh": "on"}),
    thing("Namespace", "web", "", labels={"mesh": "off"}),
]
FOUND = Surroundings(
    rules=(Rule("web", "all", "*.global", has_policy=True),),
    scopes=(Scope("web", "default", ("./*",)),),
    meshes=(
        Mesh(watched=frozenset({SYSTEM, "shop"}), entries_seen_in=(".",)),
        Mesh("1-31", watched=frozenset({SYSTEM, "web"}), rules_seen_in=(".",)),
    ),
    are_rules_known=True,
)
NOTHING = Surroundings(are_rules_known=True)


def test_a_directory_has_what_its_manifests_say(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    (tmp_path / "broken.yaml").write_text("kind: DestinationRule\nmetadata: [")
    assert find_surroundings(tmp_path, ISTIODS) == FOUND


@pytest.mark.parametrize("mesh", ["", "[", "a: 1", "rootNamespace: 5", "---\n"])
def test_a_mesh_configuration_without_a_word_for_us_is_istios_default(
    mesh: str, tmp_path: Path
) -> None:
    written = thing("ConfigMap", "istio", SYSTEM, data={"mesh": mesh})
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(written))
    assert find_surroundings(tmp_path, ISTIODS) == NOTHING


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(RULES, SIDECARS, CONFIG_MAPS) as running:
        for name in (SYSTEM, "shop", "web"):
            running.add_namespace(name)
        for one in OBJECTS:
            running.put(one)
        yield running


@pytest_asyncio.fixture
async def client(server: FakeApiServer) -> AsyncIterator[Client]:
    client = Client(Access(text=json.dumps(server.kubeconfig())))
    yield client
    await client.close()


async def test_an_api_server_has_what_its_objects_say(
    server: FakeApiServer, client: Client
) -> None:
    assert await ask_surroundings(client, ISTIODS) == FOUND
    assert server.count("watch") == 0


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        (RULES.id, {"rules": (), "are_rules_known": False}),
        (SIDECARS.id, {"scopes": ()}),
        (CONFIG_MAPS.id, {"meshes": (Mesh(),)}),
        (
            "namespaces",
            {"meshes": (Mesh(entries_seen_in=(".",)), Mesh("1-31", rules_seen_in=(".",)))},
        ),
    ],
)
async def test_what_may_not_be_read_is_not_known(
    denied: str, left: dict[str, Any], server: FakeApiServer, client: Client
) -> None:
    server.deny(resource=denied)
    found = await ask_surroundings(client, ISTIODS)
    assert {key: getattr(found, key) for key in left} == left
    assert found != Surroundings()


async def test_where_istio_is_not_there_is_nothing_of_it(
    server: FakeApiServer, client: Client
) -> None:
    server.unserve(RULES.id, SIDECARS.id)
    for name in ("istio", "istio-1-31"):
        server.delete(CONFIG_MAPS.id, name, SYSTEM)
    assert await ask_surroundings(client, ISTIODS) == NOTHING


def test_a_cluster_that_is_out_of_reach_has_nothing_that_is_known(place: Place) -> None:
    place.write("east", yaml.safe_dump_all(OBJECTS))
    assert read_surroundings(place.config, "east").meshes == FOUND.meshes[:1]
    config = place.configure(routing={"istio_revisions": ["1-31"]})
    assert read_surroundings(config, "east") == FOUND
    kubeconfig = {"kubernetes": {"kubeconfig": str(place.folder / "none")}}
    config = place.configure(
        clusters={"east": place.cluster("east"), "west": {"source": kubeconfig}}
    )
    assert read_surroundings(config, "west") == Surroundings()
