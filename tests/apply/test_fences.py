"""A word on a cluster as an object of an API server."""

from __future__ import annotations

import pytest
import yaml

from globaldns.apply.fences import ATTEMPTS, object_name, why, write_fence
from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.export import Origin
from globaldns.model.view import Fence
from tests.kube.fake import FakeApiServer, Resource

FENCES = Resource("globaldns.io", ("v1alpha1",), "clusterfences", "ClusterFence", namespaced=False)
WORD = Fence("west", True, 1_767_323_045, Origin("Command", "", "x"))


@pytest.mark.parametrize(
    ("cluster", "name"),
    [("west", "west"), ("west-1", "west-1"), ("West_1", "cluster-"), ("a.b", "cluster-")],
)
def test_a_fence_is_called_as_its_cluster_where_an_object_may_be(cluster: str, name: str) -> None:
    assert object_name(cluster).startswith(name)
    assert object_name(cluster) == object_name(cluster).lower()


async def test_a_word_stands_as_an_object_and_a_newer_one_replaces_it() -> None:
    async with FakeApiServer(FENCES) as server:
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
        try:
            await write_fence(client, WORD, owner="east")
            (found,) = server.objects("clusterfences.globaldns.io")
            assert found["spec"] == {
                "cluster": "west",
                "fenced": True,
                "at": "2026-01-02T03:04:05Z",
            }
            assert found["metadata"]["labels"] == {"globaldns.io/owned-by": "east"}
            newer = Fence("west", False, WORD.at + 1, WORD.origin, "u-2")
            await write_fence(client, newer, owner="east")
            (found,) = server.objects("clusterfences.globaldns.io")
            assert (found["spec"]["fenced"], found["spec"]["uid"]) == (False, "u-2")
        finally:
            await client.close()


async def test_no_word_overwrites_a_newer_one_nor_which_one_a_cluster_is() -> None:
    async with FakeApiServer(FENCES) as server:
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
        try:
            accepted = Fence("west", False, WORD.at + 5, WORD.origin, "u-2")
            await write_fence(client, accepted, owner="north")
            with pytest.raises(ApiError, match="a newer word stands there"):
                await write_fence(client, WORD, owner="east")
            later = Fence("west", True, WORD.at + 9, WORD.origin)
            await write_fence(client, later, owner="east")
            (found,) = server.objects("clusterfences.globaldns.io")
            assert (found["spec"]["fenced"], found["spec"]["uid"]) == (True, "u-2")
        finally:
            await client.close()


async def test_a_word_that_comes_between_is_seen_before_another_is_written() -> None:
    async with FakeApiServer(FENCES) as server:
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
        try:
            await write_fence(client, WORD, owner="east")
            server.fail(409, verb="patch", resource="clusterfences.globaldns.io")
            newer = Fence("west", False, WORD.at + 1, WORD.origin)
            await write_fence(client, newer, owner="east")
            assert server.count("get", "clusterfences.globaldns.io") == 3
            (found,) = server.objects("clusterfences.globaldns.io")
            assert found["spec"]["fenced"] is False
            server.fail(409, times=ATTEMPTS, verb="patch", resource="clusterfences.globaldns.io")
            with pytest.raises(ApiError, match="again and again"):
                await write_fence(client, newer, owner="east")
        finally:
            await client.close()


async def test_a_word_that_was_first_meanwhile_is_not_overwritten() -> None:
    async with FakeApiServer(FENCES) as server:
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
        try:
            newer = Fence("west", False, WORD.at + 5, WORD.origin, "u-2")
            await write_fence(client, newer, owner="north")
            # It is read as it was before that was made.
            server.fail(404, verb="get", resource="clusterfences.globaldns.io")
            with pytest.raises(ApiError, match="a newer word stands there"):
                await write_fence(client, WORD, owner="east")
            (found,) = server.objects("clusterfences.globaldns.io")
            assert (found["spec"]["fenced"], found["spec"]["uid"]) == (False, "u-2")
        finally:
            await client.close()


async def test_who_may_not_write_is_told_so() -> None:
    async with FakeApiServer(FENCES) as server:
        server.deny("create", "clusterfences.globaldns.io")
        client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
        try:
            with pytest.raises(ApiRefused) as caught:
                await write_fence(client, WORD, owner="east")
            assert why(caught.value) == "its account may not write there"
        finally:
            await client.close()
