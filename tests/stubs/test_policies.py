"""Zones of different policies told in a cluster: two blocks, which come and go together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.stub import Stub
from globaldns.kube.client import Client
from globaldns.stubs.changing import install, remove
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.shapes import Change, Wish
from tests.coredns.collection import ABLE, SERVER, STUB, TWO_POLICIES
from tests.coredns.targets import COREFILE, STUB_DOMAINS
from tests.kube.fake import FakeApiServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import KUBE_DNS, KUBEADM, config_map

TEXT = KUBEADM[0]["data"]["Corefile"]


def here(client: Client) -> DnsObjects:
    return DnsObjects(client, "globaldns", "east")


def ignore(_change: Change) -> None:
    """Show nothing."""


def wished(told: Stub) -> dict[Any, Wish]:
    return {COREFILE: Wish(told, Options(ABLE), owner="east")}


def corefile(server: FakeApiServer) -> str:
    found = server.get("configmaps", "coredns", "kube-system")
    assert found is not None
    return str(found["data"]["Corefile"])


async def test_a_policy_that_changes_makes_two_blocks_of_one_and_one_of_two() -> None:
    async with cluster(*KUBEADM) as (server, client):
        for told, count in ((STUB, 1), (TWO_POLICIES, 2), (STUB, 1), (TWO_POLICIES, 2)):
            await install(here(client), wished(told), ignore)
            assert corefile(server).startswith(TEXT)
            assert corefile(server).count(f"forward . {SERVER}") == count
        await remove(here(client), {}, ignore)
        assert corefile(server) == TEXT


@pytest.mark.parametrize("told", [STUB, TWO_POLICIES], ids=["installed as one", "installed again"])
async def test_without_their_marks_both_are_known_and_go(told: Stub) -> None:
    async with cluster(*KUBEADM) as (server, client):
        await install(here(client), wished(TWO_POLICIES), ignore)
        lines = [one for one in corefile(server).splitlines() if "# " not in one]
        at = lines.index("global:53 {")
        moved = "\n".join((*lines[at:], *lines[:at], ""))
        server.put(config_map("coredns", {"Corefile": moved}))
        await install(here(client), wished(told), ignore)
        assert corefile(server).endswith(TEXT)
        assert corefile(server).count(f"forward . {SERVER}") == len(told.policies)
        server.put(config_map("coredns", {"Corefile": moved}))
        await remove(here(client), {}, ignore)
        assert corefile(server) == TEXT


async def test_what_is_remembered_with_one_policy_of_all_zones_is_removed_by_it() -> None:
    async with cluster(*KUBEADM, *KUBE_DNS) as (server, client):
        both = {COREFILE: Wish(STUB, owner="east"), STUB_DOMAINS: Wish(STUB, owner="east")}
        await install(here(client), both, ignore)
        record = server.get("configmaps", "globaldns-stub", "globaldns")
        assert record is not None
        state = json.loads(record["data"]["state"])
        state["stub"] |= {"zones": ["global"], "foreign": "nxdomain", "namespaces": []}
        former = {**record, "data": {**record["data"], "state": json.dumps(state)}}
        server.put({**former, "apiVersion": "v1", "kind": "ConfigMap"})
        changes = await remove(here(client), {}, ignore)
        assert [change.is_needed for change in changes] == [True, True]
        assert corefile(server) == TEXT
        left = server.get("configmaps", "kube-dns", "kube-system")
        assert left is not None
        assert left["data"] == KUBE_DNS[0]["data"]
