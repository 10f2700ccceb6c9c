"""Clusters of one Istio mesh, each a network of its own: everything is real but the machines.

Of the networks only the gateways have an address that the others reach::

    east  10.1.0.0/24   pods, DNS ── east-west gateway 192.0.2.1 ─┐
    west  10.2.0.0/24   pods, DNS ── east-west gateway 192.0.2.2 ─┼─ 192.0.2.0/24, whoever asks
    north 10.3.0.0/24   pods, DNS ── east-west gateway 192.0.2.3 ─┘

All hang on one bridge; what keeps pods apart is that they have no route to each other. Where one
istiod serves all clusters they are one network, without gateways, and pods reach each other.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Self

from globaldns.trust.issuing import (
    Authority,
    KeyType,
    issue_intermediate,
    issue_root,
    issue_workload,
)
from globaldns.trust.pem import format_certificates
from tests.system.api_servers import ApiServer, find_program
from tests.system.envoys import find_envoy
from tests.system.istio_kinds import definitions
from tests.system.istio_objects import (
    NETWORK,
    PORTS,
    dns_address,
    door_objects,
    gateway,
    labelled,
    lan,
)
from tests.system.istiods import SYSTEM, Istiod
from tests.system.namespaces import DIE_WITH_PARENT, Cable, Namespace, skip_without_namespaces
from tests.system.running import CEILING, free_port, wait_until
from tests.system.secret_service import CHAIN, KEY, ROOT, SOCKET
from tests.system.sites import Site, Sites, remote_secret
from tests.system.stock_envoys import Place, Pod, Proxy, proxied

HERE = Path(__file__).parent
OUTSIDE = (ip_network("192.0.2.0/24"), ip_network("203.0.113.0/24"))
"""Gateways' addresses, and those of what is no part of the mesh: whoever has one meets all."""
VIPS = "240.0.0.0/4"
CLUSTER_IPS = "10.0.0.0/16"
SHARED = "net-shared"
"""The network of all clusters that one istiod serves."""


