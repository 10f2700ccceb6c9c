"""What clients may rely on of an API server; the fake and the real one both have to pass.

Reading is here, writing in ``contract_writes``, what a cluster lives through in
``contract_recovery``. Each test has a namespace of its own and widgets,
a resource with an open schema and a status subresource.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.kube.apiserver.resources import Resource, definition
from tests.kube.speaking import Cluster, Object, Session, short

WIDGETS = Resource("example.test", ("v1",), "widgets", "Widget", status=True)
LATECOMERS = Resource("late.example.test", ("v1",), "latecomers", "Latecomer")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ALL_WIDGETS = "/apis/example.test/v1/widgets"
STREAMING = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
_numbers = itertools.count(1)


def widget(name: str, *, labels: dict[str, str] | None = None, **content: object) -> Object:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": metadata, **content}


class Contract:
    """Fixtures of both halves; a subclass adds ``cluster``."""

    @pytest_asyncio.fixture
    async def session(self, cluster: Cluster) -> AsyncIterator[Session]:
        """A client of the admin, with widgets served."""
        async with Session(cluster) as session:
            await session.post(DEFINITIONS, definition(WIDGETS))
            await session.wait_status(ALL_WIDGETS, 200)
            yield session

    @pytest_asyncio.fixture
    async def widgets(self, session: Session) -> str:
        """The path of widgets in a new namespace."""
        name = f"contract-{next(_numbers)}"
        assert (
            await session.post("/api/v1/namespaces", {"metadata": {"name": name}})
        ).status == 201
        return f"/apis/example.test/v1/namespaces/{name}/widgets"


class ReadingContract(Contract):
    """Lists, watches, and who may."""

    async def test_pages_show_the_revision_of_the_first(
        self, session: Session, widgets: str
    ) -> None:
        for name in "dbeac":
            await session.post(widgets, widget(name))
        first = await session.get(widgets, limit="2")
        assert first.names == ["a", "b"]
        assert first.metadata["remainingItemCount"] == 3
        await session.delete(f"{widgets}/d")
        await session.post(widgets, widget("cc"))
        second = await session.get(widgets, limit="2", **{"continue": first.metadata["continue"]})
        assert second.names == ["c", "d"]
        assert second.version == first.version
        third = await session.get(widgets, limit="2", **{"continue": second.metadata["continue"]})
        assert third.names == ["e"]
        assert third.metadata.get("continue", "") == ""
        assert third.version == first.version
        assert (await session.get(widgets)).names == ["a", "b", "c", "cc", "e"]

    async def test_pages_of_a_selection_do_not_say_how_many_remain(
        self, session: Session, widgets: str
    ) -> None:
        for name in "abc":
            await session.post(widgets, widget(name, labels={"app": "x"}))
        page = await session.get(widgets, limit="2", labelSelector="app")
        assert page.metadata["continue"]
        assert "remainingItemCount" not in page.metadata

    async def test_a_list_from_the_cache_is_not_paged(self, session: Session, widgets: str) -> None:
        for name in "abc":
            await session.post(widgets, widget(name))
        assert (await session.get(widgets, limit="2", resourceVersion="0")).names == ["a", "b", "c"]

    async def test_a_list_says_its_kind_and_built_in_items_do_not(self, session: Session) -> None:
        namespaces = (await session.get("/api/v1/namespaces")).body
        assert (namespaces["kind"], namespaces["apiVersion"]) == ("NamespaceList", "v1")
        assert not {"kind", "apiVersion"} & set(namespaces["items"][0])
        listed = (await session.get(ALL_WIDGETS)).body
        assert (listed["kind"], listed["apiVersion"]) == ("WidgetList", "example.test/v1")
        assert {item["kind"] for item in listed["items"]} <= {"Widget"}

    async def test_a_resource_version_from_the_future_is_a_timeout(
        self, session: Session, widgets: str
    ) -> None:
        answer = await session.get(widgets, resourceVersion="999999999")
        assert answer.failure == (504, "Timeout")
        assert answer.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"

    async def test_labels_select(self, session: Session, widgets: str) -> None:
        for name, labels in {"a": {"app": "x"}, "b": {"app": "y"}, "c": {}}.items():
            await session.post(widgets, widget(name, labels=labels))
        expected = {
            "app=x": ["a"],
            "app==x": ["a"],
            "app!=x": ["b", "c"],
            "app in (x, y)": ["a", "b"],
            "app notin (x)": ["b", "c"],
            "app": ["a", "b"],
            "!app": ["c"],
            "app,app!=y": ["a"],
        }
        selected = {
            text: (await session.get(widgets, labelSelector=text)).names for text in expected
        }
        assert selected == expected
        refused = await session.get(widgets, labelSelector="app in x")
        assert refused.failure == (400, "BadRequest")

    async def test_fields_select(self, session: Session, widgets: str) -> None:
        for name in "ab":
            await session.post(widgets, widget(name))
        namespace = widgets.split("/")[-2]
        select = {
            "metadata.name=a": (widgets, ["a"]),
            "metadata.name!=a": (widgets, ["b"]),
            f"metadata.namespace={namespace}": (ALL_WIDGETS, ["a", "b"]),
            f"metadata.namespace!={namespace},metadata.name=a": (widgets, []),
        }
        for text, (path, names) in select.items():
            assert (await session.get(path, fieldSelector=text)).names == names
        refused = await session.get(widgets, fieldSelector="spec.size=1")
        assert refused.failure == (400, "BadRequest")

    async def test_a_watch_goes_on_after_a_list_in_the_order_of_the_writes(
        self, session: Session, widgets: str
    ) -> None:
        await session.post(widgets, widget("before"))
        version = (await session.get(widgets)).version
        await session.post(widgets, widget("a"))
        async with session.watch(widgets, resourceVersion=version) as stream:
            assert await stream.take(1) == ["ADDED a"]
            await session.merge(f"{widgets}/a", {"spec": {"size": 1}})
            await session.delete(f"{widgets}/before")
            await session.delete(f"{widgets}/a")
            events = ["MODIFIED a", "DELETED before", "DELETED a"]
            assert await stream.take(3) == events
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in stream.seen]
        assert versions == sorted(set(versions))
        assert stream.seen[-1]["object"]["spec"] == {"size": 1}
        assert stream.seen[-1]["object"]["kind"] == "Widget"

    async def test_a_watch_from_nowhere_begins_with_what_is_there(
        self, session: Session, widgets: str
    ) -> None:
        for name in "ba":
            await session.post(widgets, widget(name))
        for query in ({}, {"resourceVersion": "0"}):
            async with session.watch(widgets, **query) as stream:
                assert sorted(await stream.take(2)) == ["ADDED a", "ADDED b"]

    async def test_leaving_a_selection_is_a_deletion(self, session: Session, widgets: str) -> None:
        version = (await session.get(widgets)).version
        async with session.watch(widgets, resourceVersion=version, labelSelector="on") as stream:
            await session.post(widgets, widget("a", labels={"on": "1"}, spec=1))
            await session.post(widgets, widget("never"))
            left = await session.merge(f"{widgets}/a", {"metadata": {"labels": None}, "spec": 2})
            await session.merge(f"{widgets}/a", {"metadata": {"labels": {"on": "2"}}})
            assert await stream.take(3) == ["ADDED a", "DELETED a", "ADDED a"]
        deleted = stream.seen[1]["object"]
        assert deleted["spec"] == 1
        assert deleted["metadata"]["resourceVersion"] == left.version

    async def test_a_watch_ends_after_its_timeout(self, session: Session, widgets: str) -> None:
        version = (await session.post(widgets, widget("a"))).version
        query = {"resourceVersion": version, "timeoutSeconds": "1", "allowWatchBookmarks": "true"}
        async with session.watch(widgets, **query) as stream:
            assert await stream.rest() == []

    async def test_a_bookmark_before_the_timeout_tells_of_what_was_not_selected(
        self, session: Session, widgets: str, cluster: Cluster
    ) -> None:
        version = (await session.post(widgets, widget("a"))).version
        query = {"resourceVersion": version, "timeoutSeconds": cluster.bookmark_timeout}
        query["labelSelector"] = "none"
        async with session.watch(widgets, **query, allowWatchBookmarks="true") as stream:
            newer = await session.post(widgets, widget("b"))
            bookmarks = await stream.rest()
        assert {short(event) for event in bookmarks} == {"BOOKMARK"}
        item = bookmarks[-1]["object"]
        assert (item["kind"], item["apiVersion"]) == ("Widget", "example.test/v1")
        assert int(item["metadata"]["resourceVersion"]) >= int(newer.version)

    async def test_a_streaming_list_ends_with_an_annotated_bookmark(
        self, session: Session, widgets: str
    ) -> None:
        for name in "ba":
            await session.post(widgets, widget(name))
        async with session.watch(widgets, **STREAMING) as stream:
            assert sorted(await stream.take(2)) == ["ADDED a", "ADDED b"]
            assert await stream.take(1) == ["BOOKMARK"]
            created = await session.post(widgets, widget("c"))
            assert await stream.take(1) == ["ADDED c"]
        bookmark = stream.seen[2]["object"]["metadata"]
        assert bookmark["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(bookmark["resourceVersion"]) < int(created.version)

    async def test_a_streaming_list_must_say_how_old_it_may_be(
        self, session: Session, widgets: str
    ) -> None:
        answer = await session.get(widgets, watch="1", sendInitialEvents="true")
        assert answer.failure == (422, "Invalid")

    async def test_a_watch_from_the_future_is_silent(self, session: Session, widgets: str) -> None:
        query = {"resourceVersion": "999999999", "timeoutSeconds": "1"}
        async with session.watch(widgets, **query) as stream:
            await session.post(widgets, widget("a"))
            assert await stream.rest() == []

    async def test_a_bad_continue_token_is_refused(self, session: Session, widgets: str) -> None:
        answer = await session.get(widgets, **{"continue": "nonsense"})
        assert answer.failure == (400, "BadRequest")

    async def test_a_resource_is_served_from_its_definition_on_until_that_goes(
        self, session: Session
    ) -> None:
        path = "/apis/late.example.test/v1/latecomers"
        before = await session.get(path)
        assert (before.status, before.body) == (404, "404 page not found\n")
        assert (await session.get("/apis/late.example.test/v1")).status == 404
        assert (await session.post(DEFINITIONS, definition(LATECOMERS))).status == 201
        await session.wait_status(path, 200)
        rows = (await session.wait_status("/apis/late.example.test/v1", 200)).body["resources"]
        assert [(row["name"], row["kind"]) for row in rows] == [("latecomers", "Latecomer")]
        latecomer = {"apiVersion": "late.example.test/v1", "kind": "Latecomer"}
        inside = "/apis/late.example.test/v1/namespaces/default/latecomers"
        assert (await session.post(inside, {**latecomer, "metadata": {"name": "a"}})).status == 201
        async with session.watch(path, resourceVersion="0") as stream:
            assert await stream.take(1) == ["ADDED a"]
            assert (await session.delete(f"{DEFINITIONS}/{LATECOMERS.id}")).status == 200
            assert [short(event) for event in await stream.rest()] == ["DELETED a"]
        await session.wait_status(path, 404)

    async def test_an_unknown_built_in_resource_is_a_status(self, session: Session) -> None:
        assert (await session.get("/api/v1/nonsense")).failure == (404, "NotFound")

    async def test_a_token_that_nobody_has_is_unauthorized(self, cluster: Cluster) -> None:
        async with Session(cluster, "nobody-has-it") as stranger:
            assert (await stranger.get("/api/v1/services")).failure == (401, "Unauthorized")
            assert (await stranger.get("/version")).status == 401

    async def test_without_a_token_there_is_health_and_version_and_nothing_else(
        self, cluster: Cluster
    ) -> None:
        async with Session(cluster, "") as nobody:
            assert (await nobody.get("/api/v1/services")).failure == (403, "Forbidden")
            assert (await nobody.get("/apis")).failure == (403, "Forbidden")
            assert (await nobody.get("/readyz")).status == 200
            assert "gitVersion" in (await nobody.get("/version")).body

    async def test_who_may_not_is_forbidden_even_what_is_not_served(
        self, session: Session, cluster: Cluster
    ) -> None:
        assert session
        async with Session(cluster, cluster.powerless_token) as powerless:
            for path in (ALL_WIDGETS, "/apis/unserved.test/v1/things"):
                assert (await powerless.get(path)).failure == (403, "Forbidden")
                assert (await powerless.get(path, watch="1")).failure == (403, "Forbidden")
            refused = (await powerless.get(ALL_WIDGETS)).body
            assert refused["message"] == (
                'widgets.example.test is forbidden: User "powerless" cannot list resource'
                ' "widgets" in API group "example.test" at the cluster scope'
            )

    async def test_discovery_names_groups_versions_and_subresources(self, session: Session) -> None:
        assert (await session.get("/api")).body["versions"] == ["v1"]
        groups = (await session.get("/apis")).body["groups"]
        versions = {group["name"]: group["preferredVersion"]["version"] for group in groups}
        assert versions["example.test"] == "v1"
        assert versions["coordination.k8s.io"] == "v1"
        rows = (await session.get("/apis/example.test/v1")).body["resources"]
        named = [row["name"] for row in rows if row["kind"] == "Widget"]
        assert named == ["widgets", "widgets/status"]
        core = (await session.get("/api/v1")).body["resources"]
        assert {"services", "secrets", "namespaces"} <= {row["name"] for row in core}
