"""The cluster's own DNS kept as the configuration says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from globaldns.app import asking
from globaldns.app.stubbing import look_with, make_stub, wishes_of
from globaldns.stubs import reverts
from globaldns.stubs.changing import install
from globaldns.stubs.objects import DnsObjects
from tests.app.keepers import Kept, kept
from tests.app.test_asking import denies, says
from tests.app.test_stubbing import US
from tests.nameserver import NameServer
from tests.stubs.platforms import KUBEADM, NODE_LOCAL, config_map

PATH = "configmaps kube-system/coredns Corefile"


@pytest.fixture
def dns_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """What answers for the cluster's DNS, whatever its address."""
    server = NameServer()
    fetch = asking.exchange
    monkeypatch.setattr(
        asking, "exchange", lambda question, _: fetch(question, ("127.0.0.1", server.port))
    )
    server.over_udp = says("east/pod")
    yield server
    server.close()


KUBE_DNS = {
    **US,
    "metadata": {"name": "kube-dns", "namespace": "kube-system"},
    "spec": {"clusterIP": "10.0.0.10"},
}


async def test_it_is_told_and_asked(tmp_path: Path, dns_server: NameServer) -> None:
    async with kept(tmp_path, *KUBEADM, US, KUBE_DNS) as here:
        await here.keeper.turn()
        assert "forward . 10.0.0.53 fd00::35" in here.corefile
        report = here.keeper.report()
        assert report.reason == ""
        assert [(one.place, one.state) for one in report.places] == [(PATH, "told")]
        (path,) = report.paths
        assert (path.path, path.address, path.outcome) == ("cluster-dns", "10.0.0.10#53", "ok")
        assert here.keeper.up == {"cluster-dns": True}
        revision = here.server.revision
        dns_server.over_udp = says("west/pod")
        await here.keeper.turn()
        assert here.server.revision == revision
        assert here.keeper.up == {"cluster-dns": False}
        *own, path = here.keeper.report().paths
        assert [one.cause for one in own] == ["other-cluster", "other-cluster"]
        assert (path.path, path.cause) == ("cluster-dns", "server-first")
        dns_server.over_udp = says("east/pod")
        await here.keeper.turn()
        assert [one.cause for one in here.keeper.report().paths] == [""]


