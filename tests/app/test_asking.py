"""The ways of pods' questions, asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import dns.flags
import dns.message
import dns.rrset
import pytest

from globaldns.app import asking
from globaldns.app.asking import ask_paths, find_alive
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.dns.counters import Channel
from globaldns.dns.responder import Responder
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.dns.zone import Zones
from globaldns.model.snapshot import ZoneDelta
from globaldns.stubs.verification import Outcome, QueryPath, Verdict, own_paths
from tests.nameserver import NameServer

NAME = "_globaldns.global"
Reply = Callable[[bytes], Sequence[bytes]]


def says(text: str) -> Reply:
    """A reply with a TXT record, to who wants it fetched."""

    def reply(query: bytes) -> list[bytes]:
        asked = dns.message.from_wire(query)
        assert asked.flags & dns.flags.RD
        response = dns.message.make_response(asked)
        response.answer.append(dns.rrset.from_text(f"{NAME}.", 30, "IN", "TXT", f'"{text}"'))
        return [response.to_wire()]

    return reply


def denies(query: bytes) -> list[bytes]:
    """A reply of somebody else, who has no such name."""
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(3)
    soa = "a.root. mail.root. 1 2 3 4 5"
    response.authority.append(dns.rrset.from_text(".", 30, "IN", "SOA", soa))
    return [response.to_wire()]


@pytest.fixture
def dns_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


async def ask(server: NameServer, *paths: QueryPath, wait: float = 0) -> tuple[Verdict, ...]:
    stub = Stub(zones=(StubZone("global"),), servers=(Server("127.0.0.1", server.port),))
    return await ask_paths(stub, (*own_paths(stub), *paths), cluster="east", wait=wait)


async def test_each_way_is_asked(dns_server: NameServer) -> None:
    dns_server.over_udp = says("east/pod")
    own, way = await ask(dns_server, QueryPath("cluster-dns", "127.0.0.1", dns_server.port))
    assert (own.path.name, way.path.name) == ("globaldns", "cluster-dns")
    assert own.is_ok
    assert way.instance == "east/pod"


async def test_one_that_does_not_answer_is_a_verdict_and_no_error(
    dns_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(asking, "TRY_SECONDS", 0.01)
        (silent,) = await ask(dns_server)
    dns_server.over_udp = says("east/pod")
    _, closed = await ask(dns_server, QueryPath("cluster-dns", "127.0.0.1", 1))
    assert (silent.outcome, closed.outcome) == (Outcome.SILENT, Outcome.SILENT)
    assert silent.reason == "no answer within 0.01 s"
    assert "refused" in closed.reason


async def test_an_answer_that_cannot_be_read_is_none(dns_server: NameServer) -> None:
    dns_server.over_udp = lambda query: [says("east/pod")(query)[0][:-3]]
    (own,) = await ask(dns_server)
    assert own.outcome is Outcome.SILENT
    assert "answer" in own.reason


async def test_who_denies_is_told_by_the_soa(dns_server: NameServer) -> None:
    dns_server.over_udp = denies
    (own,) = await ask(dns_server)
    assert own.outcome is Outcome.FOREIGN
    assert "a.root. mail.root." in own.reason


@pytest.mark.parametrize(
    ("namespaces", "outcome"),
    [
        ({"global": ("shop",)}, Outcome.OK),
        ({"global": ("cart",)}, Outcome.OTHER_NAMESPACES),
        ({}, Outcome.OTHER_NAMESPACES),
    ],
)
async def test_a_server_of_ours_is_known_where_it_has_other_namespaces(
    dns_server: NameServer, namespaces: dict[str, tuple[str, ...]], outcome: Outcome
) -> None:
    scribe = Scribe(Table())
    scribe.apply(ZoneDelta(2026, complete=True))
    scribe.confirm(float("inf"))
    rules = DnsRules(zones=("global",), namespaces=namespaces, instance="east/pod")
    ours = Responder(Zones(rules, scribe.table))
    dns_server.over_udp = lambda query: [ours.respond(query, Channel.UDP_IPV4, 0.0) or b""]
    zone = StubZone("global", namespaces=("shop",))
    stub = Stub(zones=(zone,), servers=(Server("127.0.0.1", dns_server.port),))
    (own,) = await ask_paths(stub, own_paths(stub), cluster="east")
    assert own.outcome is outcome


async def test_one_that_is_silent_may_answer_for_other_names(
    dns_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TRY_SECONDS", 0.01)
    way, dead = QueryPath("way", "127.0.0.1", dns_server.port), QueryPath("dead", "127.0.0.1", 1)
    silent = await ask(dns_server, way, dead)
    assert {one.outcome for one in silent} == {Outcome.SILENT}
    monkeypatch.setattr(asking, "TRY_SECONDS", 30.0)
    dns_server.over_udp = says("any")
    assert await find_alive(silent[1:], "kubernetes.default.svc.cluster.local") == {str(way)}
    assert await find_alive([], "name") == frozenset()


async def test_it_may_become_right_while_there_is_time(
    dns_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0.0)
    answers = ["west/pod", "west/pod", "east/pod"]

    def change(query: bytes) -> Sequence[bytes]:
        return says(answers.pop(0))(query)

    dns_server.over_udp = change
    (own,) = await ask(dns_server, wait=60)
    assert own.is_ok
    assert answers == []


async def test_it_ends_when_the_time_is_over(
    dns_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AGAIN_SECONDS", 0.0)
    dns_server.over_udp = says("west/pod")
    assert not (await ask(dns_server, wait=0.01))[0].is_ok
