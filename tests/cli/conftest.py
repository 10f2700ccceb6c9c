"""A mesh of files, the program that reads it, and servers that stand in for a running one."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

import globaldns
from globaldns.admin.control import Changes, ControlServer
from globaldns.admin.reports import ClusterList, ConfigReport, MoveReport, ReloadReport
from globaldns.cli import main

EXAMPLE = Path(globaldns.__file__).parent / "example"
CLEAN = {
    "GLOBALDNS_CONFIG": None,
    "STATE_DIRECTORY": None,
    "NO_COLOR": "1",
    "COLUMNS": "100",
}


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run one command line in this process."""

    def run(*arguments: object, stdin: str = "", **env: str) -> Result:
        runner = CliRunner(env={**CLEAN, **env})
        return runner.invoke(main, [str(argument) for argument in arguments], input=stdin)

    return run


class Mesh:
    """The example with a state directory of its own, at ports where nothing listens."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(EXAMPLE, folder)
        self.folder = folder
        self.config = folder / "globaldns.yaml"
        self.state = folder / "state"
        self.admin_port = unused_port()
        self.dns_port = unused_port()
        self.settings: dict[str, Any] = yaml.safe_load(self.config.read_text())
        self.configure(
            state="state",
            admin={"listen": f"127.0.0.1:{self.admin_port}"},
            dns={"listen": [f"127.0.0.1:{self.dns_port}"]},
        )

    def configure(self, **changes: Any) -> None:
        """Write the configuration with some keys replaced."""
        self.settings |= changes
        self.config.write_text(yaml.safe_dump(self.settings))


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    """The example, which has never had a server."""
    return Mesh(tmp_path / "mesh")


@pytest.fixture
def command(run: Callable[..., Result], mesh: Mesh) -> Callable[..., Result]:
    """Run one command line on the mesh."""

    def command(*arguments: object, **more: Any) -> Result:
        return run(*arguments, "--config", mesh.config, **more)

    return command


@pytest.fixture
def remembered(mesh: Mesh, command: Callable[..., Result]) -> Mesh:
    """The example, with reviews and httpbin in its ledger."""
    assert command("vip", "renumber", "reviews.bookinfo", "httpbin.httpbin").exit_code == 0
    return mesh


def unused_port() -> int:
    """A port where nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Api(ThreadingHTTPServer):
    """Answers each target with what a test put there; keeps what it was asked for."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.put("/api/v1/clusters", ClusterList(items=()))
        self.first: dict[str, bytes] = {}
        self.asked: list[str] = []

    def put(self, target: str, answer: object, status: int = 200) -> None:
        """Answer a target, query and all, with a JSON document, or with octets as they are."""
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        self.answers[target] = (status, body)

    def put_once(self, target: str, body: bytes) -> None:
        """Answer a target's first request with these octets."""
        self.first[target] = body

    def put_config(self, path: Path, **config: Any) -> None:
        """Answer with a configuration in force."""
        reload = ReloadReport(at="2026-01-02T03:04:05Z", accepted=True)
        report = ConfigReport(path=str(path), cluster="east", reload=reload, config=config)
        self.put("/api/v1/config", report)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open unless the client says otherwise
    server: Api

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        nothing = (404, b'{"detail": "there is nothing"}')
        status, body = self.server.answers.get(self.path, nothing)
        if self.path in self.server.first:
            status, body = 200, self.server.first.pop(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@contextmanager
def serving(port: int = 0) -> Iterator[Api]:
    """An API for as long as it is needed."""
    with Api(port) as api:
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    """An API somewhere."""
    with serving() as api:
        yield api


@pytest.fixture
def own_api(mesh: Mesh) -> Iterator[Api]:
    """An API where the mesh's own server would have it."""
    with serving(mesh.admin_port) as api:
        api.put_config(
            mesh.config, zones=["global"], dns={"listen": [f"127.0.0.1:{mesh.dns_port}"]}
        )
        yield api


Reply = Callable[[bytes], Sequence[bytes]]


class Dns:
    """A UDP and a TCP socket on one port; each query gets what the test replies, in order."""

    def __init__(self) -> None:
        while True:
            self._tcp = socket.create_server(("127.0.0.1", 0))
            self.port: int = self._tcp.getsockname()[1]
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._udp.bind(("127.0.0.1", self.port))
            except OSError:
                self._udp.close()
                self._tcp.close()
            else:
                break
        self.over_udp: Reply = lambda _: ()
        self.over_tcp: Reply = lambda _: ()
        self.asked: list[tuple[str, bytes]] = []
        self._threads = [threading.Thread(target=self._udp_loop)]
        self._threads += [threading.Thread(target=self._tcp_loop)]
        for thread in self._threads:
            thread.start()

    @property
    def at(self) -> str:
        """Where it is, as ``--at`` wants it."""
        return f"127.0.0.1:{self.port}"

    def _udp_loop(self) -> None:
        while True:
            query, client = self._udp.recvfrom(65_535)
            if not query:
                return
            self.asked.append(("UDP", query))
            for reply in self.over_udp(query):
                self._udp.sendto(reply, client)

    def _tcp_loop(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, connection.makefile("rb") as stream:
                length = int.from_bytes(stream.read(2))
                if not length:
                    return
                query = stream.read(length)
                self.asked.append(("TCP", query))
                for reply in self.over_tcp(query):
                    connection.sendall(reply)

    def close(self) -> None:
        """End both loops: an empty message means the end."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", ("127.0.0.1", self.port))
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"\0\0")
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()


@pytest.fixture
def dns_server() -> Iterator[Dns]:
    """A DNS server that says what the test wants."""
    server = Dns()
    yield server
    server.close()


@pytest.fixture
def control(mesh: Mesh) -> Iterator[SimpleNamespace]:
    """The control socket of the mesh's server, which keeps what it was told to do."""
    told = SimpleNamespace(hosts=[], claims=[])

    async def renumber(hosts: Sequence[str]) -> Sequence[MoveReport]:
        told.hosts += hosts
        return [
            MoveReport(host=h, old=("240.0.0.1",), new=("240.0.0.2",), reason="renumbered")
            for h in hosts
        ]

    async def import_claims(claims: Sequence[object]) -> int:
        told.claims += claims
        return len(claims)

    mesh.state.mkdir()
    server = ControlServer(mesh.state, Changes(renumber, import_claims))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield told
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