class IstioMesh:
    """The clusters; leaving the ``with`` ends everything in them but their API servers.

    ``primary``: the one whose istiod serves all; empty: each has its own.
    """

    def __init__(self, folder: Path, apis: Sequence[ApiServer], *, primary: str = "") -> None:
        self._folder = folder
        self._primary = primary
        self._envoy = find_envoy()
        self._now = int(datetime.now(UTC).timestamp())
        self._root = self.make_root()
        self.sites = Sites(
            folder / "sites",
            apis,
            routing={"probes": {"interval": "0s"}, "replicate_services": bool(primary)},
            dns={"ttl": "2s", "negative_ttl": "2s"},
        )
        self.istiods: dict[str, Istiod] = {}
        self.proxies: dict[str, Proxy] = {}
        self._stack = ExitStack()
        self._pods: dict[str, ExitStack] = {}
        self._networks: dict[str, Namespace] = {}
        self._resolv: dict[str, Path] = {}
        """What pods of each cluster have as ``/etc/resolv.conf``."""

    @staticmethod
    def skip_where_impossible() -> None:
        """Skip where a program is missing, or networks cannot be made."""
        skip_without_namespaces()
        find_envoy()
        for program in ("pilot-discovery", "coredns", "curl"):
            find_program(program)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._cable = self._stack.enter_context(Cable())
        self._stack.callback(self.sites.close)
        self.sites.join()
        for site in self.sites:
            network = {NETWORK: SHARED if self._primary else f"net-{site.name}"}
            site.api.apply(*definitions(), labelled(SYSTEM, **network))
        if self._primary:
            self._share_istiod()
        for site in self.sites:
            if not self._primary:
                site.api.apply(*door_objects(gateway(site.name)))
            if self._primary in {"", site.name}:
                folder = self._make_folder(f"istiod-{site.name}")
                istiod = Istiod(site.name, site.api, folder)
                self.istiods[site.name] = self._stack.enter_context(istiod)
        self.sites.serve()
        for istiod in self.istiods.values():
            istiod.wait_ready()
        for site in self.sites:
            self._serve_names(site)

    def _share_istiod(self) -> None:
        """Have the primary's istiod read all clusters, and every globaldns know that it does."""
        primary = self.sites[self._primary]
        clusters = {
            site.name: {
                "source": {"kubernetes": {"kubeconfig": str(site.api.kubeconfig_file(site.name))}},
                **({} if site is primary else {"control_plane": primary.name}),
            }
            for site in self.sites
        }
        for site in self.sites:
            site.replica().configure(clusters=clusters)
            if site is not primary:
                secret = remote_secret(site.name, site.api.kubeconfig(site.name))
                secret["metadata"]["namespace"] = SYSTEM
                primary.api.apply(secret)

    def _serve_names(self, site: Site) -> None:
        """Run the CoreDNS of a cluster, which has our zone from globaldns, where its pods ask."""
        folder, port = self._make_folder(f"coredns-{site.name}"), free_port()
        own = site.server.mesh.dns_port
        (folder / "Corefile").write_text(
            f"global:{port} {{\n  bind 127.0.0.1\n  errors\n  forward . 127.0.0.1:{own}\n}}\n"
            f"cluster.local:{port} {{\n  bind 127.0.0.1\n  errors\n  kubernetes {{\n"
            f"    kubeconfig {site.api.kubeconfig_file(site.name)}\n    ttl 1\n  }}\n}}\n"
        )
        command = [find_program("coredns"), "-conf", "Corefile"]
        self._stack.enter_context(self._program(folder, command))
        address = dns_address(site.name)
        inside = self._cable.join([address], [lan(site.name)])
        self._resolv[site.name] = folder / "resolv.conf"
        self._resolv[site.name].write_text(f"nameserver {address}\noptions timeout:1 attempts:5\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.connect(("127.0.0.1", port))
            carry = [sys.executable, str(HERE / "datagrams.py"), str(far.fileno()), address]
            running = self._program(folder, carry, inside.before(), keep=(far.fileno(),))
            self._stack.enter_context(running)

    @contextmanager
    def _program(
        self,
        folder: Path,
        command: Sequence[str],
        before: Sequence[str] = DIE_WITH_PARENT,
        *,
        keep: Sequence[int] = (),
    ) -> Iterator[None]:
        """Run a program, which dies with us, to the end of the block; ``keep``: its descriptors."""
        with (folder / "program.log").open("ab") as log:
            process = subprocess.Popen(
                [*before, *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=keep,
            )
        try:
            yield
        finally:
            process.kill()
            process.wait(CEILING)

    def make_root(self) -> Authority:
        """Return a new root of meshes."""
        return issue_root(organization="mesh", key_type=KeyType.EC, now=self._now, days=30)

    def start(self, pod: Pod, *, root: Authority | None = None, runs: bool = False) -> None:
        """Start a pod; ``root``: of its certificate; ``runs``: it has the application."""
        if runs:
            self.run(pod)
        folder, stack = self._make_folder(pod.full_name), self._ends_with(pod)
        self._write_secrets(pod, folder, root or self._root)
        agent = [sys.executable, str(HERE / "secret_service.py"), str(folder)]
        stack.enter_context(self._program(folder, agent))
        stack.callback((folder / SOCKET).unlink, missing_ok=True)
        wait_until((folder / SOCKET).exists, f"the agent of {pod.full_name} listens")
        place = Place(folder, self._resolv[pod.cluster])
        istiod, inside = self.istiods[self._primary or pod.cluster].socket, self._network(pod)
        running = proxied(self._envoy, pod, inside, place=place, istiod=istiod)
        self.proxies[pod.full_name] = stack.enter_context(running)

    def run(self, pod: Pod) -> None:
        """Run the application in a pod, without a sidecar."""
        ports = [str(own) for _, own in PORTS.values()]
        command = [sys.executable, str(HERE / "application.py"), pod.full_name, *ports]
        folder, inside = self._make_folder(pod.full_name), self._network(pod)
        self._ends_with(pod).enter_context(self._program(folder, command, inside.before()))

    def kill(self, pod: Pod) -> None:
        """End a pod's processes: nobody listens at its address."""
        self.proxies.pop(pod.full_name, None)
        self._pods.pop(pod.full_name).close()

    def _ends_with(self, pod: Pod) -> ExitStack:
        if pod.full_name not in self._pods:
            self._pods[pod.full_name] = self._stack.enter_context(ExitStack())
        return self._pods[pod.full_name]

    def _network(self, pod: Pod) -> Namespace:
        """Return a pod's namespace, which outlives its processes."""
        if pod.full_name not in self._networks:
            addresses = [pod.address, *pod.others]
            is_met = any(ip_address(one) in net for one in addresses for net in OUTSIDE)
            is_met |= bool(self._primary)
            inside = [site.name for site in self.sites] if is_met else [pod.cluster]
            routes = [*map(lan, inside), *map(str, OUTSIDE), VIPS, CLUSTER_IPS]
            self._networks[pod.full_name] = self._cable.join(addresses, routes)
        return self._networks[pod.full_name]

    def _write_secrets(self, pod: Pod, folder: Path, root: Authority) -> None:
        issuer = issue_intermediate(root, pod.cluster, now=self._now, days=30)
        made = issue_workload(issuer, pod.identity, now=self._now, days=30)
        believed = format_certificates([self._root.certificate])
        for name, text in ((CHAIN, made.chain), (KEY, made.key), (ROOT, believed)):
            (folder / name).write_bytes(text)

    def _make_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # What is wrong

    def faults(self) -> dict[str, Any]:
        """Return what istiods count of conflicts and refusals, and Envoys of refusals."""
        found: dict[str, Any] = {name: one.faults() for name, one in self.istiods.items()}
        for name, proxy in self.proxies.items():
            refused = proxy.stats(r"update_rejected$")
            found[name] = {stat: value for stat, value in refused.items() if value}
        return {name: faults for name, faults in found.items() if faults}
