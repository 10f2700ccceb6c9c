"""The protocol of a Service's port, as Istio reads it."""

from __future__ import annotations

import pytest

from globaldns.exports.protocols import service_protocol
from globaldns.objects.kubernetes import Protocol, ServicePort

ROWS = [
    ("http", None, 80, "HTTP"),
    ("http-web", None, 80, "HTTP"),
    ("HTTP2-web", None, 80, "HTTP2"),
    ("grpc-web", None, 80, "GRPC-WEB"),
    ("grpc-web-x", None, 80, "GRPC-WEB"),
    ("grpc-x", None, 80, "GRPC"),
    ("mysql", None, 80, "MYSQL"),
    ("web", None, 80, ""),
    (None, None, 80, ""),
    ("udp-x", None, 80, ""),
    ("web", "http", 80, "HTTP"),
    ("http", "tcp", 80, "TCP"),
    ("http", "example.com/own", 80, ""),
    ("web", "kubernetes.io/h2c", 80, "HTTP2"),
    ("web", "kubernetes.io/ws", 80, "HTTP"),
    ("web", "kubernetes.io/wss", 80, "HTTPS"),
    ("db", None, 3306, "TCP"),
    ("http", None, 3306, "HTTP"),
]


@pytest.mark.parametrize(("name", "app_protocol", "number", "protocol"), ROWS)
def test_app_protocol_comes_first_then_the_prefix_of_the_name(name, app_protocol, number, protocol):
    port = ServicePort(port=number, name=name, app_protocol=app_protocol)
    assert service_protocol(port) == protocol


@pytest.mark.parametrize("transport", [Protocol.UDP, Protocol.SCTP])
def test_what_is_not_tcp_is_its_own_protocol(transport):
    assert service_protocol(ServicePort(port=53, name="http", protocol=transport)) == transport
