"""What CoreDNS makes of our block: every path, what it caches, and what it does without us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from globaldns.app.asking import ask_paths
from globaldns.cli.snippets import render_as
from globaldns.coredns.editing import Options, install
from globaldns.coredns.rendering import UNKNOWN, Build
from globaldns.coredns.stub import Foreign, Stub, StubZone
from globaldns.coredns.stub import Server as Target
from globaldns.stubs.verification import Outcome, QueryPath
from tests.system.corednses import BUILD, CoreDNS
from tests.system.running import Mesh, Server, entry, free_port, wait_until

BASE = """\
. {
    bind 127.0.0.1
    hosts {
        192.0.2.1 other.example foreign.global
        fallthrough
    }
    forward . 127.0.0.1:{others}
}
"""
NAME = "reviews.bookinfo.global"
NEVER = "nothing.bookinfo.global"
PINNED = "240.128.1.2"
KEPT_AT_LEAST = 5
"""Seconds for which CoreDNS keeps an answer that is not to be kept."""
SHORT = Build(version=(1, 12))
"""Without failfast."""


class Site:
    """A CoreDNS with our block in its Corefile."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    @contextmanager
    def coredns(
        self,
        *ports: int,
        zones: tuple[StubZone, ...] = (StubZone("global"),),
        build: Build = BUILD,
        base: str = BASE,
        **more: object,
    ) -> Iterator[CoreDNS]:
        """Run one that asks servers at these ports of this machine."""
        told = Stub(
            zones=zones,
            servers=tuple(Target("127.0.0.1", port) for port in ports),
            **more,  # type: ignore[arg-type]
        )
        text = install(base.replace("{others}", str(free_port())), told, Options(build=build))
        with self.run("coredns", text) as server:
            yield server

    @contextmanager
    def run(self, name: str, text: str) -> Iterator[CoreDNS]:
        """Run one on a Corefile as it stands."""
        with CoreDNS(self._program, self._folder / name, text) as server:
            assert server.has_started, server.log
            yield server


@pytest.fixture
def site(tmp_path: Path, need: Callable[[str], str]) -> Site:
    return Site(need("coredns"), tmp_path)


def soa_ttl(reply: dns.message.Message | None) -> int:
    """The TTL of a negative answer's SOA."""
    assert reply is not None
    (soa,) = reply.authority
    assert soa.rdtype == dns.rdatatype.SOA
    return soa.ttl


ANSWERS = [
    ("productpage.bookinfo.global", "A", "NOERROR", PINNED),
    (NAME, "AAAA", "NOERROR", "fd67:"),
    ("_http._tcp.reviews.bookinfo.global", "SRV", "NOERROR", f" {NAME}."),
    ("_explain.reviews.bookinfo.global", "TXT", "NOERROR", '"rule='),
    ("2.1.128.240.in-addr.arpa", "PTR", "NOERROR", "productpage.bookinfo.global."),
    (NAME, "MX", "NOERROR", ""),
    ("bookinfo.global", "A", "NOERROR", ""),
    (NEVER, "A", "NXDOMAIN", ""),
]


@pytest.mark.parametrize("build", [UNKNOWN, BUILD], ids=["least", "all options"])
@pytest.mark.parametrize("cache_seconds", [0, 30], ids=["no cache", "cache"])
@pytest.mark.parametrize("force_tcp", [False, True], ids=["as asked", "force_tcp"])
def test_every_kind_of_answer_comes_through(
    build: Build,
    cache_seconds: int,
    force_tcp: bool,  # noqa: FBT001
    site: Site,
    shared_server: Server,
) -> None:
    ours = site.coredns(
        shared_server.mesh.dns_port,
        build=build,
        cache_seconds=cache_seconds,
        force_tcp=force_tcp,
        reverse=("240.0.0.0/8",),
    )
    with ours as coredns:
        for tcp in (False, True, False):
            for name, kind, rcode, part in ANSWERS:
                reply = coredns.ask(name, kind, tcp=tcp)
                assert reply is not None
                assert dns.rcode.to_text(reply.rcode()) == rcode
                assert bool(reply.answer) == bool(part)
                assert part in " ".join(rrset.to_text() for rrset in reply.answer)
                if not part:
                    assert soa_ttl(reply) <= 10
        assert coredns.rcode("other.example") == "NOERROR"


