"""The protocol of a port, as Istio reads it.

Standards:
    Istio "Protocol Selection": ``appProtocol``, else the prefix of the port's name, else sniffed
    Kubernetes KEP-3726: ``kubernetes.io/h2c``, ``kubernetes.io/ws``, ``kubernetes.io/wss``
"""

from __future__ import annotations

from globaldns.model.export import HTTP, TLS, Transport
from globaldns.objects.kubernetes import ServicePort

TCP = frozenset({"TCP", "MONGO", "REDIS", "MYSQL"}) | TLS
"""All that is not HTTP (IsTCP)."""
KNOWN = HTTP | TCP | {"UDP"}
"""All that Istio's Parse accepts."""

_APP_PROTOCOLS = {
    "kubernetes.io/h2c": "HTTP2",
    "kubernetes.io/ws": "HTTP",
    "kubernetes.io/wss": "HTTPS",
}
_SERVER_FIRST = frozenset({25, 53, 3306, 27017})
"""SMTP, DNS, MySQL, MongoDB: sniffing breaks them, so Istio takes them for TCP."""


def service_protocol(port: ServicePort) -> str:
    """Return the protocol of a Service's port; empty where it is to be sniffed."""
    if port.protocol != "TCP":
        return port.protocol.value
    text = _APP_PROTOCOLS.get(port.app_protocol or "", port.app_protocol or port.name or "").upper()
    protocol = "GRPC-WEB" if text.startswith("GRPC-WEB") else text.partition("-")[0]
    if protocol in KNOWN and protocol != "UDP":
        return protocol
    return "TCP" if port.port in _SERVER_FIRST else ""


def entry_transport(protocol: str) -> Transport:
    """Return the transport of a ServiceEntry's port."""
    return Transport.UDP if protocol == "UDP" else Transport.TCP
