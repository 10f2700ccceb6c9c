"""All objects of a kind, page by page."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube import listing
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.listing import list_objects
from tests.kube.conftest import WIDGETS
from tests.kube.fake import FakeApiServer
from tests.kube.scripted import answer, saying, way_to

PATH = f"/apis/{WIDGETS.group}/v1/{WIDGETS.plural}"


def put(fake: FakeApiServer, name: str, **labels: str) -> None:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    fake.put({"apiVersion": f"{WIDGETS.group}/v1", "kind": "Widget", "metadata": metadata})


async def names(client: Client, query: dict[str, str]) -> list[str]:
    found = [msgspec.json.decode(item) async for item in list_objects(client, PATH, query)]
    return [item["metadata"]["name"] for item in found]


async def test_every_page_is_read(
    fake: FakeApiServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    fake.add_namespace("shop")
    for number in range(5):
        put(fake, f"w{number}", even="yes" if number % 2 == 0 else "no")
    assert await names(client, {}) == ["w0", "w1", "w2", "w3", "w4"]
    assert await names(client, {"labelSelector": "even=yes"}) == ["w0", "w2", "w4"]
    assert fake.count("list", WIDGETS.id) == 3 + 2


async def test_nothing_of_a_kind_is_an_empty_list(client: Client) -> None:
    assert await names(client, {}) == []


async def test_a_refusal_is_the_servers(fake: FakeApiServer, client: Client) -> None:
    fake.deny("list", WIDGETS.id)
    with pytest.raises(ApiRefused):
        await names(client, {})


async def test_an_answer_that_is_no_list_is_an_error(
    connect: Callable[[Access], Client],
) -> None:
    async with saying(answer(b"[]")) as url:
        with pytest.raises(ApiError, match="no list"):
            await names(connect(way_to(url)), {})
