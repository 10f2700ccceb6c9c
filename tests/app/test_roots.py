"""What clusters believe, from their directories and API servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml

from globaldns.app.reaching import _ask_servers
from globaldns.app.roots import _read_answer, read_roots
from globaldns.config.schema import Config
from globaldns.errors import ApiError, ApiRefused
from globaldns.sources.secrets import RemoteClusters
from globaldns.trust.pem import find_root, format_certificates
from globaldns.trust.roots import Bundle
from tests.app.meshes import Place
from tests.kube.fake import FakeApiServer
from tests.trust.authorities import make_root

ROOT = make_root().certificate
OTHER = make_root().certificate
PATH = "/api/v1/namespaces/istio-system/configmaps/istio-ca-root-cert"
PLACE = "ConfigMap istio-system/istio-ca-root-cert"


def config_map(*roots: Any, namespace: str = "istio-system") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio-ca-root-cert", "namespace": namespace},
        "data": {"root-cert.pem": format_certificates(roots or [ROOT]).decode()},
    }


def fingerprints(bundle: Bundle) -> list[str]:
    return [root.fingerprint for root in bundle.roots]


def test_directories_are_read_as_the_namespace_says(place: Place) -> None:
    place.write("east", yaml.safe_dump(config_map(ROOT, OTHER)))
    place.write("west", yaml.safe_dump(config_map(namespace="mesh")))
    east, west = read_roots(place.config)
    assert fingerprints(east) == [find_root(ROOT).fingerprint, find_root(OTHER).fingerprint]
    assert west.reason.endswith(f"west has no {PLACE}")
    assert "kubectl get configmap istio-ca-root-cert -n istio-system" in west.hint
    east, west = read_roots(place.configure(system_namespace="mesh"))
    assert (bool(east.roots), bool(west.roots)) == (False, True)


def test_a_directory_that_cannot_be_read_is_not_known(place: Place) -> None:
    place.write("east", "kind: [istio-ca-root-cert")
    east, west = read_roots(place.config)
    assert east.reason.startswith("f.yaml: ")
    assert west.reason.startswith("its directory cannot be read")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, f"{PLACE} has no root-cert.pem"),
        ({"other": "x"}, f"{PLACE} has no root-cert.pem"),
        ({"root-cert.pem": ""}, f"root-cert.pem of {PLACE} holds no certificate"),
        ({"root-cert.pem": "hello"}, f"root-cert.pem of {PLACE} holds no certificate"),
    ],
)
def test_a_config_map_without_a_root_says_so(place: Place, data: Any, reason: str) -> None:
    place.write("east", yaml.safe_dump(config_map() | {"data": data}))
    assert read_roots(place.config)[0].reason == reason


@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        (ApiRefused("not found", status=404), "not found", "istiod writes it"),
        (ApiRefused("forbidden", status=403), "forbidden", "allow get of configmaps named istio"),
        (ApiError("gone", hint="look"), "gone", "look"),
        (b"{}", f"{PLACE}: an answer that is no ConfigMap", ""),
        (b"<html>", f"{PLACE}: an answer that is no ConfigMap", ""),
    ],
)
def test_an_answer_without_a_config_map_is_not_known(
    answer: bytes | ApiError, reason: str, hint: str
) -> None:
    bundle = _read_answer("west", answer, PLACE)
    assert not bundle.roots
    assert bundle.reason.startswith(reason)
    assert bundle.hint.startswith(hint)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer() as running:
        yield running


def configured(place: Place, server: FakeApiServer) -> Config:
    """Return a configuration in which west has this API server, south by a remote secret only."""
    folder = place.folder / "kubeconfigs"
    folder.mkdir()
    (folder / "south").write_text(yaml.safe_dump(server.kubeconfig()))
    reached = {"source": {"kubernetes": {"kubeconfig": str(folder / "south")}}}
    return place.configure(
        clusters={"east": place.cluster("east"), "west": reached, "north": {}},
        remote_secrets={"directory": "kubeconfigs", "allow_exec": True},
    )


async def test_api_servers_are_asked_for_one_config_map_and_no_secret(
    place: Place, server: FakeApiServer
) -> None:
    config = configured(place, server)
    place.write("east", yaml.safe_dump(config_map()))
    server.put(config_map(OTHER))
    server.deny(resource="secrets")
    server.deny(verb="list")
    east, north, south, west = await asyncio.to_thread(read_roots, config)
    assert fingerprints(east) == [find_root(ROOT).fingerprint]
    assert fingerprints(west) == fingerprints(south) == [find_root(OTHER).fingerprint]
    assert (north.roots, north.reason) == ((), "it has no remote secret")


async def test_a_server_that_refuses_or_is_silent_is_not_known(
    place: Place, server: FakeApiServer
) -> None:
    config = configured(place, server)
    absent = (await _ask_servers(config, RemoteClusters({}), PATH))["west"]
    assert isinstance(absent, ApiRefused)
    assert absent.status == 404
    server.put(config_map())
    server.deny(resource="configmaps")
    denied = (await _ask_servers(config, RemoteClusters({}), PATH))["west"]
    assert isinstance(denied, ApiRefused)
    assert denied.status == 403
    await server.stop()
    assert isinstance((await _ask_servers(config, RemoteClusters({}), PATH))["west"], ApiError)
