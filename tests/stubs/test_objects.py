"""Objects read and written, one request each."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.coredns.targets import Target
from globaldns.errors import ApiRefused, StubError
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.record import Record
from globaldns.stubs.shapes import Change, Wish, install
from tests.coredns.collection import IMPORTING, SERVER, STUB
from tests.coredns.targets import COREFILE, CUSTOM, RKE2
from tests.kube.fake import FakeApiServer
from tests.stubs.clusters import HELM_CHART_CONFIGS, cluster
from tests.stubs.platforms import KUBEADM


async def wished(objects: DnsObjects, place: Target, base: str = "") -> Change:
    before = await objects.read(place)
    return Change(place, before, install(place, before, Wish(STUB, base=base, owner="east")))


def corefile(server: FakeApiServer) -> str:
    found = server.get("configmaps", "coredns", "kube-system")
    assert found is not None
    return str(found["data"]["Corefile"])


async def test_a_change_is_a_patch_in_our_name() -> None:
    async with cluster(*KUBEADM) as (server, client):
        objects = DnsObjects(client, "globaldns", "east")
        change = await wished(objects, COREFILE)
        assert change.is_needed
        await objects.write(change)
        assert SERVER in corefile(server)
        assert server.count("patch", "configmaps") == 1
        (asked,) = [one for one in server.asked if one.verb == "patch"]
        assert asked.query["fieldManager"] == "globaldns"
        assert not (await wished(objects, COREFILE)).is_needed


async def test_a_change_that_somebody_forestalls_is_refused() -> None:
    async with cluster(*KUBEADM) as (server, client):
        objects = DnsObjects(client, "globaldns", "east")
        change = await wished(objects, COREFILE)
        server.put({**KUBEADM[0], "data": {"Corefile": "theirs"}})
        with pytest.raises(ApiRefused) as refused:
            await objects.write(change)
        assert refused.value.status == 409
        assert corefile(server) == "theirs"


async def test_what_is_not_there_is_made_and_deleted_unless_it_changed() -> None:
    async with cluster() as (server, client):
        objects = DnsObjects(client, "globaldns", "east")
        await objects.write(await wished(objects, CUSTOM, IMPORTING["k3s"]))
        made = await objects.read(CUSTOM)
        assert made is not None
        assert made["metadata"]["labels"]["globaldns.io/owned-by"] == "east"
        stale: dict[str, Any] = {**made, "metadata": {"resourceVersion": "1"}}
        with pytest.raises(ApiRefused):
            await objects.write(Change(CUSTOM, stale, None))
        await objects.write(Change(CUSTOM, made, None))
        assert await objects.read(CUSTOM) is None
        assert server.get("configmaps", "coredns-custom", "kube-system") is None


async def test_a_kind_that_is_not_served_has_no_objects() -> None:
    async with cluster() as (server, client):
        server.unserve(HELM_CHART_CONFIGS.id)
        assert await DnsObjects(client, "globaldns", "east").read(RKE2) is None


async def test_a_dry_run_keeps_nothing() -> None:
    async with cluster(*KUBEADM) as (server, client):
        objects = DnsObjects(client, "globaldns", "east", dry_run=True)
        await objects.write(await wished(objects, COREFILE))
        await objects.write_record(await objects.read_record(), Record(STUB))
        assert SERVER not in corefile(server)
        assert server.get("configmaps", "globaldns-stub", "globaldns") is None
        own = DnsObjects(client, "globaldns", "east")
        await own.write_record(await own.read_record(), Record(STUB))
        await objects.delete_record(await objects.read_record())
        assert (await own.read_record()).record == Record(STUB)


async def test_the_record_is_written_with_the_version_that_was_read() -> None:
    async with cluster() as (_, client):
        objects = DnsObjects(client, "globaldns", "east")
        first = await objects.read_record()
        assert (first.record, first.version) == (Record(), "")
        await objects.write_record(first, Record(STUB))
        second = await objects.read_record()
        assert second.record == Record(STUB)
        await objects.write_record(second, Record())
        for late in (objects.write_record(second, Record(STUB)), objects.delete_record(second)):
            with pytest.raises(ApiRefused):
                await late
        await objects.delete_record(await objects.read_record())
        assert (await objects.read_record()).version == ""


async def test_a_change_of_more_than_ours_is_said() -> None:
    async with cluster(*KUBEADM) as (server, client):
        objects = DnsObjects(client, "globaldns", "east")
        change = await wished(objects, COREFILE)
        assert change.after is not None
        wanted = {**change.after, "data": {**change.after["data"], "other": "before a webhook"}}
        with pytest.raises(StubError, match="more of the object has changed") as refused:
            await objects.write(Change(COREFILE, change.before, wanted))
        assert refused.value.code == "apart"
        assert server.count("patch", "configmaps") == 1
