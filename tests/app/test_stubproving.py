"""How a cluster's DNS answers, and what is configured where that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from globaldns.app.stubbing import look
from globaldns.app.stubproving import gather, verify
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.stubs.diagnosis import Cause
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.record import Record
from globaldns.stubs.verification import QueryPath, Verdict
from tests.app.test_asking import says
from tests.app.test_stubbing import US, config_of
from tests.nameserver import NameServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import KUBEADM, NODE_LOCAL, config_map


@pytest.fixture
def dns_server() -> Iterator[NameServer]:
    server = NameServer()
    server.over_udp = says("east/pod")
    yield server
    server.close()


async def verified(
    folder: Path, server: NameServer, *manifests: Mapping[str, Any], through: bool = True
) -> tuple[Verdict, ...]:
    """Return what is said of a cluster where a server was installed, and of a way to it."""
    told = Stub(zones=(StubZone("global"),), servers=(Server("127.0.0.1", server.port),))
    ways = (QueryPath("cluster-dns", "127.0.0.1", server.port),) if through else ()
    async with cluster(*manifests, US) as (running, _):
        config = config_of(running, folder)
        looked = await asyncio.to_thread(look, config, "east")
        looked = msgspec.structs.replace(looked, record=Record(told, looked.targets))
        return await asyncio.to_thread(verify, config, "east", looked, ways, wait=0)


async def test_the_way_is_asked_for_what_was_installed(
    tmp_path: Path, dns_server: NameServer
) -> None:
    (own,) = await verified(tmp_path, dns_server, through=False)
    assert own.is_ok
    assert own.path == QueryPath("globaldns", "127.0.0.1", dns_server.port)


async def test_what_is_configured_is_looked_at_although_we_answer(
    tmp_path: Path, dns_server: NameServer
) -> None:
    text = KUBEADM[0]["data"]["Corefile"]
    ours = f"global:53 {{\n    forward . 127.0.0.1:{dns_server.port}\n}}\n"
    for told, cause in (
        (ours, ""),
        (f"{ours}global {{\n    bind 10.0.0.10\n    whoami\n}}\n", Cause.DUPLICATE_ZONE),
        (f"{ours}corp {{\n", Cause.BROKEN_FILE),
        ("", Cause.NOT_INSTALLED),
    ):
        maps = config_map("coredns", {"Corefile": text + told})
        own, way = await verified(tmp_path, dns_server, *KUBEADM, maps)
        assert (own.cause, way.cause) == ("", cause)
        assert (own.is_ok, way.is_ok) == (True, not cause)


async def test_what_is_wrong_is_looked_into(tmp_path: Path) -> None:
    server = NameServer()
    server.over_udp = says("west/pod")
    async with cluster(*KUBEADM, US) as (running, _):
        config = config_of(running, tmp_path)
        looked = await asyncio.to_thread(look, config, "east")
        told = Record(
            stub=Stub(zones=(StubZone("global"),), servers=(Server("127.0.0.1", server.port),))
        )
        looked = msgspec.structs.replace(looked, record=told)
        through = (QueryPath("through", "127.0.0.1", server.port),)
        own, way = await asyncio.to_thread(verify, config, "east", looked, through, wait=0)
    server.close()
    assert (own.cause, way.cause) == (Cause.WRONG_ADDRESS, Cause.NOT_INSTALLED)


async def test_each_way_has_the_place_where_it_is_told(tmp_path: Path) -> None:
    text = KUBEADM[0]["data"]["Corefile"].replace("    reload\n", "")
    text += "global:53 {\n    forward . 10.0.0.53\n}\n"
    maps = (
        config_map("coredns", {"Corefile": text}),
        config_map("kube-dns", {"stubDomains": '{"global": ["10.0.0.54:53"]}'}),
    )
    async with cluster(*NODE_LOCAL, US, *maps) as (running, client):
        config = config_of(running, tmp_path)
        looked = await asyncio.to_thread(look, config, "east")
        objects = DnsObjects(client, "globaldns", "east")
        stub = Stub(zones=(StubZone("global"),), servers=looked.servers)
        found = await gather(objects, looked, stub, ())
    assert found.service == found.expected == ("10.0.0.53", "fd00::35")
    main, cache = found.places["cluster-dns"], found.places["node-local"]
    assert (main.said.servers, cache.said.servers) == (("10.0.0.53",), ("10.0.0.54",))
    assert (main.reloads, cache.reloads) == (False, True)
    assert main.restart == "-n kube-system deployment/coredns"
    assert cache.restart == "-n kube-system daemonset/node-local-dns"


async def test_what_is_managed_elsewhere_has_an_owner(tmp_path: Path) -> None:
    async with cluster(US) as (running, client):
        config = config_of(running, tmp_path)
        looked = await asyncio.to_thread(look, config, "east")
        stub = Stub(zones=(StubZone("global"),), servers=looked.servers)
        found = await gather(DnsObjects(client, "globaldns", "east"), looked, stub, ())
    assert found.places["cluster-dns"].is_elsewhere
