"""What ``kubectl get globalservices`` shows of a server that runs on a real cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.api_servers import ApiServer, find_program
from tests.system.running import CEILING, ROOT, Mesh, Server, wait_until

NAME = "globalservices.globaldns.io"
CRDS = [yaml.safe_load(path.read_text()) for path in (ROOT / "deploy/crds").glob("*.yaml")]
PIN = "240.0.0.9"


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def exported(name: str, inside: str = "shop") -> list[dict[str, Any]]:
    """Return a Service that is exported, with two endpoints of which one is ready."""
    metadata = {"name": name, "namespace": inside}
    ports = [{"name": "http", "port": 80}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata | {"annotations": {"globaldns.io/export": "true"}},
        "spec": {"clusterIP": "None", "ports": ports},
    }
    endpoints = [{"addresses": [f"10.1.0.{n}"], "conditions": {"ready": n == 1}} for n in (1, 2)]
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata | {"labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }
    return [service, endpoint_slice]


class Cluster:
    """A real cluster, and a configuration of a server in it."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api = api
        self._folder = folder
        self._kubectl = find_program("kubectl")

    def mesh(self, name: str) -> Mesh:
        """Return a configuration with a state directory of its own."""
        mesh = Mesh(self._folder / name)
        source = {"kubernetes": {"kubeconfig": str(self.api.kubeconfig_file())}}
        mesh.settings |= {
            "cluster": "east",
            "clusters": {"east": {"source": source}},
            "vips": {"ledger": {"kubernetes": {}}},
        }
        mesh.configure(grace="5s", lame_duck="0s")
        return mesh

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as an administrator; return what it prints."""
        command = [self._kubectl, "--kubeconfig", str(self.api.kubeconfig_file()), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CEILING, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, name: str) -> dict[str, Any]:
        found = self.api.get(NAME, name, "shop") or {}
        status: dict[str, Any] = found.get("status", {})
        return status

    def reason(self, name: str, condition: str) -> str:
        conditions = self.status(name).get("conditions", [])
        return next((one["reason"] for one in conditions if one["type"] == condition), "")

    def export(self, name: str) -> None:
        """Export a service, and wait until it is shown."""
        self.api.apply(*exported(name))
        wait_until(lambda: self.reason(name, "Ready") == "Answered", f"{name} is shown")
        wait_until(lambda: self.status(name)["ready"] == "1/2", f"the endpoints of {name}")


@pytest.fixture(scope="module")
def cluster(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Cluster:
    (api,) = make_api_servers()
    api.apply(*CRDS, namespace("globaldns"), namespace("shop"))
    return Cluster(api, tmp_path_factory.mktemp("mesh"))


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    with Server(cluster.mesh("server")) as running:
        yield running.wait_ready()


def test_kubectl_shows_every_service_with_its_vip_its_clusters_and_its_endpoints(
    cluster: Cluster, server: Server
) -> None:
    cluster.export("cart")
    head, *rows = cluster.kubectl("get", "globalservices", "-A").splitlines()
    assert head.split() == ["NAMESPACE", "NAME", "HOST", "VIP", "CLUSTERS", "READY", "AGE"]
    (row,) = [one.split() for one in rows if " cart " in one]
    (vip,) = server.addresses("cart.shop.global")
    assert row[:6] == ["shop", "cart", "cart.shop.global", vip, "east", "1/2"]
    wide = cluster.kubectl("-n", "shop", "get", "gsvc", "cart", "-o", "wide").splitlines()
    assert wide[0].split()[-1] == "STATE"
    assert wide[1].split()[-1] == "Answered"


def test_a_pin_that_a_person_writes_moves_the_vip_and_the_status_says_so(
    cluster: Cluster, server: Server
) -> None:
    cluster.export("pinned")
    old = cluster.status("pinned")["vip"]
    patch = f'{{"spec": {{"pins": ["{PIN}"]}}}}'
    cluster.kubectl("-n", "shop", "patch", "gsvc", "pinned", "--type=merge", "-p", patch)
    wait_until(lambda: cluster.reason("pinned", "VIPMoved") == "Pinned", "the move is shown")
    assert server.addresses("pinned.shop.global") == (PIN,)
    wait_until(lambda: cluster.status("pinned")["observedGeneration"] == 2, "it is observed")
    status = cluster.status("pinned")
    assert status["vips"][0]["address"] == status["vip"] == PIN
    assert status["vips"][0]["kind"] == "pinned"
    (moved,) = [one for one in status["conditions"] if one["type"] == "VIPMoved"]
    assert f"from {old} to {PIN}" in moved["message"]
    cluster.api.delete("services", "pinned", "shop")
    wait_until(lambda: cluster.reason("pinned", "Ready") == "NotExported", "it stays, not ready")
    found = cluster.api.get(NAME, "pinned", "shop")
    assert found is not None
    assert found["spec"] == {"pins": [PIN]}


@pytest.mark.parametrize(
    ("spec", "reason", "path"),
    [
        ('{"pins": ["10.1.2.3"]}', "PinOutside", "$.spec.pins"),
        ('{"lost": {"names": {"expire": "99999d"}}}', "LostPolicy", "$.spec.lost.names.expire"),
        ('{"renumber": "3026-01-02T03:04:05Z"}', "RenumberTime", "$.spec.renumber"),
    ],
)
@pytest.mark.usefixtures("server")
def test_a_spec_that_the_api_server_takes_and_we_refuse_is_told_in_the_status(
    cluster: Cluster, spec: str, reason: str, path: str
) -> None:
    name = reason.lower()
    cluster.export(name)
    vip = cluster.status(name)["vip"]
    patch = ("patch", "gsvc", name, "--type=merge", "-p")
    cluster.kubectl("-n", "shop", *patch, f'{{"spec": {spec}}}')
    wait_until(lambda: cluster.reason(name, "Accepted") == reason, "it is refused")
    (told,) = [one for one in cluster.status(name)["conditions"] if one["type"] == "Accepted"]
    assert (told["status"], told["observedGeneration"]) == ("False", 2)
    assert path in told["message"]
    assert "(fix: " in told["message"]
    cluster.kubectl(
        "-n", "shop", *patch, '{"spec": {"pins": null, "lost": null, "renumber": null}}'
    )
    wait_until(lambda: cluster.reason(name, "Accepted") != reason, "it is mended")
    wait_until(lambda: cluster.reason(name, "Ready") == "Answered", "and answered")
    if reason != "PinOutside":
        assert cluster.status(name)["vip"] == vip


@pytest.mark.usefixtures("server")
def test_the_object_of_a_service_that_is_gone_goes_too(cluster: Cluster) -> None:
    cluster.export("gone")
    cluster.api.delete("services", "gone", "shop")
    wait_until(lambda: cluster.api.get(NAME, "gone", "shop") is None, "it is deleted")


def test_a_command_without_a_server_of_its_own_wishes_for_another_number(
    cluster: Cluster, server: Server
) -> None:
    cluster.export("moving")
    old = cluster.status("moving")["vip"]
    done = cluster.mesh("elsewhere").run("vip", "renumber", "moving.shop.global")
    assert done.returncode == 0, done.stderr
    assert "kubectl -n shop get globalservice moving" in done.stderr
    assert done.stdout.splitlines()[1].split() == ["moving.shop", old, "<none>", "wished"]
    wait_until(lambda: "renumberedAt" in cluster.status("moving"), "the wish is obeyed")
    wait_until(lambda: cluster.reason("moving", "VIPMoved") == "Renumbered", "and shown")
    new = cluster.status("moving")["vip"]
    assert new != old
    assert server.addresses("moving.shop.global") == (new,)


def test_what_is_shown_already_is_not_written_again_by_the_next_server(
    cluster: Cluster, server: Server
) -> None:
    cluster.export("still")
    wait_until(lambda: server.metric("globaldns_status_pending") == 0, "all is written")
    version = (cluster.api.get(NAME, "still", "shop") or {})["metadata"]["resourceVersion"]
    server.kill()
    with Server(cluster.mesh("next")) as following:
        following.wait_ready()
        cluster.export("new")
        found = cluster.api.get(NAME, "still", "shop")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == version
