"""``spec.renumber`` set by a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from globaldns.apply.wishing import wish_numbers
from globaldns.errors import ApiRefused, RequestRefused
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.host import Host
from tests.apply.clusters import NAME
from tests.apply.showing import NOW, manifest
from tests.kube.fake import FakeApiServer

A, B = Host("a.ns"), Host("b.ns")


@pytest_asyncio.fixture
async def client(server: FakeApiServer, tmp_path: Path) -> AsyncIterator[Client]:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(server.kubeconfig()))
    client = Client(Access(path=path))
    yield client
    await client.close()


def spec(server: FakeApiServer, name: str) -> object:
    found = server.get(NAME, name, "ns")
    assert found is not None
    return found.get("spec")


async def test_a_wish_stands_beside_what_a_person_wrote(
    server: FakeApiServer, client: Client
) -> None:
    server.put(manifest("a", spec={"lost": {"names": "keep"}}))
    server.put(manifest("b"))
    await wish_numbers(client, [A, B], NOW)
    assert spec(server, "a") == {"lost": {"names": "keep"}, "renumber": "2026-01-02T03:04:05Z"}
    assert spec(server, "b") == {"renumber": "2026-01-02T03:04:05Z"}


async def test_a_wish_is_later_than_the_one_before(server: FakeApiServer, client: Client) -> None:
    server.put(manifest("a", spec={"renumber": "2026-01-02T03:04:30Z"}))
    await wish_numbers(client, [A], NOW)
    assert spec(server, "a") == {"renumber": "2026-01-02T03:04:31Z"}


@pytest.mark.parametrize("host", ["nobody.ns", "*.ns", "x.y.ns"])
async def test_where_one_has_no_object_nothing_is_wished(
    server: FakeApiServer, client: Client, host: str
) -> None:
    server.put(manifest("a"))
    with pytest.raises(RequestRefused):
        await wish_numbers(client, [A, Host(host)], NOW)
    assert spec(server, "a") is None


async def test_a_refusal_of_the_server_is_told(server: FakeApiServer, client: Client) -> None:
    server.deny("get", "globalservices")
    with pytest.raises(ApiRefused):
        await wish_numbers(client, [A], NOW)
