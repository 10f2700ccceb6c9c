"""Asking over UDP and TCP; the servers are real sockets."""

import socket

import dns.flags
import dns.message
import dns.rrset
import pytest

from globaldns.cli import resolver
from globaldns.cli.resolver import ask
from globaldns.errors import ServerError, ServerUnreachable

NAME = "reviews.bookinfo.global"


def reply(query, address="240.128.0.1", *, flags=dns.flags.AA):
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= flags
    response.answer.append(dns.rrset.from_text(f"{NAME}.", 30, "IN", "A", address))
    return response.to_wire()


def framed(message):
    return len(message).to_bytes(2) + message


def addresses(answered):
    return [record.data for record in answered.message.answer]


def test_an_answer_over_udp_is_enough(dns_server):
    dns_server.over_udp = lambda query: [reply(query)]
    answered = ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)
    assert addresses(answered) == ["240.128.0.1"]
    assert answered.protocol == "UDP"
    assert answered.server == f"127.0.0.1#{dns_server.port}"
    assert answered.milliseconds > 0


def test_a_truncated_answer_is_fetched_over_tcp(dns_server):
    dns_server.over_udp = lambda query: [reply(query, flags=dns.flags.TC)]
    dns_server.over_tcp = lambda query: [framed(reply(query, "240.128.0.2"))]
    answered = ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)
    assert addresses(answered) == ["240.128.0.2"]
    assert answered.protocol == "TCP"


def test_tcp_may_be_asked_at_once(dns_server):
    dns_server.over_tcp = lambda query: [framed(reply(query))]
    ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=True)
    assert [protocol for protocol, _ in dns_server.asked] == ["TCP"]


def test_an_answer_to_another_query_is_passed_over(dns_server):
    def two(query):
        other = bytes([query[0] ^ 1]) + query[1:]
        return [reply(other, "240.66.6.6"), reply(query)]

    dns_server.over_udp = two
    answered = ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)
    assert addresses(answered) == ["240.128.0.1"]


def test_a_datagram_that_is_lost_is_sent_again(dns_server, monkeypatch):
    monkeypatch.setattr(resolver, "TRY_SECONDS", 0.05)
    dns_server.over_udp = lambda query: [reply(query)] if len(dns_server.asked) > 1 else []
    answered = ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)
    assert addresses(answered) == ["240.128.0.1"]
    assert dns_server.asked[0] == dns_server.asked[1]


def test_silence_is_an_error_after_two_tries(dns_server, monkeypatch):
    monkeypatch.setattr(resolver, "TRY_SECONDS", 0.05)
    with pytest.raises(ServerUnreachable, match="timed out") as caught:
        ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)
    assert len(dns_server.asked) == 2
    assert "--at" in caught.value.hint


@pytest.mark.parametrize("tcp", [False, True])
def test_a_refused_connection_is_told_at_once(mesh, tcp):
    with pytest.raises(ServerUnreachable, match="connection refused"):
        ask(NAME, 1, host="127.0.0.1", port=mesh.dns_port, tcp=tcp)


@pytest.mark.parametrize("sent", [b"", b"\x00\x40half"])
def test_a_connection_that_ends_in_the_answer_is_an_error(dns_server, sent):
    dns_server.over_tcp = lambda _: [sent]
    with pytest.raises(ServerError, match="closed the connection"):
        ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=True)


def test_an_answer_that_cannot_be_read_is_an_error(dns_server):
    dns_server.over_udp = lambda query: [query[:2] + b"?"]
    with pytest.raises(ServerError, match="ends in the middle"):
        ask(NAME, 1, host="127.0.0.1", port=dns_server.port, tcp=False)


def test_a_server_may_have_an_ipv6_address():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as closed:
        try:
            closed.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
        port = closed.getsockname()[1]
    with pytest.raises(ServerUnreachable, match=rf"^::1#{port} does not answer"):
        ask(NAME, 1, host="::1", port=port, tcp=False)
