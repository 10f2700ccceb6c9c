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
from globaldns.admin.reports import (
    ClusterList,
    ConfigReport,
    FenceReport,
    ForgetReport,
    MoveReport,
    ReloadReport,
)
from globaldns.cli import main
from tests.nameserver import NameServer

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


@pytest.fixture
def dns_server() -> Iterator[NameServer]:
    """A DNS server that says what the test wants."""
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def control(mesh: Mesh) -> Iterator[SimpleNamespace]:
    """The control socket of the mesh's server, which keeps what it was told to do."""
    told = SimpleNamespace(hosts=[], claims=[], fences=[], forgotten=[], accepted=[], spread=None)

    async def renumber(hosts: Sequence[str]) -> Sequence[MoveReport]:
        told.hosts += hosts
        return [
            MoveReport(host=h, old=("240.0.0.1",), new=("240.0.0.2",), reason="renumbered")
            for h in hosts
        ]

    async def import_claims(claims: Sequence[object]) -> int:
        told.claims += claims
        return len(claims)

    async def set_fence(cluster: str, fenced: bool) -> FenceReport:  # noqa: FBT001
        told.fences.append((cluster, fenced))
        alone = tuple(f"h{number:02}.ns" for number in range(12))
        return FenceReport(
            cluster=cluster, fenced=fenced, changed=True, at="", services=20, alone=alone
        )

    async def foresee(cluster: str) -> ForgetReport:
        rebuilt = "" if told.spread is None else "u-2"
        return ForgetReport(cluster=cluster, vips=2, resting=("a.ns",), rebuilt=rebuilt, done=False)

    async def forget(cluster: str, rebuilt: str) -> ForgetReport:
        told.forgotten.append(cluster)
        told.accepted.append(rebuilt)
        if told.spread is not None:
            return ForgetReport(
                cluster=cluster, vips=0, resting=(), rebuilt="u-2", spread=told.spread
            )
        return ForgetReport(cluster=cluster, vips=2, resting=("a.ns",))

    mesh.state.mkdir()
    server = ControlServer(mesh.state, Changes(renumber, import_claims, set_fence, foresee, forget))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield told
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
