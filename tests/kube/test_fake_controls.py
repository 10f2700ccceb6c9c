"""What a test can do to the fake API server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.kube.fake import FakeApiServer, Resource
from tests.kube.speaking import Session, short

WIDGETS = Resource("example.test", ("v1", "v1beta1"), "widgets", "Widget", status=True)
PATH = "/apis/example.test/v1/namespaces/shop/widgets"
NOW = {"resourceVersion": "0"}


class Fake(FakeApiServer):
    """A fake that the plain client can be given."""

    ssl: ssl.SSLContext | None = None


def widget(name: str, **content: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": metadata, **content}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Fake]:
    async with Fake(WIDGETS) as running:
        yield running


@pytest_asyncio.fixture
async def session(server: Fake) -> AsyncIterator[Session]:
    async with Session(server) as client:
        yield client


async def test_what_a_test_puts_is_seen_by_watches(server: Fake, session: Session) -> None:
    first = server.put(widget("a", spec=1, status={"ready": True}))
    assert (await session.get(f"{PATH}/a")).body == first
    async with session.watch(PATH, **NOW) as stream:
        server.put(widget("a", spec=2))
        server.delete("widgets.example.test", "a", "shop")
        assert await stream.take(3) == ["ADDED a", "MODIFIED a", "DELETED a"]
    assert first["status"] == {"ready": True}
    assert server.get("widgets", "a", "shop") is None
    assert server.objects("widgets") == []


async def test_every_version_shows_the_same_objects(server: Fake, session: Session) -> None:
    server.put(widget("a"))
    beta = await session.get(PATH.replace("/v1/", "/v1beta1/"))
    assert beta.body["items"][0]["apiVersion"] == "example.test/v1beta1"
    server.put({**widget("a", spec=1), "apiVersion": "example.test/v1beta1"})
    assert (await session.get(f"{PATH}/a")).body["apiVersion"] == "example.test/v1"


async def test_a_stopped_server_refuses_and_comes_back_at_its_address(
    server: Fake, session: Session
) -> None:
    server.put(widget("a"))
    async with session.watch(PATH, **NOW) as stream:
        await stream.take(1)
        url = server.url
        await server.stop()
        with pytest.raises(aiohttp.ClientError):
            await stream.next()
    with pytest.raises(aiohttp.ClientConnectorError):
        await session.get(PATH)
    await server.start()
    assert server.url == url
    assert (await session.get(PATH)).names == ["a"]
    assert server.open_watches == 0


async def test_watches_are_cut_politely_or_not(server: Fake, session: Session) -> None:
    async with session.watch(PATH, **NOW) as stream:
        server.put(widget("a"))
        server.cut_watches()
        assert [short(event) for event in await stream.rest()] == ["ADDED a"]
    async with session.watch(PATH, **NOW) as stream:
        await stream.take(1)
        server.cut_watches(abruptly=True)
        with pytest.raises(aiohttp.ClientError):
            await stream.next()


async def test_a_stalled_watch_is_silent_until_it_goes_on(server: Fake, session: Session) -> None:
    server.stall_watches()
    async with session.watch(PATH, **NOW) as stream:
        server.put(widget("a"))
        waiting = asyncio.create_task(stream.next())
        assert (await session.get(PATH)).names == ["a"]
        assert not waiting.done()
        server.stall_watches(stalled=False)
        assert short(await waiting) == "ADDED a"


async def test_stalled_requests_wait(server: Fake, session: Session) -> None:
    server.stall_requests()
    waiting = asyncio.create_task(session.get(PATH))
    await server.until(lambda: server.count("list", "widgets") == 1)
    assert not waiting.done()
    server.stall_requests(stalled=False)
    assert (await waiting).status == 200


async def test_watches_can_be_told_of_an_error(server: Fake, session: Session) -> None:
    async with session.watch(PATH, **NOW) as stream:
        server.fail_watches(500)
        assert [short(event) for event in await stream.rest()] == ["ERROR 500"]


async def test_bookmarks_come_when_a_test_wants_them(server: Fake, session: Session) -> None:
    async with (
        session.watch(PATH, **NOW, allowWatchBookmarks="true") as told,
        session.watch(PATH, **NOW) as untold,
    ):
        server.add_namespace("elsewhere")
        server.send_bookmarks()
        assert await told.take(1) == ["BOOKMARK"]
        assert told.seen[0]["object"]["metadata"]["resourceVersion"] == str(server.revision)
        server.cut_watches()
        assert await told.rest() == await untold.rest() == []


async def test_bookmarks_come_at_their_interval() -> None:
    async with (
        Fake(WIDGETS, bookmark_interval=0.01) as server,
        Session(server) as session,
        session.watch(PATH, **NOW, allowWatchBookmarks="true") as stream,
    ):
        server.add_namespace("elsewhere")
        assert await stream.take(1) == ["BOOKMARK"]


async def test_a_server_without_streaming_lists_says_so(server: Fake, session: Session) -> None:
    server.streaming_lists = False
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    assert (await session.get(PATH, watch="1", **query)).failure == (422, "Invalid")


@pytest.mark.parametrize("code", [401, 403, 404, 409, 410, 422, 429, 500, 503])
async def test_the_next_requests_fail(server: Fake, session: Session, code: int) -> None:
    server.fail(code, times=2, verb="list", resource="widgets", retry_after=7)
    assert (await session.get("/api/v1/services")).status == 200
    answers = [await session.get(PATH) for _ in range(3)]
    assert [answer.status for answer in answers] == [code, code, 200]
    assert answers[0].failure[0] == code
    assert answers[0].body["details"]["retryAfterSeconds"] == 7
    assert answers[0].retry_after == "7"


async def test_a_connection_can_be_reset(server: Fake, session: Session) -> None:
    server.fail(0, verb="create")
    with pytest.raises(aiohttp.ClientError):
        await session.post(PATH, widget("a"))
    server.fail(503, times=100)
    server.recover()
    assert (await session.get(PATH)).names == []


async def test_denials_are_by_verb_resource_and_namespace(server: Fake, session: Session) -> None:
    server.put(widget("a"))
    everywhere = PATH.replace("namespaces/shop/", "")
    server.deny("list", "widgets", "")
    assert (await session.get(everywhere)).failure == (403, "Forbidden")
    assert (await session.get(PATH)).names == ["a"]
    server.deny("patch", "widgets/status")
    assert (await session.merge(f"{PATH}/a", {"spec": 1})).status == 200
    assert (await session.merge(f"{PATH}/a/status", {"status": {}})).status == 403
    server.allow()
    assert (await session.get(everywhere)).names == ["a"]


async def test_a_renewed_token_is_the_only_one(server: Fake, session: Session) -> None:
    renewed = server.renew_token()
    assert (await session.get(PATH)).failure == (401, "Unauthorized")
    async with Session(server, renewed) as again:
        assert (await again.get(PATH)).status == 200
    assert server.kubeconfig()["users"][0]["user"] == {"token": renewed}


async def test_a_kubeconfig_leads_to_the_server(server: Fake) -> None:
    config = server.kubeconfig("east")
    assert config["current-context"] == "east"
    assert config["clusters"][0] == {"name": "east", "cluster": {"server": server.url}}


async def test_two_servers_are_two_clusters(server: Fake) -> None:
    async with Fake() as other:
        assert other.uid != server.uid
        assert other.url != server.url


async def test_a_definition_goes_with_its_objects(server: Fake, session: Session) -> None:
    server.put(widget("a"))
    async with session.watch(PATH, **NOW) as stream:
        server.unserve(WIDGETS.id)
        events = [short(event) for event in await stream.rest()]
    assert events == ["ADDED a", "DELETED a"]
    server.serve(WIDGETS)
    assert (await session.get(PATH)).names == []


async def test_a_definition_that_ends_takes_its_objects_along_and_lets_none_come(
    server: Fake, session: Session
) -> None:
    server.put(widget("a"))

    async def verbs() -> set[str]:
        (listed, *_) = (await session.get(f"/apis/{WIDGETS.group}/v1")).body["resources"]
        return {*listed["verbs"]}

    assert "create" in await verbs()
    server.end(WIDGETS.id)
    assert (await session.get(PATH)).names == []
    assert await verbs() == {"delete", "deletecollection", "get", "list", "watch"}


async def test_a_namespace_goes_with_its_objects(server: Fake) -> None:
    server.put(widget("a"))
    server.delete("namespaces", "shop")
    assert server.objects("widgets") == []


async def test_requests_are_counted_by_verb_and_resource(server: Fake, session: Session) -> None:
    await session.post(PATH, widget("a"))
    server.add_namespace("shop")
    await session.post(PATH, widget("a"))
    await session.merge(f"{PATH}/a/status", {"status": {}})
    async with session.watch(PATH, **NOW) as stream:
        await stream.take(1)
        assert server.open_watches == 1
    await server.until(lambda: server.open_watches == 0)
    assert dict(server.counts()) == {
        ("create", "widgets"): 2,
        ("patch", "widgets/status"): 1,
        ("watch", "widgets"): 1,
    }
    assert server.count(resource="widgets.example.test", namespace="shop") == 4
    assert server.asked[-1].query["resourceVersion"] == "0"
    assert server.asked[-1].user_agent == "contract/1"
