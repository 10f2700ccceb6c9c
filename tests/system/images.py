"""A machine that is a folder: what ``vm install`` wrote there, seen where a machine has it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.envoys import find_envoy
from tests.system.running import CEILING, ROOT

ADDRESS, ENDPOINT = "10.77.0.1", "10.77.0.2"
PORT = 8080
HOST = "web.shop.global"
TEXT = "from the endpoint"
UNITS = "etc/systemd/system"

_KEPT = ("var/lib/globaldns", "var/cache/globaldns", "run/globaldns-envoy")
"""What systemd would make for the units, and what they write to."""
_VIEW = """
mount --make-rprivate /
for top in etc opt var run; do
    mount -t overlay overlay -o "lowerdir=$0/$top:/$top" "/$top" || exit 1
done
for kept in KEPT; do mount --bind "$0/$kept" "/$kept" || exit 1; done
export STATE_DIRECTORY=/var/lib/globaldns
exec "$@"
""".replace("KEPT", " ".join(_KEPT))


class Image:
    """The files of a machine that is nowhere else."""

    def __init__(self, folder: Path, programs: Mapping[str, str] = {}) -> None:
        """Make it; ``programs`` are the beginnings of shell commands, by name."""
        self.root = folder
        for kept in _KEPT:
            (folder / kept).mkdir(parents=True)
        self._write_programs(folder / "opt/globaldns/bin", programs or _here())
        self.config = folder / "etc/globaldns/globaldns.yaml"
        self._write_mesh(self.config.parent)

    def _write_programs(self, folder: Path, programs: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        for name, words in programs.items():
            (folder / name).write_text(f'#!/bin/sh\n{words} "$@"\n')
            (folder / name).chmod(0o755)

    def _write_mesh(self, folder: Path) -> None:
        shutil.copytree(ROOT / "deploy/vm/etc/globaldns/manifests", folder / "manifests")
        settings = {
            "cluster": "vm-1",
            "clusters": {
                name: {"source": {"directory": place}}
                for name, place in (("vm-1", "manifests"), ("east", "east"))
            },
            "envoy": {"directory": "/var/cache/globaldns"},
            "grace": "2s",
            "lame_duck": "1s",
        }
        self.config.write_text(json.dumps(settings))
        (folder / "east").mkdir()
        whole = {"apiVersion": "v1", "kind": "List", "items": _service()}
        (folder / "east/web.json").write_text(json.dumps(whole))

    def install(self) -> None:
        """Write the units."""
        words = ("vm", "install", "--to", str(self.root), "--config", str(self.config))
        done = subprocess.run(
            [sys.executable, "-m", "globaldns", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def commands(self, unit: str, key: str) -> list[list[str]]:
        """Return the commands of a unit as systemd runs them."""
        lines = (self.root / UNITS / unit).read_text().splitlines()
        found = [line.partition("=")[2].lstrip("-") for line in lines if line.startswith(f"{key}=")]
        plain = [line.replace("$$", "$").replace("%%", "%") for line in found]
        return [shlex.split(line) for line in plain]

    def command(self, unit: str, key: str = "ExecStart") -> list[str]:
        """Return the only one."""
        [found] = self.commands(unit, key)
        return found

    @property
    def view(self) -> list[str]:
        """What to put before a command so that it sees the image where a machine has it."""
        return ["unshare", "-m", "sh", "-c", _VIEW, str(self.root)]


def _here() -> dict[str, str]:
    """What is under test, and the Envoy beside it."""
    own = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m globaldns"
    return {"globaldns": own, "envoy": f"exec {shlex.quote(find_envoy())}"}


def _service() -> list[dict[str, Any]]:
    """A Service whose one endpoint takes plain HTTP."""
    metadata = {"name": "web", "namespace": "shop"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**metadata, "annotations": {"globaldns.io/export": "true"}},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": PORT}],
            "endpoints": [{"addresses": [ENDPOINT], "conditions": {"ready": True}}],
        },
    ]


def need_namespaces() -> None:
    """Skip the test where it cannot have networks and file systems of its own."""
    if os.geteuid() != 0:
        pytest.skip("networks of a test's own need root")
    overlay = "mount -t overlay overlay -o lowerdir=/etc:/usr /etc"
    for command in (["ip", "-V"], ["unshare", "-m", "-n", "sh", "-c", overlay]):
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip(f"{' '.join(command)} is not allowed here")


class Networks:
    """A machine's network, and that of an endpoint, with a cable between."""

    def __init__(self) -> None:
        self.machine, self.endpoint = (f"gdns-{os.getpid()}-{end}" for end in ("vm", "pod"))

    @contextmanager
    def up(self) -> Iterator[None]:
        """Have them to the end of the block."""
        names = (self.machine, self.endpoint)
        try:
            for name in names:
                run("ip", "netns", "add", name)
                run("ip", "-n", name, "link", "set", "lo", "up")
            run(
                *("ip", "-n", self.machine, "link", "add", "eth0", "type", "veth"),
                *("peer", "name", "eth0", "netns", self.endpoint),
            )
            for name, address in zip(names, (ADDRESS, ENDPOINT), strict=True):
                run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                run("ip", "-n", name, "link", "set", "eth0", "up")
            yield
        finally:
            for name in names:
                subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def inside(network: str, *command: str) -> list[str]:
    """Return a command as it runs in a network."""
    return ["ip", "netns", "exec", network, *command]


def run(*command: str) -> str:
    """Return what a command prints; it does not fail."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=CEILING, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def started(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process to the end of the block."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(CEILING)
