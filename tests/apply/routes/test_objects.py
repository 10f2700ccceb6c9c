"""One request each: created, replaced and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import yaml

from globaldns.apply.routes.objects import RouteObjects, replacement, written_resources
from globaldns.apply.routes.patience import Create, Delete, Replace
from globaldns.apply.routes.standing import key_of
from globaldns.apply.routes.taken import Holder
from globaldns.errors import ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import ROUTE_ENTRIES
from tests.apply.routes.documents import endpoint, entry, replica
from tests.apply.routes.keeping import ENTRIES
from tests.kube.fake import FakeApiServer

A, B = endpoint("10.0.0.1"), endpoint("2.2.2.2")
REPLICAS = written_resources(routes=False, replicas=True)


@pytest_asyncio.fixture
async def objects(server: FakeApiServer) -> AsyncIterator[RouteObjects]:
    client = Client(Access(text=yaml.safe_dump(server.kubeconfig())))
    yield RouteObjects(client, "east")
    await client.close()


async def test_each_step_is_one_request_that_names_our_manager(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    made = await objects.take(Create(entry(A)))
    assert made is not None
    found = server.get(ENTRIES.id, "web-global", "shop")
    assert found is not None
    assert [one["manager"] for one in found["metadata"]["managedFields"]] == ["globaldns"]
    changed = await objects.take(Replace(made, entry(B)))
    assert changed is not None
    assert changed.document["spec"] == entry(B)["spec"]
    assert await objects.take(Delete(changed)) is None
    assert server.objects(ENTRIES.id) == []
    assert await objects.take(Delete(changed)) is None, "it is gone already"


async def test_what_has_changed_since_it_was_seen_is_not_overwritten(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    made = await objects.take(Create(entry(A)))
    assert made is not None
    newer = await objects.take(Replace(made, entry(B)))
    for step in (Create(entry(A)), Replace(made, entry(A)), Delete(made)):
        with pytest.raises(ApiRefused) as refused:
            await objects.take(step)
        assert refused.value.status == 409
    assert newer is not None
    assert server.get(ENTRIES.id, "web-global", "shop") is not None


async def test_a_replicas_namespace_is_made_with_the_first_in_it(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    web = replica({"port": 80}, namespace="new")
    assert await objects.take(Create(web), dry_run=True) is None
    assert server.get("namespaces", "new") is None
    made = await objects.take(Create(web))
    assert made is not None
    assert made.name == "web.new.svc.cluster.local"
    found = server.get("namespaces", "new")
    assert found is not None
    assert found["metadata"]["labels"]["globaldns.io/owned-by"] == "east"
    before = server.count("create", "namespaces")
    await objects.take(Create(replica({"port": 80}, name="other", namespace="new")))
    assert server.count("create", "namespaces") == before
    assert [one.key.name async for one in objects.list(REPLICAS)] == ["other", "web"]


async def test_what_is_only_tried_stays(objects: RouteObjects, server: FakeApiServer) -> None:
    standing = await objects.take(Create(entry(A)))
    assert standing is not None
    assert await objects.take(Delete(standing), dry_run=True) is None
    assert server.get(ENTRIES.id, "web-global", "shop") is not None


async def test_an_entrys_namespace_is_not_made(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    document = {**entry(A), "metadata": {**entry(A)["metadata"], "namespace": "new"}}
    with pytest.raises(ApiRefused) as refused:
        await objects.take(Create(document))
    assert refused.value.status == 404
    assert server.get("namespaces", "new") is None


async def test_who_else_has_objects_and_names_is_known(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    assert await objects.find_holder(key_of(entry())) is None, "nobody has it"
    await objects.take(Create(entry(A)))
    assert await objects.find_holder(key_of(entry())) is None, "we have it"
    for name, labels in (("bare", {}), ("west", {OWNED_BY: "west"})):
        one = entry(B, name=name)
        one["metadata"]["labels"] = labels
        server.put(one)
        assert await objects.find_holder(key_of(one)) == Holder(
            key_of(one), labels.get(OWNED_BY, "")
        )
    others = [one async for one in objects.list_others([ROUTE_ENTRIES])]
    assert [(one.key.name, one.owner) for one in others] == [("bare", ""), ("west", "west")]
    server.fail(403, verb="get", resource="serviceentries", times=1)
    with pytest.raises(ApiRefused):
        await objects.find_holder(key_of(entry()))


async def test_an_entry_is_read_whoever_wrote_it(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    theirs = entry(A, name="theirs")
    theirs["metadata"]["labels"] = {}
    server.put(theirs)
    found = await objects.read_entry("shop", "theirs")
    assert found is not None
    assert found["spec"] == theirs["spec"]
    assert await objects.read_entry("shop", "gone") is None
    server.fail(403, verb="get", resource="serviceentries", times=1)
    with pytest.raises(ApiRefused):
        await objects.read_entry("shop", "theirs")


def test_what_the_server_chose_of_a_service_stays() -> None:
    before = replica({"port": 80, "targetPort": 80})
    before["spec"] |= {"clusterIP": "10.0.0.1", "type": "ClusterIP"}
    after = replacement(before, replica({"port": 81}))
    assert after["spec"] == {"clusterIP": "10.0.0.1", "type": "ClusterIP", "ports": [{"port": 81}]}


async def test_a_service_that_is_given_up_is_ours_no_longer(
    objects: RouteObjects, server: FakeApiServer
) -> None:
    made = await objects.take(Create(replica({"port": 80})))
    assert made is not None
    theirs = {**made.document, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    theirs["metadata"] = {**theirs["metadata"], "labels": {"team": "shop"}}
    assert await objects.take(Replace(made, theirs)) is None
    found = server.get("services", "web", "shop")
    assert found is not None
    assert found["metadata"]["labels"] == {"team": "shop"}
    assert found["spec"]["selector"] == {"app": "web"}


def test_what_others_wrote_into_its_metadata_stays() -> None:
    metadata = {
        **entry(A)["metadata"],
        "labels": {"team": "shop", "globaldns.io/owned-by": "west"},
        "annotations": {"note": "mine"},
        "resourceVersion": "7",
    }
    before = {**entry(A), "metadata": metadata}
    after = replacement(before, entry(B))
    assert after["spec"] == entry(B)["spec"]
    assert after["metadata"] == {
        "name": "web-global",
        "namespace": "shop",
        "labels": {"team": "shop", "globaldns.io/owned-by": "east"},
        "annotations": {"note": "mine"},
        "resourceVersion": "7",
    }
