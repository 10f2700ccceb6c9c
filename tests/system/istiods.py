"""Real istiods on real API servers, for Envoys that reach them from namespaces of their own.

A stock Envoy has none of Istio's own filters: what would configure them is turned off.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

from tests.system.api_servers import ApiServer, find_program
from tests.system.namespaces import DIE_WITH_PARENT
from tests.system.running import CEILING, free_port, wait_until
from tests.system.sites import Wire

VERSION = "1.31.0"
SYSTEM = "istio-system"
MESH: dict[str, Any] = {"rootNamespace": SYSTEM, "defaultProviders": {}, "enableTracing": False}
ENVIRONMENT = {
    "PILOT_CERT_PROVIDER": "none",
    "POD_NAMESPACE": SYSTEM,
    "POD_NAME": "istiod",
    "INJECTION_WEBHOOK_CONFIG_NAME": "",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
_FAULTS = re.compile(r"pilot_(conflict_.*|duplicate_.*|total_xds_rejects|xds_\wds_reject)")


class Pipe(Wire):
    """A way to a port of loopback that begins at a file: namespaces have files in common."""

    def __init__(self, file: Path, target: int) -> None:
        super().__init__(target)
        self.file = file

    def _listen(self) -> socket.socket:
        self.file.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.file))
        listener.listen()
        return listener


class Istiod:
    """The istiod of one cluster; leaving the ``with`` kills it."""

    def __init__(self, cluster: str, api: ApiServer, folder: Path) -> None:
        self._program = find_program("pilot-discovery")
        self._cluster = cluster
        self._api = api
        self._folder = folder
        ports = {name: free_port() for name in ("http", "grpc", "monitoring")}
        self._at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        self._pipe = Pipe(folder / "istiod.sock", ports["grpc"])

    def __enter__(self) -> Self:
        self._mesh.parent.mkdir(parents=True)
        self.configure()
        with (self._folder / "istiod.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(*DIE_WITH_PARENT, self._program, "discovery"),
                    "--registries=Kubernetes",
                    f"--kubeconfig={self._api.kubeconfig_file(self._cluster)}",
                    f"--clusterID={self._cluster}",
                    *(f"--{name}Addr={address}" for name, address in self._at.items()),
                    *("--secureGRPCAddr=", "--httpsAddr=", "--ctrlz_port=0"),
                ],
                cwd=self._folder,
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._pipe.join()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait(CEILING)
        self._pipe.cut()

    def configure(self, **changes: Any) -> None:
        """Have the mesh configuration, with some keys changed; it is read while it runs too."""
        part = self._folder / "mesh"
        part.write_text(yaml.safe_dump({**MESH, **changes}))
        part.replace(self._mesh)

    @property
    def _mesh(self) -> Path:
        return self._folder / "etc/istio/config/mesh"

    @property
    def socket(self) -> Path:
        """Where Envoys find it."""
        return self._pipe.file

    def wait_ready(self) -> None:
        """Look until it has read its cluster."""
        wait_until(self._is_ready, f"the istiod of {self._cluster} is ready")

    def faults(self) -> dict[str, float]:
        """Return what it counts of conflicts in what it makes, and of what Envoys refuse."""
        lines = (line for line in self._get("monitoring", "/metrics").splitlines() if line)
        found = (line.rpartition(" ") for line in lines if _FAULTS.match(line))
        return {name: float(value) for name, _, value in found if float(value)}

    def _is_ready(self) -> bool:
        log = (self._folder / "istiod.log").read_text(errors="replace")
        assert self._process.poll() is None, log[-4000:]
        try:
            return self._get("http", "/ready") is not None
        except OSError:
            return False

    def _get(self, which: str, path: str) -> str:
        with urllib.request.urlopen(f"http://{self._at[which]}{path}", timeout=CEILING) as reply:
            body: bytes = reply.read()
        return body.decode()
