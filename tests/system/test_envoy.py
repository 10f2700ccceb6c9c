"""Real Envoys carry what is sent to a VIP through a gateway to a workload, and nothing else."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.system.envoys import (
    Authority,
    Identity,
    as_static,
    ask_admin,
    find_envoy,
    running,
    spiffe,
    validate,
)
from tests.system.running import Mesh, Server, free_port, wait_until

HOST = "web.shop.global"
POD, APPLICATION, GATEWAY = "127.61.0.1", "127.61.0.2", "127.61.0.3"
NOBODY = "127.61.0.4"
POOL = "127.240.0.0/16"
ROLES = ("sidecar", "gateway", "workload")
SNI = "outbound_.{}_._.web.shop.svc.cluster.local"


class Application(BaseHTTPRequestHandler):
    """Says what it was sent, once it has all of it."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


def service(ports: dict[str, int], name: str = "web", address: str = POD) -> list[dict[str, Any]]:
    """A Service whose one pod takes mutual TLS."""
    metadata = {"name": name, "namespace": "shop"}
    labels = {"app": name, "security.istio.io/tlsMode": "istio"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**metadata, "annotations": {"globaldns.io/export": "true"}},
            "spec": {"ports": [{"name": key, "port": port} for key, port in ports.items()]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": key, "port": port} for key, port in ports.items()],
            "endpoints": [
                {
                    "addresses": [address],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": name, "namespace": "shop"},
                }
            ],
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "labels": labels},
            "spec": {},
            "status": {"phase": "Running", "podIP": address},
        },
    ]


