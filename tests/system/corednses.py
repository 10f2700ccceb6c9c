"""A real CoreDNS on a Corefile of any platform, brought to this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Self

import dns.exception
import dns.message
import dns.query
import dns.rcode

from globaldns.coredns.rendering import Build
from tests.system.namespaces import DIE_WITH_PARENT
from tests.system.running import CEILING, free_port, wait_until

BUILD = Build(version=(1, 13))
"""What the CoreDNS of the tests can do at least."""

_STARTED = re.compile(r"^CoreDNS-", re.MULTILINE)
_ZONE = re.compile(r"^(.+):(\d+)$", re.MULTILINE)
_LISTENERS = re.compile(r"^(\s*(?:health|ready|prometheus))\b[^{\n]*", re.MULTILINE)
_PLACEHOLDERS = {
    "__PILLAR__DNS__DOMAIN__": "cluster.local",
    "__PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__": "127.0.0.1",
    "__PILLAR__LOCAL__DNS__": "127.0.0.1",
    "__PILLAR__CLUSTER__DNS__": "127.0.0.9",
    "__PILLAR__UPSTREAM__SERVERS__": "127.0.0.9",
    "/etc/resolv.conf": "127.0.0.9",
    "169.254.25.10": "127.0.0.1",
    "{$POD_IP}": "127.0.0.1",
}
"""What a platform puts in, and addresses that this machine does not have."""


class CoreDNS:
    """One process; leaving the ``with`` kills it."""

    def __init__(self, program: str, folder: Path, text: str) -> None:
        self.port = free_port()
        self.corefile = folder / "Corefile"
        self.log_file = folder / "coredns.log"
        folder.mkdir(exist_ok=True)
        self.write(text)
        self._command = [
            *(*DIE_WITH_PARENT, program, "-conf", str(self.corefile)),
            *("-dns.port", str(self.port)),
        ]

    def write(self, text: str) -> None:
        """Give it another Corefile, whole at once; its port is ``{port}`` there."""
        part = self.corefile.with_suffix(".part")
        part.write_bytes(text.replace("{port}", str(self.port)).encode())
        part.replace(self.corefile)

    def __enter__(self) -> Self:
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(
                lambda: self.has_started or self._process.poll() is not None, "it starts or ends"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait(CEILING)

    @property
    def log(self) -> str:
        """All that it has printed."""
        return self.log_file.read_text(errors="replace")

    @property
    def has_started(self) -> bool:
        """Whether it took its Corefile."""
        return bool(_STARTED.search(self.log))

    @property
    def zones(self) -> list[tuple[str, int]]:
        """The zones that it serves, with their ports, as it says itself."""
        return sorted((zone, int(port)) for zone, port in _ZONE.findall(self.log))

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message | None:
        """Return the reply to a question; None for silence."""
        exchange = dns.query.tcp if tcp else dns.query.udp
        try:
            return exchange(dns.message.make_query(name, kind), "127.0.0.1", 15, self.port)
        except (OSError, EOFError, dns.exception.Timeout):
            return None

    def rcode(self, name: str, kind: str = "A") -> str:
        """Return the response code of a question; ``silent`` for silence."""
        reply = self.ask(name, kind)
        return "silent" if reply is None else dns.rcode.to_text(reply.rcode())


def localize(text: str, folder: Path) -> str:
    """Return a Corefile with places that this machine has: ports, addresses, an API server."""
    for word, here in _PLACEHOLDERS.items():
        text = text.replace(word, here)
    text = re.sub(r":(?:53|5353|8053)(?= *\{| \S)", ":{port}", text)
    text = _LISTENERS.sub(lambda found: f"{found[1]} 127.0.0.1:{free_port()} ", text)
    text = text.replace("/etc/coredns/custom", str(folder)).replace("/custom/", f"{folder}/")
    text = text.replace("custom/", f"{folder}/")
    return re.sub(
        r"^(\s*kubernetes[^{\n]*)(\{?)",
        lambda found: (
            f"{found[1]} {{\n endpoint http://127.0.0.1:9\n startup_timeout 1ms\n"
            + ("" if found[2] else "}\n")
        ),
        text,
        flags=re.MULTILINE,
    )