def test_a_wrong_name_is_kept_for_the_ttl_of_the_zone_and_no_longer(
    site: Site, server: Server
) -> None:
    with site.coredns(server.mesh.dns_port) as coredns:
        for name, kind in ((NEVER, "A"), (NAME, "MX")):
            assert 0 < soa_ttl(coredns.ask(name, kind)) <= 10
        server.mesh.write("flat", "new.yaml", entry(NEVER))
        server.wait_answer(NEVER)
        kept = coredns.ask(NEVER)
        assert kept is not None
        if not kept.answer:
            assert soa_ttl(kept) <= 10
        wait_until(lambda: coredns.rcode(NEVER) == "NOERROR", "the new name is answered")


def test_what_is_cached_outlives_us(site: Site, server: Server) -> None:
    with site.coredns(server.mesh.dns_port) as coredns:
        asked = [(NAME, "A"), (NEVER, "A"), (NAME, "MX")]
        before = [coredns.rcode(*question) for question in asked]
        server.kill()
        assert [coredns.rcode(*question) for question in asked] == before
        assert coredns.rcode("ratings.bookinfo.global") == "SERVFAIL"


@pytest.mark.parametrize("build", [SHORT, BUILD], ids=["spray", "failfast"])
def test_an_outage_is_servfail_and_the_return_is_noticed(
    build: Build, site: Site, mesh: Mesh
) -> None:
    with site.coredns(mesh.dns_port, build=build, cache_seconds=0) as coredns:
        with Server(mesh) as first:
            first.wait_ready()
            assert coredns.rcode(NAME) == "NOERROR"
        for _ in range(4):
            assert coredns.rcode(NAME) == "SERVFAIL"
            assert coredns.rcode("other.example") == "NOERROR"
        with Server(mesh) as second:
            second.wait_ready()
            wait_until(lambda: coredns.rcode(NAME) == "NOERROR", "it is answered again")


