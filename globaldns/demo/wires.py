"""Network namespaces made, tied together and cut, by iproute2: they end with the box's process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from globaldns.demo.addresses import Pair, Route, change_routes, join_node, prepare_node, routes
from globaldns.demo.plan import nodes
from globaldns.errors import RequestRefused

_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    # Answers of gateways leave by another table than questions to them came by.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


class Wires:
    """All namespaces of a box; it is called from the process whose own routes between them."""

    def __init__(self) -> None:
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        self._routes: frozenset[Route] = frozenset()

    def make(self) -> None:
        """Make all namespaces, and tie them together.

        Raises:
            RequestRefused: the kernel, or who may do so, does not allow it.
        """
        for name, value in _SYSCTLS.items():
            Path("/proc/sys", name).write_text(value)
        _run_ip(["link set lo up"])
        for node in nodes():
            # Its one process is asleep: a namespace is there as long as a process is in it.
            command = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
            holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603
            self._holders[node] = holder
            assert holder.stdout is not None  # noqa: S101  # it is a pipe
            holder.stdout.readline()  # it is in its own namespace now
            holder.stdout.close()
            _run_ip(join_node(node, holder.pid))
            _run_ip(prepare_node(node), inside=self.enter(node))
        self.cut(frozenset())

    def enter(self, node: str) -> tuple[str, ...]:
        """Return what is put before a command that is to run in a namespace."""
        return ("nsenter", f"--net=/proc/{self._holders[node].pid}/ns/net", "--")

    def cut(self, cut: frozenset[Pair]) -> None:
        """Cut these pairs of clusters, and no others.

        Raises:
            RequestRefused: a route cannot be changed.
        """
        wanted = routes(cut)
        _run_ip(change_routes(self._routes, wanted))
        self._routes = wanted

    def close(self) -> None:
        """End all namespaces."""
        for holder in self._holders.values():
            with suppress(ProcessLookupError):
                holder.kill()
            holder.wait()


def _run_ip(lines: Iterable[str], *, inside: tuple[str, ...] = ()) -> None:
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(  # noqa: S603
        [*inside, "ip", "-batch", "-"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RequestRefused(
            f"ip -batch: {' '.join(done.stderr.split())}",
            hint="the kernel must have veth, and policy routing (CONFIG_IP_MULTIPLE_TABLES)",
        )
