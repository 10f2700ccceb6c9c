"""What a server keeps for a real Envoy: routes that outlive names."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.envoys import find_envoy, running
from tests.system.running import Mesh, Server, entry, free_port, wait_until

HOST = "late.shop.global"
NOBODY = "127.61.0.9"
TTL = 2


class Place:
    """A server that keeps documents for one Envoy, which listens for a service of one endpoint."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.documents = folder / "documents"
        self.folder = self.documents / "sidecar"
        self.mesh = Mesh(
            folder / "mesh",
            zones=["global"],
            vips={"pools": ["127.243.0.0/16"], "allow_special": ["127.0.0.0/8"]},
            dns={"ttl": f"{TTL}s", "negative_ttl": f"{TTL}s"},
            envoy={"directory": str(self.documents)},
        )
        mutual = {"address": NOBODY, "labels": {"security.istio.io/tlsMode": "istio"}}
        ports = [{"number": self.port, "name": "http", "protocol": "HTTP"}]
        exported = entry(HOST, ports=ports, endpoints=[mutual])
        self.manifest = self.mesh.write("east", "late.yaml", exported)

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Run the server, and the Envoy once it has documents."""
        with Server(self.mesh) as server:
            server.wait_ready()
            wait_until((self.folder / "lds.json").exists, "the documents are written")
            bootstrap = ("--role", "sidecar", "--admin", f"unix:{self.folder / 'admin.sock'}")
            made = self.mesh.run("envoy", "bootstrap", *bootstrap, "-o", "json")
            assert made.returncode == 0, made.stderr
            with running(find_envoy(), json.loads(made.stdout), self.folder):
                yield server

    def listens(self, vip: str) -> bool:
        """Whether the Envoy takes connections for a VIP."""
        try:
            socket.create_connection((vip, self.port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_route_stands_until_no_client_knows_its_name(place: Place) -> None:
    with place.serving() as server:
        (vip,) = server.addresses(HOST)
        wait_until(lambda: place.listens(vip), "it is routed")
        place.manifest.unlink()
        wait_until(lambda: server.rcode(HOST) == "NXDOMAIN", "its name is gone")
        gone = time.monotonic()
        while time.monotonic() < gone + TTL:  # so long clients may have the answer of just before
            assert place.listens(vip)
            time.sleep(0.1)
        wait_until(lambda: not place.listens(vip), "its route is gone")
