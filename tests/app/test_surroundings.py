"""What stands beside our routes: in a directory, and in an API server as far as it may be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from globaldns.app import surroundings
from globaldns.app.surroundings import (
    Lookout,
    ask_surroundings,
    find_surroundings,
    read_surroundings,
)
from globaldns.istio.hiding import Rule, Scope, Surroundings
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.app.meshes import Place, until
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
    thing("ConfigMap", "other", SYSTEM, data={"mesh": "x"}),
    thing("Namespace", "shop", "", labels={"mesh": "on"}),
    thing("Namespace", "web", "", labels={"mesh": "off"}),
]
FOUND = Surroundings(
    rules=(Rule("web", "all", "*.global", has_policy=True),),
    scopes=(Scope("web", "default", ("./*",)),),
    watched=frozenset({SYSTEM, "shop"}),
    entries_seen_in=(".",),
)


def test_a_directory_has_what_its_manifests_say(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    (tmp_path / "broken.yaml").write_text("kind: DestinationRule\nmetadata: [")
    assert find_surroundings(tmp_path, SYSTEM) == FOUND


@pytest.mark.parametrize("mesh", ["", "[", "a: 1", "rootNamespace: 5", "---\n"])
def test_a_mesh_configuration_without_a_word_for_us_is_istios_default(
    mesh: str, tmp_path: Path
) -> None:
    written = thing("ConfigMap", "istio", SYSTEM, data={"mesh": mesh})
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(written))
    assert find_surroundings(tmp_path, SYSTEM) == Surroundings()


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
    assert await ask_surroundings(client, SYSTEM) == FOUND
    assert server.count("watch") == 0


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        (RULES.id, {"rules": ()}),
        (SIDECARS.id, {"scopes": ()}),
        (CONFIG_MAPS.id, {"watched": None, "entries_seen_in": ("*",)}),
        ("namespaces", {"watched": None}),
    ],
)
async def test_what_may_not_be_read_is_not_known(
    denied: str, left: dict[str, Any], server: FakeApiServer, client: Client
) -> None:
    server.deny(resource=denied)
    found = await ask_surroundings(client, SYSTEM)
    assert {key: getattr(found, key) for key in left} == left
    assert found != Surroundings()


async def test_where_istio_is_not_there_is_nothing_of_it(
    server: FakeApiServer, client: Client
) -> None:
    server.unserve(RULES.id, SIDECARS.id)
    server.delete(CONFIG_MAPS.id, "istio", SYSTEM)
    assert await ask_surroundings(client, SYSTEM) == Surroundings()


async def test_a_server_looks_again_and_keeps_what_it_saw_while_nobody_answers(
    server: FakeApiServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "LOOK_SECONDS", 0.01)
    lookout = Lookout(client, lambda: SYSTEM)
    running = asyncio.create_task(lookout.run())
    try:
        await until(lambda: lookout.around == FOUND)
        await server.stop()
        await asyncio.sleep(0.05)
        assert lookout.around == FOUND
        await server.start()
        server.delete(SIDECARS.id, "default", "web")
        await until(lambda: lookout.around.scopes == ())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_cluster_that_is_out_of_reach_has_nothing_that_is_known(place: Place) -> None:
    place.write("east", yaml.safe_dump_all(OBJECTS))
    assert read_surroundings(place.config, "east") == FOUND
    kubeconfig = {"kubernetes": {"kubeconfig": str(place.folder / "none")}}
    config = place.configure(
        clusters={"east": place.cluster("east"), "west": {"source": kubeconfig}}
    )
    assert read_surroundings(config, "west") == Surroundings()
