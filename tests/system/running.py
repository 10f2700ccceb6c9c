"""A real ``globaldns serve`` on a copy of the example: started, asked, killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import dns.message
import dns.query
import dns.rcode
import yaml

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "globaldns")
CEILING = 60.0
"""Seconds after which a condition that has not come true is a failure; never what is measured."""
PORTS = range(20000, 32768)
"""Below what Linux gives to who asks for any (net.ipv4.ip_local_port_range)."""


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = CEILING) -> None:
    """Look until a condition holds.

    Raises:
        AssertionError: it did not hold within the ceiling.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that is free on both loopback addresses for UDP and TCP, and given once.

    Where several processes run tests side by side, each has its own share of the ports. None of
    them is one that the kernel chooses for who names no port.
    """
    return next(_unused)


def _free_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = PORTS[worker::workers]
    # Another run beside this one has the same shares, and begins elsewhere in them.
    first = os.getpid() * 7919 % len(share)
    for port in (*share[first:], *share[:first]):
        if all(_is_free(family, kind, port) for family, kind in _SOCKETS):
            yield port


_unused = _free_ports()
_SOCKETS = [
    (family, kind)
    for family in (socket.AF_INET, socket.AF_INET6)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
]


def _is_free(family: socket.AddressFamily, kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(family, kind) as probe:
        try:
            probe.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
        except OSError:
            return False
    return True


def merge(onto: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with another laid over it, section by section."""
    merged = dict(onto)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


class Mesh:
    """A folder with a configuration, three clusters' manifests and a state directory."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        shutil.copytree(ROOT / "globaldns/example", folder, dirs_exist_ok=True)
        self.folder = folder
        self.config = folder / "globaldns.yaml"
        self.state = folder / "state"
        self.dns_port = free_port()
        self.admin_port = free_port()
        self.settings: dict[str, Any] = yaml.safe_load(self.config.read_text())
        self.configure(
            state="state",
            grace="2s",
            lame_duck="1s",
            vips={"pools": ["240.128.0.0/10", "fd67:6c6f:6261:6c00::/64"]},
            dns={"listen": [f"127.0.0.1:{self.dns_port}", f"[::1]:{self.dns_port}"]},
            admin={"listen": f"127.0.0.1:{self.admin_port}"},
        )
        self.configure(**changes)

    def configure(self, **changes: Any) -> None:
        """Write the configuration with some keys changed."""
        self.settings = merge(self.settings, changes)
        self.replace(self.config, yaml.safe_dump(self.settings))

    def cluster(self, name: str) -> Path:
        """Return a cluster's directory of manifests."""
        return self.folder / "example" / name

    def write(self, cluster: str, name: str, *objects: Mapping[str, Any]) -> Path:
        """Write a manifest, whole at once."""
        path = self.cluster(cluster) / name
        self.replace(path, yaml.safe_dump_all(objects, sort_keys=False))
        return path

    def replace(self, path: Path, text: str) -> None:
        """Put a text in a file's place so that nobody ever reads half of it."""
        part = self.folder / f".{path.name}.part"
        part.write_text(text)
        part.replace(path)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this configuration."""
        return subprocess.run(
            [*COMMAND, *arguments, "--config", str(self.config)],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=CEILING,
            check=False,
        )


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "STATE_DIRECTORY"}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}


def entry(host: str, *addresses: str, namespace: str = "", **spec: Any) -> dict[str, Any]:
    """Return a ServiceEntry for ``name.namespace.global``, as a person would write it."""
    labels = host.split(".")
    name = labels[0].replace("*", "all")[:63]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": namespace or labels[1]},
        "spec": {
            "hosts": [host],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "10.10.9.9"}],
            **({"addresses": list(addresses)} if addresses else {}),
            **spec,
        },
    }


def ledger(cluster: str, *claims: str) -> dict[str, Any]:
    """Return the ledger that a cluster keeps of its own; claims as ``vip export`` prints them."""
    marker = {"id": "first", "created": "2026-01-02T03:04:05Z"}
    data = "".join(f"{claim}\n" for claim in claims)
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": "VIPLedger",
        "metadata": {"name": "shard-0", "namespace": "globaldns"},
        "spec": {"cluster": cluster, "marker": marker, "data": data},
    }


class Server:
    """One process of ``globaldns serve``; leaving the ``with`` kills it if it still runs."""

    def __init__(
        self, mesh: Mesh, *, before: Iterable[str] = (), environment: Mapping[str, str] = {}
    ) -> None:
        self.mesh = mesh
        self.log_file = mesh.folder / f"serve-{time.monotonic_ns()}.log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*before, *COMMAND, "serve", "--config", str(mesh.config)],
                cwd=mesh.folder,
                env=_environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """Everything it has printed."""
        return self.log_file.read_text(errors="replace")

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message | None:
        """Return the reply to a question; None if nobody answers there."""
        question = dns.message.make_query(name, kind)
        exchange = dns.query.tcp if tcp else dns.query.udp
        try:
            return exchange(question, "127.0.0.1", port=self.mesh.dns_port, timeout=5)
        except (OSError, EOFError, dns.exception.Timeout):
            return None

    def rcode(self, name: str, kind: str = "A") -> str:
        """Return the response code of a question; ``silent`` if nobody answers."""
        reply = self.ask(name, kind)
        return "silent" if reply is None else dns.rcode.to_text(reply.rcode())

    def addresses(self, name: str, kind: str = "A") -> tuple[str, ...]:
        """Return the addresses that a name answers with."""
        reply = self.ask(name, kind)
        sets = reply.answer if reply else []
        return tuple(sorted(str(record) for rrset in sets for record in rrset))

    def ttl(self, name: str) -> int:
        """Return the TTL of a name's addresses; 0 without any."""
        reply = self.ask(name)
        return reply.answer[0].ttl if reply and reply.answer else 0

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of the admin endpoint; status 0 if nobody listens."""
        url = f"http://127.0.0.1:{self.mesh.admin_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, sample: str) -> float | None:
        """Return the value of ``name{label="value"}`` as ``/metrics`` prints it."""
        for line in self.get("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return None

    def is_ready(self) -> bool:
        """Whether it says that it is ready.

        Raises:
            AssertionError: it has ended.
        """
        assert self.process.poll() is None, f"exit code {self.process.poll()}: {self.log}"
        return self.get("/readyz")[0] == 200

    def wait_ready(self) -> Self:
        """Return itself once it is ready."""
        try:
            wait_until(self.is_ready, "ready")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.get('/readyz')[1]}\n{self.log}") from None
        return self

    def wait_answer(self, name: str, *addresses: str) -> None:
        """Look until a name answers, with these addresses if any are given."""
        wait_until(
            lambda: (found := self.addresses(name)) != () and (not addresses or found == addresses),
            f"{name} answers",
        )

    def wait_log(self, text: str) -> None:
        """Look until the log says something."""
        wait_until(lambda: text in self.log, f"the log says {text!r}")

    def wait_exit(self) -> int:
        """Return the exit code once it has ended by itself."""
        return self.process.wait(CEILING)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(CEILING)
