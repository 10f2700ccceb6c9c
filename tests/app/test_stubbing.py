"""A cluster's own DNS seen and told, for commands without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from globaldns.app.stubbing import (
    Looked,
    choose_servers,
    elsewhere,
    install,
    look,
    make_stub,
    remove,
)
from globaldns.config.loading import load
from globaldns.config.schema import Config
from globaldns.coredns.platforms import Platform
from globaldns.coredns.rendering import UNKNOWN
from globaldns.coredns.stub import Foreign, Server, Stub, StubZone
from globaldns.errors import ApiError, ApiRefused, RequestRefused, StubError
from globaldns.stubs.shapes import Change
from globaldns.stubs.verification import QueryPath
from tests.app.meshes import Place
from tests.coredns.collection import COREFILES
from tests.kube.fake import FakeApiServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import (
    K3S,
    KUBE_DNS,
    KUBEADM,
    NODE_LOCAL,
    OPENSHIFT,
    config_map,
    server,
)

US = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "globaldns", "namespace": "globaldns"},
    "spec": {"clusterIP": "10.0.0.53", "clusterIPs": ["10.0.0.53", "fd00::35"]},
}
STUB = Stub(zones=(StubZone("global"),), servers=(Server("10.0.0.53"),))


def config_of(server: FakeApiServer, folder: Path) -> Config:
    """Return the configuration of a cluster that is read from an API server."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(server.kubeconfig("east")))
    source = {"kubernetes": {"kubeconfig": str(kubeconfig)}}
    path = folder / "globaldns.yaml"
    settings = {"cluster": "east", "clusters": {"east": {"source": source}}, "state": "state"}
    path.write_text(yaml.safe_dump(settings))
    return load(path, {})


async def looked_at(folder: Path, *manifests: Mapping[str, Any]) -> Looked:
    async with cluster(*manifests) as (server, _):
        return await asyncio.to_thread(look, config_of(server, folder), "east")


def ignore(_change: Change) -> None:
    """Show nothing."""


async def test_what_is_seen_of_a_cluster(tmp_path: Path) -> None:
    looked = await looked_at(tmp_path, *NODE_LOCAL, US)
    main, cache = looked.detections
    assert (main.platform, cache.platform) == (Platform.COREDNS, Platform.NODE_LOCAL)
    assert [place.name for place in looked.targets] == ["coredns", "kube-dns"]
    assert looked.servers == (Server("10.0.0.53"), Server("fd00::35"))
    assert looked.base_of(main) == COREFILES["kubeadm"]
    assert main.build.version == (1, 11, 3)
    assert cache.build == UNKNOWN
    assert all(map(looked.reloads, looked.targets))
    assert list(elsewhere(looked)) == []


async def test_a_corefile_without_reload_is_said_to_have_none(tmp_path: Path) -> None:
    text = COREFILES["kubeadm"].replace("    reload\n", "")
    looked = await looked_at(tmp_path, *KUBEADM[1:], config_map("coredns", {"Corefile": text}))
    assert [looked.reloads(place) for place in looked.targets] == [False]


async def test_a_cluster_without_a_dns_of_its_own_is_told_by_somebody_else(tmp_path: Path) -> None:
    looked = await looked_at(tmp_path)
    (unknown,) = elsewhere(looked)
    assert unknown.platform is Platform.UNKNOWN
    assert looked.base_of(unknown) == ""


async def test_it_leads_to_our_service_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    looked = await looked_at(tmp_path, US)
    assert choose_servers(looked, ()) == looked.servers
    given = Server("192.0.2.1")
    assert choose_servers(looked, [given, given]) == (given,)
    asked = msgspec.structs.replace(looked, paths=(QueryPath("cluster-dns", "10.0.0.10"),))
    with pytest.raises(StubError, match="it would ask itself") as refused:
        choose_servers(asked, [Server("10.0.0.10")])
    assert "--forward-to" in refused.value.hint
    without = await looked_at(tmp_path)
    with pytest.raises(StubError, match="no Service globaldns") as refused:
        choose_servers(without, ())
    assert "--forward-to" in refused.value.hint


@pytest.mark.parametrize("manifests", [KUBEADM, K3S, KUBE_DNS], ids=["file", "key", "json"])
async def test_it_is_installed_and_removed(tmp_path: Path, manifests: tuple[Any, ...]) -> None:
    async with cluster(*manifests) as (server, _):
        config = config_of(server, tmp_path)

        def round_trip() -> None:
            looked = look(config, "east")
            for dry_run, is_there in ((True, False), (False, True)):
                install(config, "east", looked, STUB, ignore, adopt=False, dry_run=dry_run)
                standing = str(server.objects("configmaps", "kube-system"))
                assert ("10.0.0.53" in standing) is is_there
            again = look(config, "east")
            assert again.record.stub == STUB
            (change,) = install(config, "east", again, STUB, ignore, adopt=False, dry_run=False)
            assert not change.is_needed
            remove(config, "east", again, None, ignore, adopt=False, suspend=False, dry_run=False)

        before = [one.get("data") for one in server.objects("configmaps", "kube-system")]
        await asyncio.to_thread(round_trip)
        after = [one.get("data") for one in server.objects("configmaps", "kube-system")]
        assert after == before


