"""Where an API server has the kinds that are read or written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import (
    CLUSTER_FENCES,
    LEASES,
    NODES,
    PODS,
    SERVICE_EXPORTS,
    VIP_LEDGERS,
    Resource,
    find_version,
    is_defined,
    is_staying,
)
from tests.kube.conftest import WIDGETS
from tests.kube.fake import FakeApiServer
from tests.kube.fake import Resource as Served
from tests.kube.scripted import answer, saying, way_to


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (PODS, "", "", "/api/v1/pods"),
        (PODS, "shop", "", "/api/v1/namespaces/shop/pods"),
        (PODS, "shop", "a", "/api/v1/namespaces/shop/pods/a"),
        (NODES, "shop", "a", "/api/v1/nodes/a"),
        (LEASES, "x", "a", "/apis/coordination.k8s.io/v1/namespaces/x/leases/a"),
        (CLUSTER_FENCES, "x", "", "/apis/globaldns.io/v1/clusterfences"),
    ],
)
def test_a_path_names_a_collection_a_part_of_it_or_an_object(
    resource: Resource, namespace: str, name: str, path: str
) -> None:
    assert resource.path("v1", namespace, name) == path


@pytest.mark.parametrize(
    ("resource", "name"), [(PODS, "pods"), (VIP_LEDGERS, "vipledgers.globaldns.io")]
)
def test_a_kind_is_named_as_kubectl_takes_it(resource: Resource, name: str) -> None:
    assert str(resource) == name


GROUP, PLURAL = WIDGETS.group, WIDGETS.plural


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (("v1", "v1beta1"), "v1"),
        (("v1beta1", "v1"), "v1beta1"),
        (("v2", "v1beta1"), "v1beta1"),
        ((), "v1"),
        (("v2",), None),
    ],
)
async def test_the_preferred_version_that_is_served_is_read(
    client: Client, versions: tuple[str, ...], found: str | None
) -> None:
    assert await find_version(client, Resource(GROUP, PLURAL, "Widget", versions)) == found


async def test_a_group_that_is_served_without_the_kind_does_not_have_it(client: Client) -> None:
    assert await find_version(client, Resource(GROUP, "gadgets", "Gadget", ())) is None
    assert await find_version(client, SERVICE_EXPORTS) is None


async def test_a_kind_is_found_in_the_version_that_has_it(
    fake: FakeApiServer, client: Client
) -> None:
    fake.serve(Served(GROUP, ("v2",), "gadgets", "Gadget"))
    wanted = Resource(GROUP, "gadgets", "Gadget", ("v1", "v2"))
    assert await find_version(client, wanted) == "v2"


async def test_the_core_group_is_not_asked_for(fake: FakeApiServer, client: Client) -> None:
    assert await find_version(client, PODS) == "v1"
    assert fake.asked == []


async def test_a_kind_stays_until_its_definition_is_being_deleted(
    fake: FakeApiServer, client: Client
) -> None:
    wanted = Resource(GROUP, PLURAL, "Widget", ("v1",))
    assert await is_staying(client, wanted)
    fake.end(WIDGETS.id)
    assert await find_version(client, wanted) == "v1", "it is served all the same"
    assert not await is_staying(client, wanted)
    fake.unserve(WIDGETS.id)
    assert not await is_staying(client, wanted)
    fake.fail(503)
    with pytest.raises(ApiRefused):
        await is_staying(client, wanted)


async def test_a_definition_stays_until_it_is_being_deleted(
    fake: FakeApiServer, client: Client
) -> None:
    wanted = Resource(GROUP, PLURAL, "Widget", ("v1",))
    assert await is_defined(client, wanted) is True
    fake.end(WIDGETS.id)
    assert await is_defined(client, wanted) is False
    fake.unserve(WIDGETS.id)
    assert await is_defined(client, wanted) is None
    fake.deny("get", "customresourcedefinitions.apiextensions.k8s.io")
    assert await is_defined(client, wanted) is None
    fake.fail(503)
    with pytest.raises(ApiRefused):
        await is_defined(client, wanted)


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
async def test_a_refusal_is_not_absence(fake: FakeApiServer, client: Client, code: int) -> None:
    fake.fail(code)
    with pytest.raises(ApiRefused) as refusal:
        await find_version(client, VIP_LEDGERS)
    assert refusal.value.status == code


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"versions": 5}', b'{"versions": [{}]}', b"\xff"]
)
async def test_garbage_is_not_absence(connect: Callable[[Access], Client], body: bytes) -> None:
    async with saying(answer(body)) as url:
        with pytest.raises(ApiError, match=r"vipledgers\.globaldns\.io: an answer that is no"):
            await find_version(connect(way_to(url)), VIP_LEDGERS)