@pytest.mark.parametrize("build", [SHORT, BUILD], ids=["spray", "failfast"])
def test_silence_is_servfail_and_the_return_is_noticed(
    build: Build, site: Site, mesh: Mesh
) -> None:
    with site.coredns(mesh.dns_port, build=build, cache_seconds=0) as coredns:
        with socket.socket(type=socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", mesh.dns_port))
            for _ in range(3):
                assert coredns.rcode(NAME) == "SERVFAIL"
        with Server(mesh) as server:
            server.wait_ready()
            wait_until(lambda: coredns.rcode(NAME) == "NOERROR", "it is answered again")


def test_one_of_two_addresses_is_enough(site: Site, shared_server: Server) -> None:
    ports = (free_port(), shared_server.mesh.dns_port)
    with site.coredns(*ports, cache_seconds=0) as coredns:
        assert [coredns.rcode(NAME) for _ in range(20)] == ["NOERROR"] * 20


def test_chosen_namespaces_leave_the_rest_of_the_zone_alone(
    site: Site, shared_server: Server
) -> None:
    zones = (StubZone("global", namespaces=("bookinfo",)),)
    with site.coredns(shared_server.mesh.dns_port, zones=zones) as coredns:
        assert coredns.rcode(NAME) == "NOERROR"
        assert str(coredns.ask("foreign.global")).find("192.0.2.1") > 0


def test_names_that_are_not_ours_are_asked_elsewhere(site: Site, shared_server: Server) -> None:
    with site.run("others", ". {\n hosts {\n  192.0.2.7 public.global\n }\n}\n") as others:
        base = BASE.replace("{others}", str(others.port))
        port = shared_server.mesh.dns_port
        zones = (StubZone("global", Foreign.FALLTHROUGH),)
        with site.coredns(port, base=base, zones=zones) as coredns:
            assert "192.0.2.7" in str(coredns.ask("public.global"))
            assert "192.0.2.7" not in str(coredns.ask(NAME))
            assert coredns.rcode(NAME) == "NOERROR"
            assert soa_ttl(coredns.ask(NAME, "MX")) <= 10


def test_what_is_rendered_without_a_cluster_asks_others_too(
    site: Site, shared_server: Server
) -> None:
    told = Stub(
        zones=(StubZone("global", Foreign.FALLTHROUGH),),
        servers=(Target("127.0.0.1", shared_server.mesh.dns_port),),
    )
    text = render_as("corefile", told).text
    assert text.startswith("global:53 {\n")
    with site.run("others", ". {\n hosts {\n  192.0.2.7 public.global\n }\n}\n") as others:
        moves = {":53 {": " {\n    bind 127.0.0.1", "/etc/resolv.conf": f"127.0.0.1:{others.port}"}
        for standing, here in moves.items():
            text = text.replace(standing, here)
        with site.run("coredns", text) as coredns:
            assert coredns.rcode(NAME) == "NOERROR"
            assert "192.0.2.7" in str(coredns.ask("public.global"))
            assert "192.0.2.7" not in str(coredns.ask(NAME))


FALLS, ALONE = Foreign.FALLTHROUGH, Foreign.NXDOMAIN


@pytest.mark.parametrize(("first", "second"), [(ALONE, FALLS), (FALLS, ALONE)])
def test_each_zone_has_its_own_policy_in_one_corefile(
    first: Foreign, second: Foreign, site: Site, mesh: Mesh
) -> None:
    policies = {"global": first, "mesh.example": second}
    mesh.configure(zones=[*policies])
    ours = {zone: f"both.bookinfo.{zone}" for zone in policies}
    mesh.write("east", "both.yaml", entry(ours["global"], hosts=[*ours.values()]))
    public = " ".join(f"public.{zone}" for zone in policies)
    with (
        Server(mesh) as server,
        site.run("others", f". {{\n hosts {{\n  192.0.2.7 {public}\n }}\n}}\n") as others,
    ):
        server.wait_ready()
        base = BASE.replace("{others}", str(others.port))
        zones = tuple(StubZone(zone, foreign) for zone, foreign in policies.items())
        with site.coredns(mesh.dns_port, base=base, zones=zones) as coredns:
            for zone, foreign in policies.items():
                assert ours[zone] in str(coredns.ask(ours[zone]).answer)
                reply = coredns.ask(f"public.{zone}")
                assert ("192.0.2.7" in str(reply)) == (foreign is FALLS)
                if foreign is ALONE:
                    assert reply.rcode() == dns.rcode.NXDOMAIN
                    assert soa_ttl(reply) <= 10


def test_verify_knows_chosen_namespaces_and_whose_they_are(
    site: Site, make_mesh: Callable[..., Mesh]
) -> None:
    chosen = {"name": "global", "foreign": "fallthrough", "namespaces": ["bookinfo", "empty"]}
    zones = (StubZone("global", FALLS, ("bookinfo", "empty")),)
    nothing = "template IN ANY . {\n  rcode NXDOMAIN\n }"
    with (
        Server(make_mesh(zones=[chosen])) as server,
        site.run("others", f". {{\n {nothing}\n}}\n") as others,
    ):
        port = server.wait_ready().mesh.dns_port
        base = BASE.replace("{others}", str(others.port))
        told = Stub(zones=zones, servers=(Target("127.0.0.1", port),))
        with site.coredns(port, base=base, zones=zones) as coredns:
            assert coredns.rcode(NAME) == "NOERROR"
            path = QueryPath("cluster-dns", "127.0.0.1", coredns.port)
            ours = asyncio.run(ask_paths(told, [path], cluster="east"))
            theirs = asyncio.run(ask_paths(told, [path], cluster="west"))
        path = QueryPath("cluster-dns", "127.0.0.1", others.port)
        nobodys = asyncio.run(ask_paths(told, [path], cluster="east"))
    names = ["_globaldns.bookinfo.global", "_globaldns.empty.global"]
    for verdicts, outcome in (
        (ours, Outcome.OK),
        (theirs, Outcome.OTHER_CLUSTER),
        (nobodys, Outcome.FOREIGN),
    ):
        assert [(one.name, one.outcome) for one in verdicts] == [(name, outcome) for name in names]


def test_who_answers_is_kept_no_longer_than_coredns_keeps_anything(
    site: Site, shared_server: Server
) -> None:
    with site.coredns(shared_server.mesh.dns_port) as coredns:
        for _ in range(2):
            reply = coredns.ask("_globaldns.global", "TXT")
            assert reply is not None
            (who,) = reply.answer
            assert who.ttl <= KEPT_AT_LEAST


def test_our_block_comes_and_goes_without_a_lost_answer(site: Site, shared_server: Server) -> None:
    base = BASE.replace("    hosts", "    reload 2s 1s\n    hosts").replace("{others}", "9")
    told = Stub(
        zones=(StubZone("global"),), servers=(Target("127.0.0.1", shared_server.mesh.dns_port),)
    )
    with site.run("coredns", base) as coredns:
        assert coredns.rcode(NAME) == "SERVFAIL"
        for text, rcode in ((install(base, told), "NOERROR"), (base, "SERVFAIL")):
            coredns.write(text)
            rcodes = []

            def is_reloaded(rcodes: list[str] = rcodes, rcode: str = rcode) -> bool:
                rcodes.append(coredns.rcode("other.example"))
                return coredns.rcode(NAME) == rcode

            wait_until(is_reloaded, "the new Corefile is read")
            assert set(rcodes) == {"NOERROR"}
