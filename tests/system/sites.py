"""A mesh of real clusters: an API server each, and one or two ``globaldns serve`` beside it."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.system.api_servers import ApiServer, Object
from tests.system.running import CEILING, ROOT, Mesh, Server, free_port, merge, wait_until

NAMESPACE = "globaldns"
CRDS = ROOT / "deploy/crds"


class Wire:
    """A way to a port of loopback that can be cut; connections that there are die with it."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def join(self) -> None:
        """Let connections through."""
        if self._listener is None:
            self._listener = self._listen()
            self._start(self._accept, self._listener)

    def cut(self) -> None:
        """Let none through."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _listen(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", self.port))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self._start(self._carry, near)

    def _carry(self, near: socket.socket) -> None:
        """Carry a connection until it ends."""
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            with self._lock:
                self._open |= {near, far}
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
            with self._lock:
                self._open -= {near, far}

    def _start(self, run: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry octets one way until there are no more."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Replica(Mesh):
    """A configuration and a state directory of one replica."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.config = folder / "globaldns.yaml"
        self.state = folder / "state"
        self.dns_port, self.admin_port = free_port(), free_port()
        self.settings = {}
        self.configure(
            **merge(
                {
                    "state": "state",
                    "grace": "3s",
                    "lame_duck": "0s",
                    "vips": {"ledger": {"kubernetes": {}}},
                    "dns": {"listen": [f"127.0.0.1:{self.dns_port}"], "ttl": "5s"},
                    "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
                },
                settings,
            )
        )


class Site:
    """One cluster."""

    def __init__(
        self, name: str, api: ApiServer, folder: Path, settings: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.api = api
        self.folder = folder
        self.servers: list[Server] = []
        self._settings = settings
        self._replicas: list[Replica] = []

    def prepare(self) -> None:
        """Install the kinds and make our namespace."""
        crds = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
        self.api.apply(*crds, namespace(NAMESPACE))
        for plural in ("vipledgers", "globalservices", "clusterfences"):
            wait_until(
                lambda plural=plural: (
                    self.api.request("GET", f"/apis/globaldns.io/v1alpha1/{plural}")[0] == 200
                ),
                f"{plural} are served",
            )

    def replica(self, number: int = 0) -> Replica:
        """Return one replica's configuration, the same each time."""
        while len(self._replicas) <= number:
            kubeconfig = {"kubernetes": {"kubeconfig": str(self.api.kubeconfig_file(self.name))}}
            settings = merge(
                {"cluster": self.name, "clusters": {self.name: {"source": kubeconfig}}},
                self._settings,
            )
            folder = self.folder / f"{self.name}-{len(self._replicas)}"
            self._replicas.append(Replica(folder, settings))
        return self._replicas[number]

    def know(self, other: Site, *, port: int | None = None, user: str = "admin") -> None:
        """Have a remote secret of another cluster, reached directly or by a wire."""
        config = other.api.kubeconfig(other.name, user)
        if port is not None:
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        self.api.apply(remote_secret(other.name, config))

    def forget(self, other: Site) -> None:
        """Have no remote secret of another cluster."""
        self.api.delete("secrets", secret_name(other.name), NAMESPACE)

    def claims(self, role: str = "own") -> dict[str, list[str]]:
        """Return the lines of its claims of a role that stand, by host."""
        found: dict[str, list[str]] = {}
        for one in self.api.objects("vipledgers.globaldns.io", NAMESPACE):
            if one["spec"].get("role", "own") != role:
                continue
            for line in one["spec"]["data"].splitlines():
                if line.split()[5] == "-":
                    found.setdefault(line.split()[0], []).append(line)
        return found

    @property
    def server(self) -> Server:
        """Its first replica's server."""
        return self.servers[0]


class Sites:
    """Several clusters that know each other, each way by a wire of its own."""

    def __init__(self, folder: Path, apis: Sequence[ApiServer], **settings: Any) -> None:
        names = ("east", "west", "north")[: len(apis)]
        self.sites = [
            Site(name, api, folder, settings) for name, api in zip(names, apis, strict=True)
        ]
        self._wires: dict[tuple[str, str], Wire] = {}
        self._stack = ExitStack()

    def __iter__(self) -> Iterator[Site]:
        return iter(self.sites)

    def __getitem__(self, name: str) -> Site:
        return next(site for site in self.sites if site.name == name)

    def join(self) -> None:
        """Prepare all clusters, and have each know the others."""
        for site in self:
            site.prepare()
        for reader in self:
            for target in self:
                if target is not reader:
                    port = int(target.api.url.rpartition(":")[2])
                    wire = self._wires[reader.name, target.name] = Wire(port)
                    wire.join()
                    reader.know(target, port=wire.port)

    def serve(self, replicas: int = 1) -> None:
        """Start servers in every cluster, and wait until all are ready."""
        for site in self:
            for number in range(replicas):
                self.start(site, number)
        for site in self:
            for server in site.servers:
                server.wait_ready()

    def start(self, site: Site, number: int = 0, **environment: str) -> Server:
        """Start one server."""
        server = self._stack.enter_context(Server(site.replica(number), environment=environment))
        if number < len(site.servers):
            site.servers[number] = server
        else:
            site.servers.append(server)
        return server

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """Cut one cluster off from the others, in both directions."""
        wires = [wire for ends, wire in self._wires.items() if name in ends]
        for wire in wires:
            wire.cut()
        try:
            yield
        finally:
            for wire in wires:
                wire.join()

    def wire(self, reader: str, target: str) -> Wire:
        """Return the way from one cluster's server to another's API server."""
        return self._wires[reader, target]

    def close(self) -> None:
        """End all servers and wires."""
        self._stack.close()
        for wire in self._wires.values():
            wire.cut()

    def addresses(self, host: str) -> set[tuple[str, ...]]:
        """Return what the servers answer; one element where all agree."""
        return {server.addresses(host) for site in self for server in site.servers}

    def wait_agreed(self, host: str, *, seconds: float = CEILING) -> str:
        """Return the one address that every server answers, once they do."""
        wait_until(
            lambda: len(found := self.addresses(host)) == 1 and found != {()},
            f"{host} is answered by all: {self.addresses(host)}",
            seconds=seconds,
        )
        ((address,),) = self.addresses(host)
        return address

    def wait_gone(self, host: str) -> None:
        """Look until no server knows a name."""
        wait_until(
            lambda: {s.rcode(host) for site in self for s in site.servers} == {"NXDOMAIN"},
            f"{host} is gone",
        )


@contextmanager
def serving(folder: Path, apis: Sequence[ApiServer], *, replicas: int = 1) -> Iterator[Sites]:
    """Clusters that know each other and have a namespace shop, with so many servers each, ready."""
    sites = Sites(folder, apis)
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    try:
        sites.serve(replicas)
        yield sites
    finally:
        sites.close()


def namespace(name: str) -> Object:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(name: str, namespace: str, *, exported: bool = True, port: int = 80) -> Object:
    """Return a Service that is exported."""
    annotations = {"globaldns.io/export": "true"} if exported else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"ports": [{"name": "http", "port": port}]},
    }


def secret_name(cluster: str) -> str:
    """Return the name that istioctl gives a remote secret."""
    return f"istio-remote-secret-{cluster}"


def remote_secret(cluster: str, config: Object) -> Object:
    """Return a remote secret as ``istioctl create-remote-secret`` makes it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(cluster),
            "namespace": NAMESPACE,
            "labels": {"istio/multiCluster": "true"},
        },
        "data": {cluster: base64.b64encode(yaml.safe_dump(config).encode()).decode()},
    }
