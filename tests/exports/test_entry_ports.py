"""Lists of ports: what Istio refuses of them, and what they are to a client."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.exports.entry_ports import EntryPorts, read_ports
from globaldns.exports.protocols import KNOWN
from globaldns.model.export import Port, Transport
from globaldns.objects.istio import ServicePort
from tests.exports.builders import HTTP, TCP


def judged(ports: list[dict[str, Any]]) -> EntryPorts:
    return read_ports(msgspec.convert(ports, tuple[ServicePort, ...]))


@pytest.mark.parametrize(
    ("ports", "code", "path"),
    [
        ([HTTP, {**HTTP, "number": 1}], "duplicate-port", "$.spec.ports[1].name"),
        ([HTTP, {**HTTP, "name": "b"}], "duplicate-port", "$.spec.ports[1].number"),
        ([{**HTTP, "number": 0}], "port-range", "$.spec.ports[0].number"),
        ([{**HTTP, "number": 65536}], "port-range", "$.spec.ports[0].number"),
        ([{**HTTP, "targetPort": 65536}], "port-range", "$.spec.ports[0].targetPort"),
        ([{**HTTP, "name": ""}], "port-name", "$.spec.ports[0].name"),
        ([{**HTTP, "name": "Http"}], "port-name", "$.spec.ports[0].name"),
        ([{**HTTP, "name": "a" * 64}], "port-name", "$.spec.ports[0].name"),
        ([{**HTTP, "protocol": "SCTP"}], "port-protocol", "$.spec.ports[0].protocol"),
        ([{**HTTP, "number": -1}], "port-range", "$.spec.ports[0].number"),
        ([{**HTTP, "name": "a.b"}], "port-name", "$.spec.ports[0].name"),
        ([{**HTTP, "name": "-a"}], "port-name", "$.spec.ports[0].name"),
    ],
)
def test_what_istio_refuses_of_a_port_is_refused_where_it_stands(ports, code, path):
    assert [(one.code, one.path) for one in judged(ports).refusals] == [(code, path)]


@pytest.mark.parametrize(
    "ports",
    [
        [],
        [{"number": 1, "name": "any"}],
        [{"number": 65535, "name": "a" * 63, "targetPort": 65535}],
        [{**HTTP, "protocol": "grpc-web"}],
        [HTTP, TCP],
        [{**HTTP, "targetPort": 80}, {**TCP, "targetPort": 80}],
    ],
)
def test_what_istio_accepts_of_ports_is_accepted(ports):
    assert judged(ports).refusals == ()


@pytest.mark.parametrize("protocol", sorted(KNOWN))
def test_every_protocol_of_istio_is_accepted_in_either_case(protocol):
    for written in (protocol, protocol.lower()):
        found = judged([{**HTTP, "protocol": written}])
        assert found.refusals == ()
        assert found.protocols == {protocol}
        assert [port.protocol for port in found.ports] == [protocol]


def test_all_problems_of_all_ports_are_told_at_once():
    found = judged([{"number": 0, "name": "A", "protocol": "x"}, {"number": 0, "name": "A"}])
    assert sorted(one.path for one in found.refusals) == [
        "$.spec.ports[0].name",
        "$.spec.ports[0].number",
        "$.spec.ports[0].protocol",
        "$.spec.ports[1].name",
        "$.spec.ports[1].name",
        "$.spec.ports[1].number",
        "$.spec.ports[1].number",
    ]


def test_ports_keep_their_order_and_a_workload_has_the_target_port():
    found = judged([TCP, {**HTTP, "targetPort": 8080}, {"number": 53, "name": "dns"}])
    assert found.ports == (
        Port(9000, "tcp", "TCP"),
        Port(8000, "http", "HTTP"),
        Port(53, "dns", ""),
    )
    assert found.numbers == (("tcp", 9000), ("http", 8080), ("dns", 53))
    assert found.protocols == {"TCP", "HTTP", ""}
    assert found.warnings == ()


def test_a_udp_port_is_in_dns_only_and_warned_of():
    found = judged([HTTP, {"number": 53, "name": "dns", "protocol": "udp"}])
    assert found.ports[1] == Port(53, "dns", "UDP", Transport.UDP)
    (warning,) = found.warnings
    assert (warning.code, warning.path, warning.severity) == (
        "not-routed",
        "$.spec.ports[1].protocol",
        "warning",
    )
    assert warning.reason.startswith("port 53/udp is in DNS")


def test_an_equal_list_is_judged_once():
    assert judged([HTTP, TCP]) is judged([HTTP, TCP])