class Chain:
    """A client's Envoy, a gateway's and a workload's, in a mesh of two networks."""

    def __init__(self, folder: Path) -> None:
        self.envoy = find_envoy()
        self.authority = Authority(folder / "mesh-root")
        self.foreign = Authority(folder / "foreign-root")
        self.client = self.authority.issue("client", spiffe("clients"))
        self.workload = self.authority.issue("workload", spiffe("shop"))
        self.ports = {name: free_port() for name in ("http-web", "tcp-echo", "any")}
        self.gateway_port = free_port()
        directories = {name: folder / "manifests" / name for name in ("east", "west")}
        for directory in directories.values():
            directory.mkdir(parents=True)
        gateway = {"address": GATEWAY, "port": self.gateway_port}
        self.documents = folder / "documents"
        self.mesh = Mesh(folder / "mesh")
        self.mesh.configure(
            zones=["global"],
            vips={"pools": [POOL], "allow_special": ["127.0.0.0/8"], "pins": [POOL]},
            envoy={"gateway": f"{GATEWAY}:{self.gateway_port}"},
        )
        self.mesh.settings["clusters"] = {
            "east": {"source": {"directory": str(directories["east"])}, "network": "n1"},
            "west": {
                "source": {"directory": str(directories["west"])},
                "network": "n2",
                "gateways": [gateway],
            },
        }
        self.mesh.settings["cluster"] = "east"
        self.mesh.configure()
        self.manifests = directories
        self.write("west", "web.json", service(self.ports))
        spare = {"http-spare": self.ports["http-web"], "tcp-spare": self.ports["tcp-echo"]}
        self.write("west", "spare.json", service(spare, "spare"))
        self.write("east", "spare.json", service(spare, "spare", NOBODY))

    def write(self, cluster: str, name: str, objects: list[dict[str, Any]]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.mesh.replace(self.manifests[cluster] / name, text)

    def make(self, role: str, cluster: str, identity: Identity, *more: str, to: str = "") -> Path:
        """Write the documents of an Envoy; return their folder."""
        folder = self.documents / (to or role)
        place = ("--role", role, "--cluster", cluster, "--to", str(folder))
        done = self.mesh.run("envoy", "xds", *place, *identity.options, *more)
        assert done.returncode == 0, done.stderr
        return folder / role

    def bootstrap(self, role: str, folder: Path) -> dict[str, Any]:
        where = ("--directory", str(folder.parent), "--admin", f"unix:{folder / 'admin.sock'}")
        done = self.mesh.run("envoy", "bootstrap", "--role", role, *where, "-o", "json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def start(self, stack: ExitStack, role: str, folder: Path) -> None:
        stack.enter_context(running(self.envoy, self.bootstrap(role, folder), folder))

    @property
    def vip(self) -> str:
        """The VIP of ``web``."""
        return self.vip_of(HOST)

    def vip_of(self, name: str) -> str:
        """The VIP of a service, as the documents have it."""
        resources = json.loads((self.documents / "sidecar/sidecar/lds.json").read_text())
        found = [one["name"] for one in resources["resources"] if name in json.dumps(one)]
        return str(found[0].partition("_")[0])


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    chain = Chain(tmp_path_factory.mktemp("envoys"))
    folders = {
        "sidecar": chain.make("sidecar", "east", chain.client),
        "gateway": chain.make("gateway", "west", chain.client),
        "workload": chain.make(
            *("workload", "west", chain.workload, "--address", POD, "--forward", APPLICATION)
        ),
    }
    servers: list[socketserver.BaseServer] = []
    for name, port in chain.ports.items():
        kind = Echo if name == "tcp-echo" else Application
        server_type = socketserver.ThreadingTCPServer if kind is Echo else ThreadingHTTPServer
        servers.append(server_type((APPLICATION, port), kind))
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    try:
        with ExitStack() as stack:
            for role, folder in folders.items():
                chain.start(stack, role, folder)
            yield chain
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


def get(vip: str, port: int, host: str = HOST) -> tuple[int, str]:
    """Return status and body of a request."""
    connection = http.client.HTTPConnection(vip, port, timeout=20)
    try:
        connection.request("GET", "/", headers={"host": host})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("role", ROLES)
def test_an_envoy_takes_every_document(role: str, chain: Chain, tmp_path: Path) -> None:
    folder = chain.documents / role / role
    assert validate(chain.envoy, as_static(folder), tmp_path) == ""
    assert validate(chain.envoy, chain.bootstrap(role, folder), tmp_path) == ""


@pytest.mark.parametrize("port", ["http-web", "any"])
def test_a_request_comes_to_the_workload(port: str, chain: Chain) -> None:
    status, body = get(chain.vip, chain.ports[port])
    assert status == 200, body
    assert json.loads(body)["host"] == HOST


def test_an_application_is_told_who_calls_and_nothing_that_the_caller_made_up(
    chain: Chain,
) -> None:
    connection = http.client.HTTPConnection(chain.vip, chain.ports["http-web"], timeout=20)
    connection.request("GET", "/", headers={"host": HOST, "x-forwarded-client-cert": "URI=me"})
    told = json.loads(connection.getresponse().read())["x-forwarded-client-cert"]
    connection.close()
    assert f"URI={spiffe('clients')}" in told
    assert "URI=me" not in told


def test_the_name_may_have_its_port_a_last_dot_and_capitals(chain: Chain) -> None:
    port = chain.ports["http-web"]
    for name in (f"{HOST}:{port}", f"{HOST}.", HOST.upper(), f"{chain.vip}:{port}"):
        assert get(chain.vip, port, name)[0] == 200, name


def test_an_endpoint_that_died_costs_no_request_where_another_cluster_has_one(
    chain: Chain,
) -> None:
    vip = chain.vip_of("spare.shop.global")
    answers = [get(vip, chain.ports["http-web"], "spare.shop.global")[0] for _ in range(20)]
    assert answers == [200] * 20


def test_nor_does_it_cost_a_connection(chain: Chain) -> None:
    vip, port = chain.vip_of("spare.shop.global"), chain.ports["tcp-echo"]
    for _ in range(20):
        with socket.create_connection((vip, port), timeout=20) as link:
            link.sendall(b"hello")
            assert link.recv(1024) == b"hello"


def test_another_name_is_misdirected(chain: Chain) -> None:
    status, body = get(chain.vip, chain.ports["http-web"], "other.shop.global")
    assert (status, HOST in body) == (421, True)


def test_octets_that_are_no_http_go_through(chain: Chain) -> None:
    with socket.create_connection((chain.vip, chain.ports["tcp-echo"]), timeout=20) as link:
        link.sendall(b"\x00\x01 hello")
        assert link.recv(1024) == b"\x00\x01 hello"


def updates(folder: Path, kind: str) -> str:
    """How often an Envoy has taken documents of a kind."""
    return ask_admin(folder, f"/stats?filter=^{kind}.update_success")


def test_connections_and_requests_outlive_what_their_envoys_are_told(chain: Chain) -> None:
    manifests = chain.manifests["east"] / "web.json", chain.manifests["west"] / "more.json"
    sidecar = chain.documents / "sidecar/sidecar"
    gateway = chain.documents / "gateway/gateway"
    kinds = {sidecar: "cluster_manager.cds", gateway: "listener_manager.lds"}
    to_tcp, to_http = ((chain.vip, chain.ports[name]) for name in ("tcp-echo", "http-web"))
    connect = partial(socket.create_connection, timeout=20)
    with connect(to_tcp) as link, connect(to_http) as request:
        request.sendall(f"GET / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 2\r\n\r\na".encode())
        link.sendall(b"before")
        assert link.recv(1024) == b"before"
        before = {folder: updates(folder, kind) for folder, kind in kinds.items()}
        chain.write("east", "web.json", service(chain.ports, "web", NOBODY))
        chain.write("west", "more.json", service({"http": 80}, "more", NOBODY))
        try:
            chain.make("sidecar", "east", chain.client)
            chain.make("gateway", "west", chain.client)
            for folder, kind in kinds.items():
                wait_until(lambda f=folder, k=kind: updates(f, k) != before[f], f"{kind} is taken")
            link.sendall(b"after")
            assert link.recv(1024) == b"after"
            request.sendall(b"b")
            assert request.recv(12) == b"HTTP/1.1 200"
        finally:
            for path in manifests:
                path.unlink()
            chain.make("sidecar", "east", chain.client)
            chain.make("gateway", "west", chain.client)
    wait_until(lambda: _status(chain.vip, chain.ports["http-web"], HOST) == 200, "it is as before")


def shake_hands(chain: Chain, identity: Identity, server_name: str, octets: bytes = b"") -> bytes:
    """Return what the gateway's side says to some octets after a handshake."""
    raw = socket.create_connection((GATEWAY, chain.gateway_port), timeout=20)
    context = identity.client("istio")
    with raw, context.wrap_socket(raw, server_hostname=server_name) as link:
        link.sendall(octets)
        return link.recv(1024)


def test_the_mesh_is_let_in_by_the_name_of_its_service(chain: Chain) -> None:
    name = SNI.format(chain.ports["tcp-echo"])
    assert shake_hands(chain, chain.client, name, b"hello") == b"hello"
    of_host = f"outbound_.{chain.ports['tcp-echo']}_._.{HOST}"
    assert shake_hands(chain, chain.client, of_host, b"hello") == b"hello"


def test_a_name_that_is_not_exported_is_closed(chain: Chain) -> None:
    name = SNI.format(chain.ports["tcp-echo"]).replace("web.shop", "web.bank")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(chain, chain.client, name, b"hello")


def test_who_has_another_root_or_another_trust_domain_is_refused(chain: Chain) -> None:
    name = SNI.format(chain.ports["tcp-echo"])
    foreign = chain.foreign.issue("foreign", spiffe("clients"))
    shown = Identity(foreign.certificate, foreign.key, chain.authority.root)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(chain, shown, name, b"hello")
    elsewhere = chain.authority.issue("elsewhere", "spiffe://elsewhere/ns/clients/sa/default")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(chain, elsewhere, name, b"hello")


def test_a_client_does_not_speak_to_whom_it_does_not_believe(chain: Chain) -> None:
    foreign = chain.foreign.issue("client", spiffe("clients"))
    folder = chain.make("sidecar", "east", foreign, to="foreign")
    text = (folder / "lds.json").read_text().replace("127.240.", "127.241.")
    (folder / "lds.json").write_text(text)
    with ExitStack() as stack:
        chain.start(stack, "sidecar", folder)
        status, _ = get(chain.vip.replace(".240.", ".241."), chain.ports["http-web"])
        refused = ask_admin(folder, "/stats?filter=ssl.fail_verify_error")
    assert status == 503
    assert sum(int(line.rpartition(" ")[2]) for line in refused.splitlines()) > 0


def test_a_certificate_is_renewed_without_a_word_to_anybody(chain: Chain) -> None:
    def serial() -> bytes:
        raw = socket.create_connection((GATEWAY, chain.gateway_port), timeout=20)
        name = SNI.format(chain.ports["tcp-echo"])
        with raw, chain.client.client().wrap_socket(raw, server_hostname=name) as link:
            return link.getpeercert(binary_form=True) or b""

    before = serial()
    chain.authority.issue("workload", spiffe("shop"))
    wait_until(lambda: serial() != before, "the new certificate is shown")
    assert get(chain.vip, chain.ports["http-web"])[0] == 200


def test_a_server_keeps_clients_current(chain: Chain) -> None:
    kept = chain.documents / "kept"
    folder = kept / "sidecar"
    changed = {"directory": str(kept), "certificate": str(chain.client.certificate)}
    changed |= {"key": str(chain.client.key), "authority": str(chain.client.authority)}
    port = free_port()
    chain.mesh.configure(envoy=changed, vips={"pools": ["127.242.0.0/16"]})
    with Server(chain.mesh) as server, ExitStack() as stack:
        server.wait_ready()
        wait_until((folder / "lds.json").exists, "the documents are written")
        chain.start(stack, "sidecar", folder)
        chain.write("west", "late.json", service({"http": port}, "late", NOBODY))
        wait_until(lambda: bool(server.addresses("late.shop.global")), "it is answered")
        (vip,) = server.addresses("late.shop.global")
        wait_until(lambda: _status(vip, port, "late.shop.global") == 503, "it is routed")
        (web,) = server.addresses(HOST)
        assert get(web, chain.ports["http-web"])[0] == 200
        # Who has the address of before a move is served for a while.
        old, moved = web, chain.mesh.run("vip", "renumber", "web.shop")
        assert moved.returncode == 0, moved.stderr
        wait_until(lambda: server.addresses(HOST) not in {(), (old,)}, "it has another VIP")
        (web,) = server.addresses(HOST)
        wait_until(lambda: _status(web, chain.ports["http-web"], HOST) == 200, "it is routed")
        assert get(old, chain.ports["http-web"])[0] == 200
        chain.mesh.configure(vips={"overlap": "1s"})
        server.signal(signal.SIGHUP)
        wait_until(lambda: _status(old, chain.ports["http-web"], HOST) == 0, "that is over")
        chain.write("west", "web.json", service(chain.ports)[:1])
        wait_until(lambda: "has no endpoint" in get(web, chain.ports["http-web"])[1], "it is gone")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((web, chain.ports["tcp-echo"]), timeout=5).close()


def _status(vip: str, port: int, host: str) -> int:
    try:
        return get(vip, port, host)[0]
    except OSError:
        return 0
