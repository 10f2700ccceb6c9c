"""Pods' networks: namespaces on one bridge, which end with the processes that hold them.

Nothing of the machine's own network is touched, and nothing is left in it: a namespace has no name,
and its interfaces go with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Self

import pytest

from tests.system.running import wait_until

PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "iptables-restore")
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: it ends with us, whatever happens."""


def skip_without_namespaces() -> None:
    """Skip where networks of a test's own cannot be made."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"networks of a test's own need root and {', '.join(missing or PROGRAMS)}")
    tried = "ip link add name bridge0 type bridge && iptables-restore --test </dev/null"
    done = _run(["unshare", "--net", "sh", "-c", tried])
    if done.returncode:
        pytest.skip(f"networks of a test's own cannot be made here: {done.stderr.strip()}")


def skip(reason: str) -> NoReturn:
    """Skip a test that a machine should be able to run; where ``CI`` is set, fail it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class Namespace:
    """A network of its own, with nothing in it but loopback; leaving the ``with`` ends it."""

    def __enter__(self) -> Self:
        command = [*DIE_WITH_PARENT, "unshare", "--net", "sleep", "infinity"]
        self._holder = subprocess.Popen(command, env=_environment())
        self._file = Path(f"/proc/{self._holder.pid}/ns/net")
        ours = Path("/proc/self/ns/net").readlink()
        try:
            wait_until(lambda: self._file.readlink() != ours, "a namespace of its own")
            self.ip("link set lo up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self._holder.kill()
        self._holder.wait()

    @property
    def pid(self) -> int:
        """A process in it."""
        return self._holder.pid

    def before(self, *, group: int | None = None) -> list[str]:
        """Return what to put before a command so that it runs inside, and dies with us."""
        own = () if group is None else (f"--regid={group}", "--clear-groups")
        return ["nsenter", f"--net={self._file}", *DIE_WITH_PARENT, *own]

    def run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""
        return _run([*self.before(), *command], given)

    def ip(self, *lines: str) -> None:
        """Run lines of ``ip``."""
        self._must("ip", "-batch", "-", given="\n".join(lines) + "\n")

    def translate(self, *rules: str) -> None:
        """Have rules in the table of address translation, and no others."""
        text = "\n".join(("*nat", ":PREROUTING ACCEPT", ":OUTPUT ACCEPT", *rules, "COMMIT"))
        self._must("iptables-restore", given=f"{text}\n")

    def _must(self, *command: str, given: str) -> None:
        done = self.run(*command, given=given)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}\n{given}"


class Cable:
    """A bridge, and the namespaces that hang on it; leaving the ``with`` ends all."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        self._middle = self._stack.enter_context(Namespace())
        self._middle.ip("link add name bridge0 type bridge", "link set bridge0 up")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def join(self, addresses: Iterable[str], routes: Iterable[str]) -> Namespace:
        """Return a new namespace with these addresses, which sends these prefixes to the bridge.

        Whoever has an address of a prefix is asked for by name: there is no router between.
        """
        joined = self._stack.enter_context(Namespace())
        port = f"port{self._count}"
        self._count += 1
        self._middle.ip(
            f"link add name {port} type veth peer name eth0 netns {joined.pid}",
            f"link set {port} master bridge0 up",
        )
        joined.ip(
            *(f"addr add {address}/32 dev eth0" for address in addresses),
            "link set eth0 up",
            *(f"route add {route} dev eth0" for route in routes),
        )
        return joined


def _run(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=given, env=_environment(), capture_output=True, text=True, check=False
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"}
