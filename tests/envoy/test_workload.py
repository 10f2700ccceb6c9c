"""What stands in front of an application."""

from __future__ import annotations

from globaldns.envoy.upstreams import Talk
from globaldns.envoy.workload import Inbound, find_inbounds, workload_documents
from globaldns.model.export import ExportKind
from tests.envoy.meshes import ANY, HTTP, NEAR, RULES, TCP, offer, read, web
from tests.routing.meshes import endpoint


def test_a_workload_has_the_ports_by_which_services_reach_it() -> None:
    waiting = endpoint("10.0.0.9", "n1", ready=False, ports=(("http", 8080),))
    service = web(offer("c1", waiting, ports=[HTTP, TCP]))
    assert find_inbounds([service], "c1", "10.0.0.9") == (
        Inbound(83, Talk.TCP),
        Inbound(8080, Talk.HTTP1),
    )
    assert find_inbounds([service], "c1", "10.0.0.1") == ()
    assert find_inbounds([service], "c2", "10.0.0.9") == ()


def test_a_route_reaches_nobody() -> None:
    assert not find_inbounds(
        [web(offer("c1", *NEAR.endpoints, kind=ExportKind.ROUTE))], "c1", "10.0.0.1"
    )


def test_of_two_services_the_first_says_how_a_port_is_spoken_to() -> None:
    first = web(offer("c1", endpoint("10.0.0.1", "n1"), ports=[HTTP]), host="a.shop")
    second = web(offer("c1", endpoint("10.0.0.1", "n1", ports=(("any", 80),)), ports=[ANY]))
    for services in ([first, second], [second, first]):
        assert find_inbounds(services, "c1", "10.0.0.1") == (Inbound(80, Talk.HTTP1),)


def test_every_port_wants_a_certificate_and_leads_to_the_application() -> None:
    inbounds = [Inbound(80, Talk.HTTP1), Inbound(81, Talk.SNIFFED), Inbound(82, Talk.TCP)]
    made = workload_documents(inbounds, RULES, address="10.0.0.1", forward="127.0.0.1")
    for name, listener in read(made.listeners).items():
        chains = [*listener["filter_chains"], listener.get("default_filter_chain")]
        for chain in filter(None, chains):
            config = chain["transport_socket"]["typed_config"]
            assert config["require_client_certificate"] is True, name
    first = read(made.clusters)["inbound|80||"]["load_assignment"]["endpoints"][0]
    place = first["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert place == {"address": "127.0.0.1", "port_value": 80}


def test_callers_say_by_alpn_what_they_speak() -> None:
    made = workload_documents(
        [Inbound(81, Talk.SNIFFED)], RULES, address="10.0.0.1", forward="127.0.0.1"
    )
    [listener] = read(made.listeners).values()
    known = listener["filter_chains"][0]["filter_chain_match"]["application_protocols"]
    assert {"istio-http/1.1", "istio-h2", "h2"} <= set(known)
    assert "istio" not in known
    assert listener["default_filter_chain"]["filters"][0]["name"].endswith("tcp_proxy")
