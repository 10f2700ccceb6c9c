from __future__ import annotations

from globaldns.istio.notices import Code
from globaldns.istio.ports import port_notices, route_ports, write_ports
from globaldns.model.export import Port, Transport
from tests.istio.sites import SNIFFED, TCP, UDP
from tests.routing.meshes import HTTP

WEB = Port(80, "web", "HTTP2")


def codes(*ports: Port) -> list[Code]:
    return [notice.code for notice in port_notices("web.shop.global", route_ports(ports))]


def test_a_port_whose_protocol_is_to_be_sniffed_names_none() -> None:
    assert write_ports(route_ports((HTTP, TCP, SNIFFED))) == [
        {"number": 80, "name": "http", "protocol": "HTTP"},
        {"number": 3306, "name": "mysql", "protocol": "TCP"},
        {"number": 9090, "name": "metrics"},
    ]
    assert codes(HTTP, TCP, SNIFFED) == []


def test_what_is_not_tcp_is_left_out_and_told() -> None:
    sctp = Port(80, "sig", "SCTP", Transport.SCTP)
    routed = route_ports((UDP, sctp, HTTP))
    assert routed.ports == (HTTP,)
    assert codes(UDP, sctp, HTTP) == [Code.NOT_ROUTED, Code.NOT_ROUTED]


def test_of_two_names_of_a_number_the_first_stands_and_the_other_leads_there_too() -> None:
    routed = route_ports((HTTP, WEB))
    assert routed.ports == (HTTP,)
    assert codes(HTTP, WEB) == [Code.PORT_NUMBER]
    assert routed.own_numbers((("web", 8080),)) == {"http": 8080}
    assert routed.own_numbers((("http", 8081), ("web", 8080))) == {"http": 8081}


def test_an_own_number_is_said_where_it_is_not_the_services() -> None:
    routed = route_ports((HTTP, TCP))
    said = (("http", 80), ("mysql", 3307), ("unknown", 5))
    assert routed.own_numbers(said) == {"mysql": 3307}
    assert routed.own_numbers(()) == {}


def test_an_entry_has_room_for_256_ports() -> None:
    many = tuple(Port(number, f"p{number}") for number in range(1, 259))
    assert len(route_ports(many).ports) == 256
    assert codes(*many) == [Code.TOO_MANY]
