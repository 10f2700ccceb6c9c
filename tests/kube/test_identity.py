"""Which cluster answers, and whether one does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube import identity
from globaldns.kube.client import Client
from globaldns.kube.identity import find_uid
from globaldns.kube.kubeconfig import Access
from tests.kube.fake import FakeApiServer
from tests.kube.scripted import answer, saying, way_to

Connect = Callable[[Access], Client]


async def test_a_cluster_keeps_its_uid_until_it_is_rebuilt(
    fake: FakeApiServer, client: Client
) -> None:
    before = await find_uid(client)
    assert before == fake.uid
    await fake.stop()
    await fake.start()
    assert await find_uid(client) == before
    fake.rebuild()
    assert await find_uid(client) == fake.uid != before


@pytest.mark.parametrize(
    "hide", [lambda fake: fake.deny(), lambda fake: fake.fail(404)], ids=["forbidden", "not found"]
)
async def test_one_that_hides_it_is_there_without_a_uid(
    fake: FakeApiServer, client: Client, hide: Callable[[FakeApiServer], None]
) -> None:
    hide(fake)
    assert await find_uid(client) == ""
    assert [asked.resource for asked in fake.asked] == ["namespaces", ""]


async def test_one_that_hides_all_of_itself_is_there_without_a_uid(connect: Connect) -> None:
    forbidden = answer(b"", "403 Forbidden")
    async with saying(forbidden, forbidden) as url:
        assert await find_uid(connect(way_to(url))) == ""


@pytest.mark.parametrize("code", [401, 429, 500, 503])
async def test_one_that_refuses_is_not_known_to_be_there(
    fake: FakeApiServer, client: Client, code: int
) -> None:
    fake.fail(code)
    with pytest.raises(ApiRefused):
        await find_uid(client)


async def test_one_that_hides_it_and_says_nothing_else_is_not_there(
    fake: FakeApiServer, client: Client
) -> None:
    fake.fail(403)
    fake.fail(503, times=2, verb="get")
    with pytest.raises(ApiRefused) as refusal:
        await find_uid(client)
    assert refusal.value.status == 503


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html>", b'{"metadata": null}', b'{"metadata": {"uid": 5}}', b"\xff\xfe", b"[]"],
)
async def test_garbage_is_no_cluster(connect: Connect, body: bytes) -> None:
    async with saying(answer(body)) as url:
        with pytest.raises(ApiError, match="kube-system: an answer that is no Namespace"):
            await find_uid(connect(way_to(url)))


async def test_a_page_that_leads_elsewhere_is_no_proof_that_a_server_is_there(
    connect: Connect,
) -> None:
    login = answer(b"", "302 Found", "Location: https://login.example/")
    async with saying(answer(b"", "403 Forbidden"), login) as url:
        with pytest.raises(ApiRefused) as refusal:
            await find_uid(connect(way_to(url)))
    assert refusal.value.status == 302


async def test_a_silent_server_is_not_waited_for(
    fake: FakeApiServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "PROBE_SECONDS", 0.05)
    fake.stall_requests()
    with pytest.raises(ApiError, match="does not answer in time"):
        await find_uid(client)
    fake.stall_requests(stalled=False)
