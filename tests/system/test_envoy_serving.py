"""What a server keeps for a real Envoy: routes that outlive names, certificates that come late."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.envoys import Authority, ask_admin, find_envoy, running, spiffe
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
        self.certs = folder / "certs"
        self.mesh = Mesh(
            folder / "mesh",
            zones=["global"],
            vips={"pools": ["127.243.0.0/16"], "allow_special": ["127.0.0.0/8"]},
            dns={"ttl": f"{TTL}s", "negative_ttl": f"{TTL}s"},
            envoy={
                "directory": str(self.documents),
                "certificate": str(self.certs / "cert.pem"),
                "key": str(self.certs / "key.pem"),
                "authority": str(self.certs / "root.pem"),
            },
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

    def certificates(self) -> int:
        """How many pairs of certificate and root the Envoy shows its peers."""
        found = json.loads(ask_admin(self.folder, "/certs") or "{}")
        return sum(bool(one.get("cert_chain")) for one in found.get("certificates", ()))

    def put(self, name: str, source: Path) -> None:
        """Put a PEM file there by renaming."""
        part = self.certs / f".{name}"
        shutil.copy(source, part)
        part.rename(self.certs / name)


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


@pytest.mark.parametrize("has_folder", [False, True])
def test_certificates_that_come_late_are_taken(
    place: Place, tmp_path: Path, *, has_folder: bool
) -> None:
    authority = Authority(tmp_path / "root")
    identity = authority.issue("client", spiffe("clients"))
    if has_folder:
        place.certs.mkdir()
    checked = place.mesh.run("check").stdout
    assert all(f"$.envoy.{key}: " in checked for key in ("certificate", "key", "authority"))
    with place.serving() as server:
        wait_until(lambda: "Envoys lack PEM files" in server.log, "it is said")
        assert place.certificates() == 0
        place.certs.mkdir(exist_ok=True)
        place.put("root.pem", identity.authority)
        place.put("cert.pem", identity.certificate)
        time.sleep(2.5)  # the server looks at the half of them
        place.put("key.pem", identity.key)
        wait_until(lambda: place.certificates() > 0, "the Envoy has them")
        wait_until(lambda: "Envoys have all PEM files" in server.log, "it is said")
        before = ask_admin(place.folder, "/certs")
        renewed = authority.issue("client", spiffe("clients"))
        place.put("cert.pem", renewed.certificate)
        place.put("key.pem", renewed.key)
        wait_until(lambda: ask_admin(place.folder, "/certs") != before, "they are renewed")
    assert "no-certificate" not in place.mesh.run("check").stdout