@pytest.mark.parametrize(
    ("ports", "port"),
    [
        ([{"port": 53, "protocol": "UDP"}, {"port": 53}], 53),
        ([{"port": 853}, {"port": 5353}, {"port": 5300, "protocol": "UDP"}], 5300),
        ([], 53),
    ],
)
async def test_our_service_is_asked_at_its_port_of_dns(
    tmp_path: Path, ports: list[dict[str, Any]], port: int
) -> None:
    looked = await looked_at(tmp_path, {**US, "spec": {"clusterIP": "10.0.0.53", "ports": ports}})
    assert looked.servers == (Server("10.0.0.53", port),)


TAKING = {
    "kubeadm": (KUBEADM, "svc.cluster.local"),
    "kube-dns": (
        (KUBE_DNS[0], server("kube-dns", {"/config": "kube-dns"}, args=["--domain=corp.example."])),
        "example",
    ),
    "openshift": (
        (
            *OPENSHIFT,
            config_map(
                "dns-default", {"Corefile": COREFILES["microshift"]}, namespace="openshift-dns"
            ),
        ),
        "cluster.local",
    ),
}


@pytest.mark.parametrize("name", TAKING)
async def test_what_the_clusters_dns_answers_itself_is_never_told(
    tmp_path: Path, name: str
) -> None:
    manifests, zone = TAKING[name]
    async with cluster(*manifests) as (running, _):
        config, revision = config_of(running, tmp_path), running.revision
        looked = await asyncio.to_thread(look, config, "east")
        taking = Stub(zones=(StubZone(zone),), servers=STUB.servers)
        line = (config, "east", looked, taking, ignore)
        with pytest.raises(StubError, match=f"a stub for {zone} would take") as refused:
            await asyncio.to_thread(install, *line, adopt=False, dry_run=True)
        assert refused.value.code == "cluster-domain"
        assert running.revision == revision


async def test_nothing_is_remembered_where_nothing_can_be_told(tmp_path: Path) -> None:
    async with cluster() as (server, _):
        config, revision = config_of(server, tmp_path), server.revision
        looked = await asyncio.to_thread(look, config, "east")
        changes = await asyncio.to_thread(
            install, config, "east", looked, STUB, ignore, adopt=False, dry_run=False
        )
        assert changes == ()
        assert server.revision == revision


async def test_servers_keep_again_what_can_be_told_by_others_alone(tmp_path: Path) -> None:
    async with cluster() as (server, _):
        config = config_of(server, tmp_path)

        def suspend_and_resume() -> None:
            looked = look(config, "east")
            remove(config, "east", looked, STUB, ignore, adopt=False, suspend=True, dry_run=False)
            assert look(config, "east").record.suspended
            install(config, "east", looked, STUB, ignore, adopt=False, dry_run=False)
            assert not look(config, "east").record.suspended

        await asyncio.to_thread(suspend_and_resume)


def test_a_cluster_without_an_api_server_has_to_be_told_by_hand(place: Place) -> None:
    with pytest.raises(RequestRefused, match="no API server of east") as refused:
        look(place.config, "east")
    assert "globaldns stub render" in refused.value.hint


def test_what_is_told_is_what_the_configuration_says(place: Place) -> None:
    config = place.configure(
        zones=["global", {"name": "b", "namespaces": ["shop"], "foreign": "fallthrough"}],
        stub={"reverse": True, "cache": "0s", "force_tcp": True},
    )
    stub = make_stub(config, (Server("192.0.2.1", 5353),))
    assert stub.zones == (StubZone("global"), StubZone("b", Foreign.FALLTHROUGH, ("shop",)))
    assert stub.reverse == ("240.128.0.0/10",)
    assert (stub.cache_seconds, stub.force_tcp) == (0, True)
    assert stub.targets == ("192.0.2.1:5353",)


async def test_a_record_that_cannot_be_read_stops_who_changes_something_alone(
    tmp_path: Path,
) -> None:
    broken = config_map("globaldns-stub", {"state": "{"}, namespace="globaldns")
    async with cluster(*KUBEADM, US, broken) as (server, _):
        config = config_of(server, tmp_path)
        looked = await asyncio.to_thread(look, config, "east")
        assert [place.name for place in looked.targets] == ["coredns"]
        told = {"adopt": False, "dry_run": False}
        for act in (
            partial(install, config, "east", looked, STUB, ignore, **told),
            partial(remove, config, "east", looked, STUB, ignore, suspend=False, **told),
        ):
            with pytest.raises(StubError, match="globaldns-stub: its state cannot be read"):
                await asyncio.to_thread(act)


async def test_a_request_that_fails_says_what_to_do(tmp_path: Path) -> None:
    async with cluster(*KUBEADM, US) as (server, _):
        config = config_of(server, tmp_path)
        server.deny("list", "deployments.apps")
        with pytest.raises(ApiRefused, match="is forbidden") as refused:
            await asyncio.to_thread(look, config, "east")
    assert "deploy/README.md lists the rights" in refused.value.hint
    with pytest.raises(ApiError, match="cannot be reached") as dead:
        await asyncio.to_thread(look, config, "east")
    assert "kubectl cluster-info" in dead.value.hint
