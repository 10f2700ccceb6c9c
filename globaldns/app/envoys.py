"""What the Envoys of a cluster are told, of all that is known of the mesh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from globaldns.app.offline import OfflineMesh
from globaldns.config.kinds import ClusterId
from globaldns.config.routing import EnvoySettings
from globaldns.config.schema import Config
from globaldns.config.values import split_listen
from globaldns.envoy.book import Book, Documents, Scene
from globaldns.envoy.rules import Credentials, EnvoyRules, Role
from globaldns.envoy.workload import find_inbounds, workload_documents
from globaldns.errors import RequestRefused
from globaldns.model.export import Gateway
from globaldns.model.reach import Reach
from globaldns.registry.views import Views
from globaldns.routing.mesh import network_of, topology_of
from globaldns.routing.topology import Viewer


class Workload(msgspec.Struct, frozen=True):
    """Where a workload is."""

    address: str
    """As callers know it."""
    forward: str = "127.0.0.1"
    """Where its application listens, on the same ports."""


def known_cluster(config: Config, cluster: str) -> ClusterId:
    """Return the id of a cluster.

    Raises:
        RequestRefused: it is none.
    """
    if cluster not in config.clusters:
        known = ", ".join(sorted(config.clusters))
        raise RequestRefused(f"{cluster!r} is no cluster", hint=f"the clusters are {known}")
    return ClusterId(cluster)


def envoy_rules(config: Config, cluster: str, folder: Path) -> EnvoyRules:
    """Return what the documents in a folder obey; all paths in them are absolute."""
    envoy = config.envoy
    return EnvoyRules(
        cluster=cluster,
        folder=str(folder.absolute()),
        credentials=_credentials(envoy),
        trust_domain=config.routing.trust_domain,
        sni=config.routing.sni,
        locality=envoy.locality,
        gateway=split_listen(envoy.gateway),
    )


def _credentials(envoy: EnvoySettings) -> Credentials:
    files = (envoy.certificate, envoy.key, envoy.authority)
    return Credentials(*(str(file.absolute()) for file in files))


def make_scene(
    config: Config, views: Views, cluster: ClusterId, folder: Path, reach: Mapping[Gateway, Reach]
) -> Scene:
    """Return what all services of a cluster's Envoys have in common.

    They are in the cluster's own network, whoever else its control plane serves.
    """
    network = network_of(config, views, cluster)
    return Scene(
        envoy_rules(config, cluster, folder),
        Viewer(cluster, frozenset({network})),
        topology_of(config, views, reach),
    )


def make_documents(
    mesh: OfflineMesh, role: Role, cluster: str, folder: Path, workload: Workload | None
) -> Documents:
    """Return all that an Envoy is told; the mesh is of no other use afterwards.

    VIPs that no ledger has are those that a server would give.

    Raises:
        RequestRefused: there is no such cluster, or nothing of it at the workload's address.
    """
    config, registry = mesh.config, mesh.registry
    known = known_cluster(config, cluster)
    if role is Role.WORKLOAD:
        return _workload_documents(mesh, known, folder, workload)
    registry.acknowledge(registry.unwritten, mesh.now)
    book = Book(role, make_scene(config, registry.views, known, folder, {}))
    for service in mesh.services.values():
        book.put(service)
    return book.documents()


def _workload_documents(
    mesh: OfflineMesh, cluster: ClusterId, folder: Path, workload: Workload | None
) -> Documents:
    if workload is None:
        raise RequestRefused("it is not known which workload", hint="name its --address")
    inbounds = find_inbounds(mesh.services.values(), cluster, workload.address)
    if not inbounds:
        raise RequestRefused(
            f"{cluster} exports nothing at {workload.address}",
            hint=f"globaldns list --cluster {cluster} shows what it exports",
        )
    rules = envoy_rules(mesh.config, cluster, folder)
    return workload_documents(inbounds, rules, address=workload.address, forward=workload.forward)
