"""How a cluster's DNS answers, and what is configured where that is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from globaldns.app.stubbing import look
from globaldns.app.stubproving import gather, verify
from globaldns.config.loading import load
from globaldns.coredns.stub import Server, Stub, StubZone
from globaldns.stubs.diagnosis import Cause
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.record import Record
from globaldns.stubs.verification import QueryPath
from tests.app.test_asking import says
from tests.app.test_stubbing import US, config_of, looked_at
from tests.nameserver import NameServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import KUBEADM, NODE_LOCAL, config_map


async def test_the_way_is_asked_for_what_was_installed(tmp_path: Path) -> None:
    server = NameServer()
    server.over_udp = says("east/pod")
    looked = await looked_at(tmp_path, US)
    told = Record(
        stub=Stub(zones=(StubZone("global"),), servers=(Server("127.0.0.1", server.port),))
    )
    looked = msgspec.structs.replace(looked, record=told)
    config = load(tmp_path / "globaldns.yaml", {})
    (own,) = await asyncio.to_thread(verify, config, "east", looked, (), wait=0)
    server.close()
    assert own.is_ok


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