async def test_another_address_of_our_service_is_told(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        await here.keeper.turn()
        here.server.put({**US, "spec": {"clusterIP": "10.0.0.54"}})
        await here.keeper.turn()
        assert "forward . 10.0.0.54\n" in here.corefile
        assert "10.0.0.53" not in here.corefile


async def test_what_is_reverted_is_told_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        await here.keeper.turn()
        for _ in range(reverts.MOST):
            assert here.state == "told"
            await here.revert()
            assert "10.0.0.53" in here.corefile
        await here.revert()
        assert "10.0.0.53" not in here.corefile
        (place,) = here.keeper.report().places
        assert place.state == "contested"
        assert re.search(r"left alone until 2\d\d\d-.*Z$", place.trouble)
        assert here.keeper.report().reason == ""
        monkeypatch.setattr(reverts, "WINDOW_SECONDS", 0.0)
        await here.keeper.turn()
        assert "10.0.0.53" in here.corefile


@asynccontextmanager
async def contested(folder: Path, *manifests: Mapping[str, Any]) -> AsyncIterator[Kept]:
    """A cluster whose platform takes back what we write, until we leave it alone."""
    async with kept(folder, *KUBEADM, US, *manifests) as here:
        await here.keeper.turn()
        for _ in range(reverts.MOST + 1):
            await here.revert()
        assert here.state == "contested"
        yield here


async def test_a_way_of_a_place_that_others_take_back_says_so(
    tmp_path: Path, dns_server: NameServer
) -> None:
    dns_server.over_udp = denies
    async with contested(tmp_path, KUBE_DNS) as here:
        way = here.keeper.report().paths[-1]
        assert (way.path, way.cause) == ("cluster-dns", "contested")
        assert "left alone until 2" in way.reason
        assert "stub install" not in way.hint


async def test_what_is_contested_is_told_another_address_at_once(tmp_path: Path) -> None:
    async with contested(tmp_path) as here:
        here.server.put({**US, "spec": {"clusterIP": "10.0.0.54"}})
        await here.keeper.turn()
        assert here.state == "told"
        assert "10.0.0.54" in here.corefile
        await here.revert()
        assert "10.0.0.54" in here.corefile


async def test_what_is_contested_may_be_suspended_which_is_said(tmp_path: Path) -> None:
    async with contested(tmp_path) as here:
        await here.suspend()
        await here.keeper.turn()
        assert "remove --suspend took it out" in here.keeper.report().reason
        assert here.state == "not-told"


async def test_what_is_suspended_is_left_until_it_is_installed_again(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        await here.keeper.turn()
        looked = await look_with(here.client, here.config, "east")
        objects = DnsObjects(here.client, "globaldns", "east")
        await here.suspend()
        for _ in range(2):
            await here.keeper.turn()
            assert "10.0.0.53" not in here.corefile
            assert "remove --suspend took it out (fix: globaldns stub install" in (
                here.keeper.report().reason
            )
        stub = make_stub(here.config, looked.servers)
        await install(objects, wishes_of(looked, stub, "east", adopt=False), lambda _change: None)
        await here.revert()
        assert (here.keeper.report().reason, here.state) == ("", "told")
        assert "10.0.0.53" in here.corefile


async def test_what_somebody_else_wrote_is_reported_and_left(tmp_path: Path) -> None:
    block = "global:53 {\n    errors\n    cache 30\n    forward . 10.0.0.53 fd00::35\n}\n"
    theirs = {"Corefile": KUBEADM[0]["data"]["Corefile"] + block}
    async with kept(tmp_path, {**KUBEADM[0], "data": theirs}, KUBEADM[1], US) as here:
        await here.keeper.turn()
        assert here.state == "already-there"
        assert here.corefile == theirs["Corefile"]
        await here.revert()
        assert here.state == "told"
        assert "10.0.0.53" in here.corefile


async def test_without_the_right_to_write_nothing_is_asked(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        for reason, manage in (("another replica writes: b", True), ("", False)):
            here.rest_reason = reason
            told = msgspec.structs.replace(here.config.stub, manage=manage)
            here.config = msgspec.structs.replace(here.config, stub=told)
            await here.keeper.turn()
            assert here.keeper.report().reason == (reason or "stub.manage is not set")
        assert here.server.count("list", "deployments.apps") == 0
        assert here.keeper.up == {}


async def test_what_stands_in_the_way_is_reported_and_tried_again(tmp_path: Path) -> None:
    theirs = {"Corefile": f"{KUBEADM[0]['data']['Corefile']}global {{\n}}\n"}
    async with kept(tmp_path, {**KUBEADM[0], "data": theirs}, KUBEADM[1]) as here:
        await here.keeper.turn()
        report = here.keeper.report()
        assert "no Service globaldns" in report.reason
        assert [one.state for one in report.places] == ["not-told"]
        here.server.put(US)
        await here.keeper.turn()
        assert "a block for global. that is not ours" in here.keeper.report().reason
        assert "(fix: remove it" in here.keeper.report().reason
        await here.revert()
        assert here.keeper.report().reason == ""
        here.server.fail(500, resource="services")
        await here.keeper.turn()
        assert "services" in here.keeper.report().reason
        await here.keeper.turn()
        assert here.keeper.report().reason == ""


TWICE = "global {\n    bind 10.0.0.10\n    whoami\n}\n"


async def test_what_cannot_be_written_is_asked_all_the_same(
    tmp_path: Path, dns_server: NameServer
) -> None:
    async with kept(tmp_path, *KUBEADM, US, KUBE_DNS) as here:
        await here.keeper.turn()
        told = here.corefile
        here.server.put({**KUBEADM[0], "data": {"Corefile": told + TWICE}})
        await here.keeper.turn()
        report = here.keeper.report()
        assert "a block for global. that is not ours" in report.reason
        (place,) = report.places
        assert place.state == "faulty"
        assert "zone global. a second time" in place.trouble
        assert here.causes == [("cluster-dns", "duplicate-zone")]
        assert here.keeper.up == {"cluster-dns": False}
        here.server.put({**KUBEADM[0], "data": {"Corefile": told}})
        here.server.delete("services", "globaldns", "globaldns")
        await here.keeper.turn()
        assert "no Service globaldns" in here.keeper.report().reason
        assert (here.state, here.causes) == ("told", [("cluster-dns", "")])
        assert here.keeper.up == {"cluster-dns": True}
        here.server.deny()
        dns_server.over_udp = denies
        await here.keeper.turn()
        assert re.search(r"is forbidden.*fix: .*lists the rights", here.keeper.report().reason)
        assert here.state == "told"
        assert here.causes[-1] == ("cluster-dns", "")
        assert here.keeper.up == {"cluster-dns": False}


async def test_what_a_person_suspended_is_not_asked_and_not_down(
    tmp_path: Path, dns_server: NameServer
) -> None:
    async with kept(tmp_path, *KUBEADM, US, KUBE_DNS) as here:
        await here.keeper.turn()
        await here.suspend()
        dns_server.over_udp = denies
        for _ in range(2):
            await here.keeper.turn()
            assert (here.state, here.causes, here.keeper.up) == ("not-told", [], {})
        here.server.fail(500, resource="services")
        await here.keeper.turn()
        assert here.keeper.up == {}


@pytest.mark.usefixtures("dns_server")
async def test_what_was_told_a_turn_ago_is_known_to_have_been_told(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US, KUBE_DNS) as here:
        await here.keeper.turn()
        here.server.delete("services", "globaldns", "globaldns")
        await here.revert()
        assert here.causes[-1] == ("cluster-dns", "not-installed")


async def test_before_there_is_a_service_the_ways_are_down(
    tmp_path: Path, dns_server: NameServer
) -> None:
    dns_server.over_udp = denies
    async with kept(tmp_path, *KUBEADM, KUBE_DNS) as here:
        await here.keeper.turn()
        assert here.keeper.up == {"cluster-dns": False}
        assert {one.path for one in here.keeper.report().paths} == {"cluster-dns"}
        assert here.state == "not-told"


@pytest.mark.usefixtures("dns_server")
async def test_what_a_person_told_as_we_advised_is_right(tmp_path: Path) -> None:
    ports = (".:1053 {\n    forward . 10.1.1.1\n}\n", ".:2053 {\n    forward . 10.1.1.1\n}\n")
    block = "global:1053 {\n    forward . 10.0.0.53 fd00::35\n}\n"
    theirs = {"Corefile": "".join((*ports, block))}
    async with kept(tmp_path, {**KUBEADM[0], "data": theirs}, KUBEADM[1], US, KUBE_DNS) as here:
        await here.keeper.turn()
        assert "install the block by hand" in here.keeper.report().reason
        assert (here.state, here.causes) == ("told", [("cluster-dns", "")])
        assert here.keeper.up == {"cluster-dns": True}


@pytest.mark.usefixtures("dns_server")
async def test_a_place_that_is_refused_leaves_the_others_their_state(tmp_path: Path) -> None:
    manifests = (*NODE_LOCAL, config_map("kube-dns", {"stubDomains": "{}"}), US, KUBE_DNS)
    async with kept(tmp_path, *manifests) as here:
        await here.keeper.turn()
        assert here.states == ["told", "told"]
        here.server.put(config_map("kube-dns", {"stubDomains": "{"}))
        await here.keeper.turn()
        assert here.states == ["told", "faulty"]
        assert here.causes == [("cluster-dns", ""), ("node-local", "broken-file")]
        assert here.keeper.up == {"cluster-dns": True, "node-local": False}


async def test_what_somebody_else_has_is_reported(tmp_path: Path) -> None:
    async with kept(tmp_path, US) as here:
        await here.keeper.turn()
        (place,) = here.keeper.report().places
        assert (place.platform, place.state) == ("unknown", "managed-elsewhere")
        assert place.owner
