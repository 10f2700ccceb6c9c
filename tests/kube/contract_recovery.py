"""What clients see when a server starts again, and when its etcd is not what it was."""

from __future__ import annotations

from tests.kube.contract import ALL_WIDGETS, Contract, widget
from tests.kube.speaking import Cluster, Session, short

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


class RecoveryContract(Contract):
    """Restart, compaction, restored and new etcd."""

    async def test_a_started_server_watches_from_now_on_and_lists_the_past(
        self, session: Session, widgets: str, cluster: Cluster
    ) -> None:
        for name in "abc":
            await session.post(widgets, widget(name))
        page = await session.get(widgets, limit="1")
        last = await session.post(widgets, widget("d"))
        await cluster.restart()
        await session.wait_status(widgets, 200)
        async with session.watch(widgets, resourceVersion=page.version) as stream:
            assert [short(event) for event in await stream.rest()] == ["ERROR 410"]
        rest = await session.get(widgets, **{"continue": page.metadata["continue"]})
        assert (rest.names, rest.version) == (["b", "c"], page.version)
        async with session.watch(widgets, resourceVersion=last.version) as stream:
            assert [short(event) for event in await stream.rest()] == ["ERROR 410"]
        present = await session.get(widgets)
        async with session.watch(widgets, resourceVersion=present.version) as stream:
            await session.delete(f"{widgets}/d")
            assert await stream.take(1) == ["DELETED d"]

    async def test_compacted_history_is_410_in_the_stream_and_for_the_next_page(
        self, session: Session, widgets: str, cluster: Cluster
    ) -> None:
        for name in "abc":
            await session.post(widgets, widget(name))
        page = await session.get(widgets, limit="1")
        await session.post(widgets, widget("d"))
        await cluster.compact()
        await session.wait_status(widgets, 200)
        async with session.watch(widgets, resourceVersion=page.version) as stream:
            events = await stream.rest()
        assert [short(event) for event in events] == ["ERROR 410"]
        assert events[0]["object"]["kind"] == "Status"
        assert events[0]["object"]["reason"] == "Expired"
        token = page.metadata["continue"]
        expired = await session.get(widgets, limit="1", **{"continue": token})
        assert expired.failure == (410, "Expired")
        later = await session.get(widgets, **{"continue": expired.metadata["continue"]})
        assert later.names == ["b", "c", "d"]
        exact = {"resourceVersion": page.version, "resourceVersionMatch": "Exact"}
        assert (await session.get(widgets, **exact)).failure == (410, "Expired")
        async with session.watch(widgets, resourceVersion=later.version) as stream:
            await session.delete(f"{widgets}/d")
            assert await stream.take(1) == ["DELETED d"]

    async def test_a_restored_etcd_goes_back_in_versions_and_says_nothing_of_it(
        self, session: Session, widgets: str, cluster: Cluster
    ) -> None:
        uid = (await session.get(KUBE_SYSTEM)).metadata["uid"]
        old = await session.post(widgets, widget("a", spec={"n": 1}))
        await cluster.backup()
        await session.wait_status(widgets, 200)
        for number in range(2, 60):
            await session.merge(f"{widgets}/a", {"spec": {"n": number}})
        lost = await session.post(widgets, widget("lost"))
        await cluster.restore()
        restored = await session.wait_status(widgets, 200)
        assert restored.names == ["a"]
        assert (await session.get(f"{widgets}/a")).body == old.body
        assert int(restored.version) < int(lost.version)
        assert (await session.get(KUBE_SYSTEM)).metadata["uid"] == uid
        query = {"resourceVersion": lost.version, "timeoutSeconds": "1"}
        async with session.watch(widgets, **query) as stream:
            await session.post(widgets, widget("b"))
            assert await stream.rest() == []
        future = await session.get(widgets, resourceVersion=lost.version)
        assert future.failure == (504, "Timeout")

    async def test_a_rebuilt_cluster_has_another_uid_and_serves_nothing_of_before(
        self, session: Session, widgets: str, cluster: Cluster
    ) -> None:
        before = await session.get(KUBE_SYSTEM)
        assert (await session.get(widgets)).status == 200
        await cluster.rebuild()
        after = await session.wait_status(KUBE_SYSTEM, 200)
        assert after.metadata["uid"] != before.metadata["uid"]
        assert (await session.get(ALL_WIDGETS)).status == 404
