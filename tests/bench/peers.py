"""Other servers on the same zone, each set up to answer it with one core and nothing else.

Each is told what a person would tell it who wants speed from one core: one process or thread that
answers, no rate limit, no log of queries. CoreDNS serves the zone in three ways.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bench import machine
from tests.bench.certificate import Certificate
from tests.bench.zonefile import ZONE, ZoneFiles
from tests.system.running import ROOT

NEW_CONNECTIONS = 100
"""TCP connections at once, where a server's own default would be less than the load's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs: a folder of its own, its ports, the zone, and what TLS shows."""

    folder: Path
    port: int
    tls_port: int
    zone: ZoneFiles
    certificate: Certificate | None

    @classmethod
    def make(cls, folder: Path, zone: ZoneFiles, certificate: Certificate | None) -> Self:
        """Make a folder for a peer, and give it ports of its own."""
        folder.mkdir()
        return cls(folder, machine.take_port(), machine.take_port(), zone, certificate)

    def write(self, name: str, text: str) -> str:
        """Write a file of the peer's own; return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: its program, and how it is told to serve."""

    name: str
    program: str
    version_option: str
    command: Callable[[str, Place], list[str]]
    without_tls: str = ""
    """Why it is not asked over TLS; empty if it is."""
    denial: str = "NXDOMAIN"
    """How it answers a name that does not exist."""

    def find(self, unpacked: Path) -> str | None:
        """Return the path of its program, unpacked first where only a packed one is at hand."""
        found = machine.program(self.program)
        unpack = ROOT.parent / "shared/bin/unpack"
        if found or not unpack.with_name(f"{self.program}.xz").exists():
            return found
        subprocess.run([unpack, unpacked, self.program], capture_output=True, check=True)
        return str(unpacked / self.program)


NSD = """\
server:
  ip-address: {host}@{port}
{tls}  server-count: {servers}
  reuseport: yes
  tcp-count: {connections}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zones"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: "{master}"
"""
NSD_TLS = """\
  ip-address: {host}@{tls_port}
  tls-port: {tls_port}
  tls-service-key: "{certificate.key}"
  tls-service-pem: "{certificate.chain}"
"""
KNOT = """\
server:
  listen: {host}@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: {folder}
database:
  storage: {folder}
zone:
  - domain: {zone}
    file: {master}
    zonefile-sync: -1
"""
UNBOUND = """\
server:
  interface: {host}@{port}
{tls}  num-threads: 1
  incoming-num-tcp: {connections}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  module-config: "iterator"
remote-control:
  control-enable: no
auth-zone:
  name: {zone}
  zonefile: "{master}"
  for-downstream: yes
  for-upstream: no
"""
UNBOUND_TLS = """\
  interface: {host}@{tls_port}
  tls-port: {tls_port}
  tls-service-key: "{certificate.key}"
  tls-service-pem: "{certificate.chain}"
"""
COREDNS = """\
{zone}:{port} {{
  bind {host}
  {plugins}
}}
"""
COREDNS_TLS = """\
tls://{zone}:{tls_port} {{
  bind {host}
  tls "{certificate.chain}" "{certificate.key}"
  {plugins}
}}
"""


def filled(
    template: str, place: Place, *, tls: str = "", plugins: str = "", servers: int = 1
) -> str:
    """Return a configuration for a place."""
    known = {
        "host": machine.LOOPBACK,
        "port": place.port,
        "tls_port": place.tls_port,
        "folder": place.folder,
        "master": place.zone.master,
        "zone": ZONE,
        "certificate": place.certificate,
        "connections": NEW_CONNECTIONS,
        "plugins": plugins,
        "servers": servers,
    }
    secure = tls.format_map(known) if place.certificate else ""
    return template.format_map({**known, "tls": secure})


def nsd(servers: int) -> Callable[[str, Place], list[str]]:
    """Return how NSD is configured with so many processes that answer, in the foreground."""

    def command(program: str, place: Place) -> list[str]:
        text = filled(NSD, place, tls=NSD_TLS, servers=servers)
        return [program, "-d", "-c", place.write("nsd.conf", text)]

    return command


def knot(program: str, place: Place) -> list[str]:
    """Configure Knot DNS."""
    return [program, "-c", place.write("knot.conf", filled(KNOT, place))]


def unbound(program: str, place: Place) -> list[str]:
    """Configure unbound as an authority of the zone."""
    configuration = filled(UNBOUND, place, tls=UNBOUND_TLS)
    return [program, "-d", "-c", place.write("unbound.conf", configuration)]


def coredns(*plugins: str) -> Callable[[str, Place], list[str]]:
    """Return how CoreDNS is configured with some plugins."""

    def command(program: str, place: Place) -> list[str]:
        lines = "\n  ".join(plugins).format(master=place.zone.master, hosts=place.zone.hosts)
        text = filled(COREDNS, place, plugins=lines)
        if place.certificate:
            text += filled(COREDNS_TLS, place, plugins=lines)
        return [program, "-conf", place.write("Corefile", text)]

    return command


FILE = f"file {{master}} {ZONE}"
HOSTS = f"hosts {{hosts}} {ZONE} {{{{\n    ttl 30\n    reload 0\n  }}}}"
NO_TLS = "Knot DNS has it since 3.4, and is set up here as older ones are"
PEERS = (
    Peer("NSD", "nsd", "-v", nsd(1)),
    Peer("Knot DNS", "knotd", "-V", knot, without_tls=NO_TLS),
    Peer("unbound", "unbound", "-V", unbound),
    Peer("CoreDNS file", "coredns", "-version", coredns(FILE)),
    Peer("CoreDNS file, cache", "coredns", "-version", coredns("cache", FILE)),
    Peer("CoreDNS hosts", "coredns", "-version", coredns(HOSTS), denial="SERVFAIL"),
)
"""CoreDNS's ``hosts`` has no SOA for a denial, so it says SERVFAIL."""
