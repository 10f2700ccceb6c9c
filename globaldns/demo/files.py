"""What is written before anything runs: manifests, configurations, and what Envoys start with."""

from __future__ import annotations

from pathlib import Path

import msgspec

from globaldns.demo.agent import Orders
from globaldns.demo.applications import Application
from globaldns.demo.layout import Layout, settings, workload_rules
from globaldns.demo.manifests import cluster_manifests
from globaldns.demo.plan import (
    CLUSTER_NAMES,
    CLUSTERS,
    GATEWAYS,
    WORKLOADS,
    Speech,
    Workload,
    forward_address,
    workloads_at,
)
from globaldns.envoy.book import release
from globaldns.envoy.bootstrap import AdminPlace, bootstrap
from globaldns.envoy.encoding import encode
from globaldns.envoy.rules import Role
from globaldns.envoy.secrets import secret_files
from globaldns.envoy.upstreams import Talk
from globaldns.envoy.workload import Inbound, workload_documents

BOOTSTRAP = "bootstrap.json"
ADMIN = "admin.sock"


def write_box(layout: Layout) -> None:
    """Write all that is the same in every box but its credentials and ledgers.

    Raises:
        OSError: a file cannot be written.
    """
    layout.logs.mkdir(parents=True)
    for cluster in CLUSTERS:
        objects = {"apiVersion": "v1", "kind": "List", "items": [*cluster_manifests(cluster)]}
        _write(layout.manifests(cluster.name) / "cluster.json", msgspec.json.encode(objects))
        # JSON is YAML.
        _write(layout.config(cluster.name), msgspec.json.encode(settings(layout, cluster.name)))
        _write_bootstrap(layout, cluster.name, layout.documents(cluster.name) / Role.SIDECAR)
    for gateway in GATEWAYS:
        _write_bootstrap(layout, gateway.name, layout.documents(gateway.cluster) / Role.GATEWAY)
    for workload in WORKLOADS:
        if workload.is_mutual:
            _write_bootstrap(layout, workload.name, layout.envoy(workload.name))
            _write_documents(layout, workload)


def write_orders(layout: Layout, node: str) -> Path:
    """Write what the agent of a namespace is to do; return where.

    Raises:
        OSError: it cannot be written.
    """
    socket = layout.agent(node)
    path = socket.with_suffix(".json")
    _write(path, msgspec.json.encode(orders(str(socket), node)))
    return path


def orders(socket: str, node: str) -> Orders:
    """Return what the agent of a namespace is to do."""
    return Orders(
        socket,
        tuple(
            Application(
                one.cluster,
                one.name,
                one.service.speech,
                forward_address(one),
                one.service.port,
            )
            for one in workloads_at(node)
        ),
    )


def agent_nodes() -> tuple[str, ...]:
    """Return the namespaces that have an agent: all but those of gateways."""
    return tuple(dict.fromkeys((*CLUSTER_NAMES, *(one.node for one in WORKLOADS))))


def _write_bootstrap(layout: Layout, name: str, documents: Path) -> None:
    folder = layout.envoy(name)
    admin = AdminPlace(path=str(folder / ADMIN))
    document = bootstrap(node=name, cluster=name, folder=str(documents), admin=admin)
    _write(folder / BOOTSTRAP, encode(document))


def _write_documents(layout: Layout, workload: Workload) -> None:
    """Write what the Envoy in front of a workload is told, which does not change."""
    service, rules = workload.service, workload_rules(layout, workload)
    talk = Talk.HTTP1 if service.speech is Speech.HTTP else Talk.TCP
    documents = workload_documents(
        [Inbound(service.port, talk)],
        rules,
        address=workload.address,
        forward=forward_address(workload),
    )
    folder = layout.envoy(workload.name)
    for name, payload in (*secret_files(rules.credentials).items(), *release(None, documents)):
        _write(folder / name, payload)


def _write(path: Path, payload: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
