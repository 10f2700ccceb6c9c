"""Asking resolvers; they are real sockets on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from globaldns.errors import ServerError
from globaldns.probes import resolver
from globaldns.probes.message import Answer
from globaldns.probes.resolver import parse_nameservers, read_nameservers, resolve
from tests.nameserver import NameServer
from tests.probes.gateways import answer, free_port

FOUND = "gw.example. 60 A 203.0.113.1"
EXPECTED = Answer(frozenset({"203.0.113.1"}), 60)


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def at(server: NameServer) -> tuple[str, int]:
    return ("127.0.0.1", server.port)


def kinds(server: NameServer) -> list[str]:
    """What was asked for, in order."""
    messages = (dns.message.from_wire(query) for _, query in server.asked)
    return [dns.rdatatype.to_text(one.question[0].rdtype) for one in messages]


async def test_a_name_has_the_addresses_that_a_resolver_answers(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, FOUND)]
    assert await resolve("gw.example", [at(server)]) == EXPECTED
    assert kinds(server) == ["A"]


async def test_only_a_name_without_ipv4_is_asked_for_ipv6(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, "gw.example. 9 AAAA 2001:db8::1")]
    assert await resolve("gw.example", [at(server)]) == Answer(frozenset({"2001:db8::1"}), 9)
    assert kinds(server) == ["A", "AAAA"]


async def test_a_name_without_any_address_is_a_failure(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query)]
    with pytest.raises(ServerError, match="the name has no address"):
        await resolve("gw.example", [at(server)])


async def test_a_name_that_does_not_exist_is_asked_once(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, rcode="NXDOMAIN")]
    with pytest.raises(ServerError, match="NXDOMAIN"):
        await resolve("gw.example", [at(server)])
    assert kinds(server) == ["A"]


async def test_a_truncated_answer_is_fetched_over_tcp(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, flags=dns.flags.TC)]

    def whole(query: bytes) -> list[bytes]:
        reply = answer(query, FOUND)
        return [len(reply).to_bytes(2) + reply]

    server.over_tcp = whole
    assert await resolve("gw.example", [at(server)]) == EXPECTED
    assert [protocol for protocol, _ in server.asked] == ["UDP", "TCP"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "it hung up in its answer"),
        (b"\x00\x40half", "it hung up in its answer"),
        (b"\x00\x0c" + bytes(12), "it answered something else"),
    ],
)
async def test_half_an_answer_over_tcp_is_none(
    reply: bytes, reason: str, server: NameServer
) -> None:
    server.over_udp = lambda query: [answer(query, flags=dns.flags.TC)]
    server.over_tcp = lambda _: [reply] if reply else []
    with pytest.raises(ServerError, match=reason):
        await resolve("gw.example", [at(server)])


async def test_what_answers_another_question_is_passed_over(server: NameServer) -> None:
    def several(query: bytes) -> list[bytes]:
        forged = answer(query, "gw.example. 60 A 203.0.113.66")
        return [b"", bytes([forged[0] ^ 1]) + forged[1:], query, answer(query, FOUND)][1:]

    server.over_udp = several
    assert await resolve("gw.example", [at(server)]) == EXPECTED


async def test_every_question_has_an_id_and_a_port_of_its_own(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, FOUND)]
    for _ in range(20):
        await resolve("gw.example", [at(server)])
    assert len({query[:2] for _, query in server.asked}) > 15


async def test_a_resolver_that_refuses_or_is_silent_is_followed_by_the_next(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "TRY_SECONDS", 1.0)
    server.over_udp = lambda query: [answer(query, FOUND)] * (len(server.asked) > 1)
    closed = ("127.0.0.1", free_port())
    assert await resolve("gw.example", [closed, at(server)]) == EXPECTED
    assert len(server.asked) == 2


async def test_servfail_everywhere_is_what_is_told(server: NameServer) -> None:
    server.over_udp = lambda query: [answer(query, rcode="SERVFAIL")]
    with pytest.raises(ServerError, match="the resolver answers SERVFAIL"):
        await resolve("gw.example", [at(server)])
    assert len(server.asked) == resolver.ROUNDS


async def test_no_answer_says_who_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "TRY_SECONDS", 0.1)
    port = free_port()
    with pytest.raises(ServerError, match=f"127.0.0.1#{port} does not answer") as caught:
        await resolve("gw.example", [("127.0.0.1", port)])
    assert "routing.probes.resolvers" in caught.value.hint
    with pytest.raises(ServerError, match="there is no resolver"):
        await resolve("gw.example", [])


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.1\n", ["192.0.2.1"]),
        ("# c\nsearch a.b\nnameserver\t2001:db8::1 \noptions ndots:5\n", ["2001:db8::1"]),
        ("nameserver a\nnameserver 192.0.2.1 # first\n", ["192.0.2.1"]),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(5)), [f"192.0.2.{n}" for n in "012"]),
        ("", ["127.0.0.1"]),
        ("nameserver\n", ["127.0.0.1"]),
    ],
)
def test_the_resolvers_are_those_of_the_file(text: str, servers: list[str], tmp_path: Path) -> None:
    assert parse_nameservers(text) == tuple((server, 53) for server in servers)
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    assert read_nameservers(file) == parse_nameservers(text)


def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="cannot be read") as caught:
        read_nameservers(tmp_path / "none")
    assert "routing.probes.resolvers" in caught.value.hint
