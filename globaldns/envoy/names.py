"""What clusters and listeners are called, and what a gateway is told of whom a connection is for.

Standards:
    Istio pilot/pkg/model BuildSubsetKey, BuildDNSSrvSubsetKey
"""

from __future__ import annotations

from globaldns.config.routing import Sni
from globaldns.model.host import Host, is_service_host

CLUSTER_DOMAIN = "svc.cluster.local"
"""Where Istio's east-west gateways know every Service."""


def upstream_name(name: str, port: int) -> str:
    """Return what a sidecar's cluster is called; ``name`` is the host with its zone."""
    return f"outbound|{port}||{name}"


def passthrough_name(name: str, port: int) -> str:
    """Return what a gateway's cluster is called, as Istio's ``sni-dnat`` gateways have it."""
    return f"outbound_.{port}_._.{name}"


def inbound_name(port: int) -> str:
    """Return what the cluster of a workload's own port is called."""
    return f"inbound|{port}||"


def listener_name(address: str, port: int) -> str:
    """Return what a listener is called."""
    return f"{address}_{port}"


def server_name(host: Host, zone: str, port: int, sni: Sni) -> str:
    """Return the SNI by which a gateway knows a service's port.

    Only a host of the plain shape is a Service of the far cluster too: others are named themselves.
    """
    if sni is Sni.CLIENT and is_service_host(host):
        return passthrough_name(f"{host}.{CLUSTER_DOMAIN}", port)
    return passthrough_name(f"{host}.{zone}", port)


def server_names(host: Host, zones: tuple[str, ...], port: int) -> tuple[str, ...]:
    """Return all by which callers may name a service's port, the plain Service's first."""
    names = [server_name(host, zone, port, Sni.GATEWAY) for zone in zones]
    if is_service_host(host):
        names.insert(0, passthrough_name(f"{host}.{CLUSTER_DOMAIN}", port))
    return tuple(names)
