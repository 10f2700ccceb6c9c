"""The ways of pods' questions, asked through real CoreDNSes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from globaldns.app import stubproving
from tests.stubs.platforms import KUBEADM, NODE_LOCAL, Object, config_map
from tests.system.corednses import CoreDNS, localize
from tests.system.running import Server, wait_until
from tests.system.telling import SERVER, Told


def test_the_way_is_seen_to_work_through_a_real_coredns(
    told: Callable[..., Told],
    shared_server: Server,
    tmp_path: Path,
    need: Callable[[str], str],
) -> None:
    dns = told(*KUBEADM)
    ours = f"127.0.0.1:{shared_server.mesh.dns_port}"
    dns.must("install", "--forward-to", ours)
    folder = tmp_path / "coredns"
    bare = localize(KUBEADM[0]["data"]["Corefile"], folder)
    with CoreDNS(need("coredns"), folder, bare) as server:
        through = ("verify", "--through", f"127.0.0.1:{server.port}", "-o", "json")
        direct, way = json.loads(dns.must(*through, code=3))["paths"]
        assert direct["outcome"] == "ok"
        assert way["outcome"] != "ok"
        assert (way["cause"], "written " in way["reason"]) == ("reloading", True)
        server.write(localize(dns.corefile(), folder))
        direct, way = json.loads(dns.must(*through, "--wait", "60"))["paths"]
    assert way["outcome"] == direct["outcome"] == "ok"
    assert way["instance"] == direct["instance"]
    assert way["instance"].startswith("east/")


BASE = KUBEADM[0]["data"]["Corefile"]
BEFORE = ".:53 {\n    template IN ANY . {\n        rcode NXDOMAIN\n    }\n}\n"
"""What answers for others, and was not told of us."""
WITHOUT_RELOAD = BASE.replace("    reload\n", "")


class Ways:
    """A cluster that is told of a server of ours, and CoreDNSes that pods ask."""

    def __init__(self, dns: Told, ours: Server, folder: Path, program: str) -> None:
        self.dns = dns
        self.ours = f"127.0.0.1:{ours.mesh.dns_port}"
        self.folder = folder
        self.program = program

    def install(self) -> None:
        self.dns.must("install", "--forward-to", self.ours)

    @contextmanager
    def asked(self, name: str, text: str) -> Iterator[str]:
        """Run a CoreDNS on a Corefile, and give it as a path."""
        folder = self.folder / name
        with CoreDNS(self.program, folder, localize(text, folder)) as server:
            assert server.has_started, server.log
            yield f"{name}=127.0.0.1:{server.port}"

    def verify(self, *paths: str) -> list[dict[str, str]]:
        """Return what is wrong with our own servers, and with each path."""
        through = [word for path in paths for word in ("--through", path)]
        done = self.dns.run("verify", "-o", "json", *through)
        found: list[dict[str, str]] = json.loads(done.stdout)["paths"]
        assert done.exit_code == (3 if any(one["cause"] for one in found) else 0), done.output
        return found

    def cause(self, text: str) -> str:
        """Return what is wrong where pods ask a CoreDNS with this Corefile."""
        with self.asked("cluster-dns", text) as path:
            own, way = self.verify(path)
        assert own["outcome"] == "ok"
        assert way["hint"]
        return way["cause"]


@pytest.fixture
def ways(
    told: Callable[..., Told], shared_server: Server, tmp_path: Path, need: Callable[[str], str]
) -> Callable[..., Ways]:
    """Return a maker of a cluster with the objects of a platform."""
    return lambda *objects: Ways(told(*objects), shared_server, tmp_path, need("coredns"))


def corefile(text: str) -> Object:
    return config_map("coredns", {"Corefile": text})


@contextmanager
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have ten minutes gone by."""
    with monkeypatch.context() as patched:
        now = stubproving.wall_clock
        patched.setattr(stubproving, "wall_clock", lambda: now() + 600)
        yield


