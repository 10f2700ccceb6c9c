"""A server that is measured: started, waited for, ended with all its processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query

from tests.bench import machine, manifests, measure
from tests.bench.peers import Peer, Place
from tests.system.running import COMMAND, ROOT, Mesh, Server

ENDING_SECONDS = 10.0
IDLE_CEILING = 30.0
"""Seconds after which a server that still works is measured as it is."""
OURS = "globaldns"
SAMPLE = 20
"""Hosts whose addresses are compared before anything is measured."""
Figures = dict[str, float]


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


class NotAnswering(Exception):
    """A server ended, or never answered; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server."""

    name: str
    version: str
    pid: int
    ports: dict[str, int]
    """By transport: udp, tcp, dot."""
    denial: str = "NXDOMAIN"
    without: dict[str, str] = field(default_factory=dict)
    """Transports that it is not asked over, and why."""


def disagreement(subject: Subject, vips: Mapping[str, str]) -> str:
    """Return what a server answers otherwise than this, of some hosts; empty if nothing."""
    port = subject.ports["udp"]
    for host in list(vips)[:: max(1, len(vips) // SAMPLE)]:
        question = dns.message.make_query(host, "A")
        try:
            reply = dns.query.udp(question, machine.LOOPBACK, port=port, timeout=5)
        except dns.exception.Timeout:
            return f"{host} gets no reply"
        found = [str(record) for rrset in reply.answer for record in rrset]
        if found != [vips[host]]:
            return f"{host} is answered {found}, not {vips[host]}"
    return ""


def dns_keys() -> dict[str, Any]:
    """Return the keys below ``dns`` that this globaldns's configuration knows."""
    done = subprocess.run(
        [*COMMAND, "schema"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    keys: dict[str, Any] = json.loads(done.stdout)["properties"]["dns"]["properties"]
    return keys


def mesh_of(
    folder: Path, services: int, *, per_file: int, has_example: bool = False, **changes: Any
) -> Mesh:
    """Write a mesh of generated services, alone or beside the example's, which has a wildcard.

    The generated files are ``generated-*.yaml``.
    """
    mesh = Mesh(folder, vips={"pools": ["240.128.0.0/10"]}, grace="60s")
    mesh.dns_port, mesh.admin_port = machine.take_port(), machine.take_port()
    mesh.configure(
        dns={"listen": [f"{machine.LOOPBACK}:{mesh.dns_port}"]},
        admin={"listen": f"{machine.LOOPBACK}:{mesh.admin_port}"},
    )
    mesh.configure(**changes)
    directories = {name: mesh.cluster(name) for name in manifests.CLUSTERS}
    for directory in directories.values() if not has_example else ():
        shutil.rmtree(directory)
        directory.mkdir()
    files = max(len(directories), -(-services // per_file))
    manifests.write(directories, services=services, files=files)
    return mesh


def generated(mesh: Mesh) -> list[Path]:
    """Return a mesh's generated files, in their order."""
    return sorted(mesh.folder.rglob("generated-*.yaml"), key=lambda file: file.name)


@contextmanager
def run_globaldns(
    mesh: Mesh,
    *,
    cores: Sequence[int] = (machine.SERVER_CORE,),
    ready_seconds: float = 60.0,
    tls_port: int = 0,
    without: dict[str, str] | None = None,
) -> Iterator[tuple[Subject, Server]]:
    """Run globaldns on a mesh, on some cores; yields it once ready and idle.

    Raises:
        NotAnswering: it does not become ready.
    """
    with Server(mesh, before=machine.pinned(*cores)) as server:
        deadline = time.monotonic() + ready_seconds
        while not server.is_ready():
            if time.monotonic() > deadline:
                raise NotAnswering(f"not ready within {ready_seconds:g} s: {server.log[-500:]}")
            time.sleep(0.1)
        measure.seconds_until_idle(server.process.pid, ceiling=IDLE_CEILING)
        ports = {"udp": mesh.dns_port, "tcp": mesh.dns_port}
        ports |= {"dot": tls_port} if tls_port else {}
        version = machine.version(*COMMAND, "version")
        pid = server.process.pid
        yield Subject(OURS, version, pid, ports, without=without or {}), server
        server.signal(signal.SIGTERM)
        server.wait_exit()


@contextmanager
def run_peer(
    peer: Peer,
    program: str,
    place: Place,
    *,
    host: str,
    cores: Sequence[int] = (machine.SERVER_CORE,),
) -> Iterator[Subject]:
    """Run a peer on some cores; yields it once it answers for a host.

    Raises:
        NotAnswering: it ended, or does not.
    """
    has_tls = place.certificate is not None and not peer.without_tls
    reason = peer.without_tls or "openssl is not installed"
    log = place.folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*machine.pinned(*cores), *peer.command(program, place)],
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for_answer(process, place.port, host, log)
        yield Subject(
            peer.name,
            machine.version(program, peer.version_option),
            process.pid,
            {"udp": place.port, "tcp": place.port, **({"dot": place.tls_port} if has_tls else {})},
            peer.denial,
            {} if has_tls else {"dot": reason},
        )
    finally:
        _end(process)


def _wait_for_answer(process: subprocess.Popen[bytes], port: int, host: str, log: Path) -> None:
    probe = measure.Probe(port)
    try:
        probe.seconds_until(host, time.monotonic(), seconds=20, process=process)
    except TimeoutError as error:
        raise NotAnswering(f"{error}: {log.read_text(errors='replace')[-500:]}") from error
    finally:
        probe.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started."""
    below = measure.process_tree(process.pid)[1:] if process.poll() is None else []
    process.terminate()
    try:
        process.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
