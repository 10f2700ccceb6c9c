"""Services whose endpoints stand in several networks."""

from __future__ import annotations

from globaldns.model.export import Endpoint, Export, ExportKind, Gateway, Location, Origin, Port
from globaldns.model.lost import Standing
from globaldns.model.service import Service, ServiceState
from globaldns.routing.horizon import MUTUAL_TLS
from globaldns.routing.topology import Topology

HTTP = Port(80, "http", "HTTP")
GATEWAYS = (
    Gateway("n1", "1.1.1.1", 15443, "c1a"),
    Gateway("n2", "2.2.2.2", 15443, "c2a"),
    Gateway("n2", "2.2.2.20", 15443, "c2b"),
    Gateway("n2", "2.2.2.21", 15443, "c2b"),
    Gateway("n3", "3.3.3.3", 15443, "c3"),
)
TOPOLOGY = Topology.of(GATEWAYS, ["n4"])


def endpoint(address: str, network: str, *, mutual: bool = True, **more: object) -> Endpoint:
    labels = (MUTUAL_TLS,) if mutual else ()
    return Endpoint(address, network=network, **{"labels": labels, **more})  # type: ignore[arg-type]


def export(cluster: str, *endpoints: Endpoint, **more: object) -> Export:
    origin = Origin("Service", "shop", "web")
    how = {"kind": ExportKind.SERVICE, "origin": origin, "ports": (HTTP,), **more}
    return Export(cluster, "web.shop", endpoints=endpoints, **how)  # type: ignore[arg-type]


def service(*exports: Export, standings: dict[str, Standing] | None = None) -> Service:
    return Service(
        "web.shop",
        ("global",),
        ServiceState.READY,
        (b"\xf0\x80\0\1",),
        (HTTP,),
        exports,
        0,
        "chosen",
        standings=tuple(sorted((standings or {}).items())),
    )


EXPORTS = (
    export("c1a", endpoint("10.0.0.1", "n1"), endpoint("10.0.0.3", "n1", mutual=False)),
    export("c1b", endpoint("10.0.0.2", "n1")),
    export("c2a", endpoint("20.0.0.1", "n2")),
    export("c2b", endpoint("20.0.0.2", "n2"), endpoint("20.0.0.3", "n2")),
    export("c4", endpoint("40.0.0.1", "n4")),
)
"""Two pods of n1 behind one gateway and one without mutual TLS; n4 has none, and is in reach."""

EXTERNAL = export("c1a", endpoint("93.184.216.34", "n1"), location=Location.MESH_EXTERNAL)