def test_a_corefile_that_was_not_told_is_told_from_one_that_is_not_read(
    ways: Callable[..., Ways], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ways(*KUBEADM)
    here.dns.must("install", "--forward-to", here.ours)
    here.dns.api.apply(corefile(BASE))
    assert here.cause(BEFORE) == "not-installed"
    here.install()
    assert here.cause(BEFORE) == "reloading"
    with later(monkeypatch):
        assert here.cause(BEFORE) == "not-reloaded"
    here.dns.api.apply(corefile(WITHOUT_RELOAD))
    here.install()
    for before in (BEFORE, BEFORE.replace("NXDOMAIN", "SERVFAIL")):
        assert here.cause(before) == "no-reload"


def test_what_is_wrong_in_the_file_is_named_with_its_line(ways: Callable[..., Ways]) -> None:
    here = ways(*KUBEADM)
    here.install()
    told = here.dns.corefile()
    for text, cause, says in (
        (f"{told}corp {{\n}}\ncorp {{\n}}\n", "duplicate-zone", "zone corp. a second time"),
        (f"{told}corp {{\n", "broken-file", "the text ends inside a block"),
        (told.replace("global:53 {", "global:5353 {"), "wrong-port", "is at port 5353"),
        (told.replace(here.ours, "127.0.0.1:9"), "wrong-address", "leads to 127.0.0.1:9"),
    ):
        here.dns.api.apply(corefile(text))
        with here.asked("cluster-dns", BASE) as path:
            _, way = here.verify(path)
        assert way["cause"] == cause
        assert says in way["reason"]
        assert cause == "wrong-address" or "line " in way["reason"]
    here.dns.api.apply(corefile(told))


def test_a_file_that_coredns_refused_is_told_while_it_answers_by_the_former(
    ways: Callable[..., Ways],
) -> None:
    here = ways(*KUBEADM)
    here.install()
    told = here.dns.corefile()
    fast = told.replace("    reload\n", "    reload 2s 1s\n")
    twice = "global {\n    bind 127.0.0.1\n    whoami\n}\n"
    folder = here.folder / "refusing"
    with CoreDNS(here.program, folder, localize(fast, folder)) as server:
        path = f"cluster-dns=127.0.0.1:{server.port}"
        assert [one["cause"] for one in here.verify(path)] == ["", ""]
        here.dns.api.apply(corefile(told + twice))
        second = twice.replace("global {", "global:{port} {")
        server.write(localize(fast, folder) + second)
        wait_until(lambda: "already defined" in server.log or "overlap" in server.log, "refused")
        own, way = here.verify(path)
        assert [own["outcome"], own["cause"]] == ["ok", ""]
        assert [way["outcome"], way["cause"]] == ["ok", "duplicate-zone"]
        assert "zone global. a second time" in way["reason"]
        here.dns.api.apply(corefile(BASE))
        assert here.verify(path)[1]["cause"] == "not-installed"
    here.dns.api.apply(corefile(told))


def test_packets_that_are_lost_on_the_way_to_us_are_told_from_a_dead_server(
    ways: Callable[..., Ways], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ways(*KUBEADM)
    here.install()
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        hole = f"127.0.0.1:{silent.getsockname()[1]}"
        own, way = here.verify(f"cluster-dns={hole}")
        with later(monkeypatch):
            cause = here.cause(here.dns.corefile().replace(here.ours, hole))
    assert (own["cause"], way["cause"]) == ("", "unreachable")
    assert cause in {"blocked", "no-answer"}


def test_a_cache_of_the_nodes_that_is_not_told_is_a_bypass(ways: Callable[..., Ways]) -> None:
    here = ways(*NODE_LOCAL)
    here.install()
    told = here.dns.corefile()
    here.dns.api.apply(config_map("kube-dns", {"stubDomains": "{}"}))
    with here.asked("cluster-dns", told) as main, here.asked("node-local", BEFORE) as cache:
        own, way, local = here.verify(main, cache)
    assert [own["cause"], way["cause"], local["cause"]] == ["", "", "node-local-bypass"]
    assert "stub install" in local["hint"]


def test_a_server_that_is_gone_comes_first(ways: Callable[..., Ways]) -> None:
    here = ways(*KUBEADM)
    here.dns.must("install", "--forward-to", "127.0.0.1:9")
    with here.asked("cluster-dns", here.dns.corefile()) as path:
        own, way = here.verify(path)
    assert own["cause"] == "wrong-address"
    assert f"Service globaldns is at {SERVER}" in own["reason"]
    assert way["cause"] == "wrong-address"
