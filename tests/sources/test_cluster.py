"""A cluster that is read from its API server, whatever becomes of that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from globaldns.kube.kubeconfig import Access
from globaldns.model.export import ExportKind
from globaldns.model.view import Doubt, Remove, Reset, SourceState
from globaldns.sources.cluster import ClusterSource
from globaldns.sources.directory import DirectorySource
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.manifests import GRACE, RULES, at
from tests.sources.reading import DEFINED, SETTINGS, Reading, reading
from tests.sources.served import (
    Object,
    comparable,
    endpoint_slice,
    entry,
    gateway,
    line,
    made,
    pod,
    service,
    vip_ledger,
)

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
WAITING, REMEMBERED = SourceState.WAITING, SourceState.REMEMBERED
SHOP: list[Object] = [
    service("a"),
    endpoint_slice("a"),
    pod(account="shop"),
    entry("b"),
    entry("c", "other"),
    vip_ledger("own-001", line("a.ns", 3)),
    gateway(),
]
HOSTS = ("a.ns", "b.ns", "c.other")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        for item in SHOP:
            running.put(item)
        yield running


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_cluster_is_what_a_directory_of_its_objects_is(
    server: FakeApiServer,
    tmp_path: Path,
    streaming: bool,  # noqa: FBT001
) -> None:
    server.streaming_lists = streaming
    for resource in ("namespaces", "services", "pods", "endpointslices", "serviceentries"):
        for number, item in enumerate(server.objects(resource)):
            (tmp_path / f"{resource}{number}.json").write_text(json.dumps(item))
    (tmp_path / "ledger.json").write_text(json.dumps(server.objects("vipledgers")[0]))
    directory = DirectorySource(tmp_path, RULES, grace=0)
    directory.read_once(at(0))
    async with reading(server, *HOSTS) as one:
        assert comparable(one.told) == comparable(directory.view())
        assert one.source.services() == directory.services() == {"a.ns", "eastwest.istio-system"}
        assert one.source.view().uid == server.uid
        assert one.source.freshness.contact == one.now


async def test_only_pods_of_namespaces_that_export_are_asked_for(server: FakeApiServer) -> None:
    server.put(service("x", "private", exported=False))
    async with reading(server, *HOSTS) as one:
        for resource in ("pods", "endpointslices"):
            asked = {each.namespace for each in server.asked if each.resource.startswith(resource)}
            assert asked == {"ns", "other"}
        server.put(endpoint_slice("x", "private"))
        server.put(service("x", "private"))
        await until(lambda: one.addresses.get("x.private") == {"10.1.1.1"})
        server.delete("services", "x", "private")
        await one.until(*HOSTS)
        await server.until(lambda: not watched(server, "private"))


def watched(server: FakeApiServer, namespace: str) -> bool:
    return any(watch.wanted.namespace == namespace for watch in server._api.watches)


async def test_every_change_is_told_when_it_is_seen(server: FakeApiServer) -> None:
    async with reading(server, *HOSTS) as one:
        server.put(entry("d"))
        await one.until(*HOSTS, "d.ns")
        server.put(endpoint_slice("a", ip="10.1.1.9"))
        await until(lambda: one.addresses["a.ns"] == {"10.1.1.9"})
        server.delete("serviceentries", "d", "ns")
        await one.until(*HOSTS)
        server.put(gateway("203.0.113.10"))
        await until(lambda: [each.address for each in one.told.gateways] == ["203.0.113.10"])


# Nothing is lost and nothing moves


async def compact(server: FakeApiServer) -> None:
    server.compact()
    server.cut_watches()


async def start_again(server: FakeApiServer) -> None:
    server.stall_watches(False)  # what a stopped server has not sent is never sent
    await server.stop()
    await server.start()


async def end_watches(server: FakeApiServer) -> None:
    server.cut_watches()


async def reset_watches(server: FakeApiServer) -> None:
    server.cut_watches(abruptly=True)


async def expire_watches(server: FakeApiServer) -> None:
    server.fail_watches(410)


async def fail_watches(server: FakeApiServer) -> None:
    server.fail_watches(500)


async def throttle(server: FakeApiServer) -> None:
    server.fail(429, times=20)
    server.cut_watches()


@pytest.mark.parametrize(
    ("happen", "streaming"),
    [
        (compact, True),
        (compact, False),
        (start_again, True),
        (start_again, False),
        (end_watches, True),
        (reset_watches, True),
        (expire_watches, False),
        (fail_watches, True),
        (throttle, False),
    ],
)
async def test_what_becomes_of_a_server_loses_nothing_and_moves_nothing(
    server: FakeApiServer,
    happen: object,
    streaming: bool,  # noqa: FBT001
) -> None:
    server.streaming_lists = streaming
    async with reading(server, *HOSTS) as one:
        server.stall_watches()
        server.put(entry("new"))
        server.delete("serviceentries", "c", "other")
        await happen(server)  # type: ignore[operator]
        server.stall_watches(False)
        await one.until("a.ns", "b.ns", "new.ns")
        assert [each for each in one.said if isinstance(each, Remove)] == [
            Remove("east", "c.other")  # type: ignore[arg-type]
        ]
        assert not [each for each in one.said if isinstance(each, Reset)]
        assert one.addresses["a.ns"] == {"10.1.1.1"}


async def test_a_backup_of_etcd_is_believed(server: FakeApiServer) -> None:
    backup = server.snapshot()
    server.put(entry("late"))
    async with reading(server, *HOSTS, "late.ns") as one:
        server.restore(backup)
        await one.until(*HOSTS)
        server.put(entry("again"))
        await one.until(*HOSTS, "again.ns")


async def test_a_server_that_is_away_is_silent_and_says_nothing_when_it_is_back(
    server: FakeApiServer,
) -> None:
    async with reading(server, *HOSTS) as one:
        await server.stop()
        await one.until_state(SILENT)
        contact = one.source.freshness.contact
        one.now += 1000
        assert one.source.freshness.contact == contact
        assert one.source.freshness.reason
        await server.start()
        await one.until(*HOSTS)
        assert one.source.freshness.contact == one.now
        assert one.edits == []


@pytest.mark.parametrize("resource", ["services", "serviceentries", "vipledgers", "pods"])
async def test_what_may_not_be_read_any_more_stands(server: FakeApiServer, resource: str) -> None:
    async with reading(server, *HOSTS) as one:
        server.deny(resource=resource)
        server.compact()
        server.cut_watches()
        await one.until_state(SILENT)
        await one.asked_again(resource, times=3)
        assert one.hosts == {*HOSTS}
        assert "may not be read" in one.source.freshness.reason
        server.allow()
        await one.until(*HOSTS)
        assert one.edits == []


async def test_nothing_is_said_before_the_ledger_may_be_read(server: FakeApiServer) -> None:
    server.deny(resource="vipledgers")
    one = Reading(server)
    async with one.run():
        await one.asked_again("vipledgers", times=4)
        await until(lambda: "vipledgers.globaldns.io: may not" in one.source.freshness.reason)
        assert (one.state, one.hosts) == (WAITING, set())
        server.allow()
        await one.until(*HOSTS)
        assert [claim.host for claim in one.told.ledger.claims] == ["a.ns"]


async def test_what_is_not_installed_is_read_once_it_is(server: FakeApiServer) -> None:
    server.unserve("serviceentries.networking.istio.io", "vipledgers.globaldns.io")
    async with reading(server, "a.ns") as one:
        assert one.source.findings() == []
        server.serve(DEFINED["serviceentries"])
        server.put(entry("b"))
        await one.until("a.ns", "b.ns")


async def test_what_is_not_served_any_more_stands_until_it_is_again(server: FakeApiServer) -> None:
    async with reading(server, *HOSTS) as one:
        server.compact()
        server.stall_watches()
        server.unserve("serviceentries.networking.istio.io")
        server.cut_watches(abruptly=True)
        server.stall_watches(False)
        await one.until_state(SILENT)
        assert one.hosts == {*HOSTS}
        server.serve(DEFINED["serviceentries"])
        server.put(entry("b"))
        await one.until("a.ns", "b.ns")


# Another cluster


@pytest.mark.parametrize("faults", [0, 40], ids=["it says so at once", "it fails at first"])
@pytest.mark.parametrize("writes", [0, 200], ids=["lower versions", "higher versions"])
async def test_another_cluster_at_the_same_address_changes_nothing(
    server: FakeApiServer, faults: int, writes: int
) -> None:
    async with reading(server, *HOSTS) as one:
        backup = server.snapshot()
        contact = one.source.freshness.contact
        one.now += 1000
        if faults:
            server.fail(500, verb="get", resource="namespaces", times=faults)
        server.rebuild()
        server.serve(*DEFINED.values())
        for number in range(writes):
            server.put(entry(f"x{number % 3}"))
        server.put(entry("x"))
        await until(lambda: one.source.freshness.reason.startswith("another cluster"))
        await one.asked_again("namespaces", times=5)
        assert one.hosts == {*HOSTS}
        assert one.edits == []
        assert (one.state, one.source.freshness.contact) == (SILENT, contact)
        assert "other-cluster" in {each.code for each in one.source.findings()}
        server.restore(backup)
        await one.until(*HOSTS)
        assert one.edits == []
        assert one.source.findings() == []


async def test_another_cluster_than_the_one_that_is_remembered_says_nothing(
    server: FakeApiServer,
) -> None:
    async with reading(server, *HOSTS) as one:
        view = msgspec.structs.replace(one.source.view(), uid="of another")
    other = Reading(server, remembered=view)
    async with other.run():
        await until(lambda: other.source.freshness.reason.startswith("another cluster"))
        assert (other.hosts, other.state) == ({*HOSTS}, REMEMBERED)
        assert not other.source.freshness.is_heard


async def test_a_cluster_that_may_not_tell_its_uid_is_read(server: FakeApiServer) -> None:
    server.deny("get", "namespaces")
    async with reading(server, *HOSTS) as one:
        assert one.source.view().uid == ""


# Restarts


async def test_until_all_is_read_again_what_is_remembered_stands(server: FakeApiServer) -> None:
    async with reading(server, *HOSTS) as one:
        view = one.source.view()
    await server.stop()
    settings = msgspec.structs.replace(SETTINGS, grace=GRACE)
    again = Reading(server, remembered=view, settings=settings)
    async with again.run():
        await until(lambda: bool(again.source.freshness.reason))
        assert (again.hosts, again.state) == ({*HOSTS}, REMEMBERED)
        server.storage.forget_events()
        server.delete("serviceentries", "c", "other")
        await server.start()
        await again.until(*HOSTS)
        assert again.source.freshness.doubt is Doubt.YOUNG, "c may be late"
        assert len([each for each in again.said if isinstance(each, Reset)]) == 2


async def test_a_source_that_fails_begins_again_with_all_that_it_knows(
    server: FakeApiServer,
) -> None:
    one = Reading(server)
    async with one.run():
        await one.until(*HOSTS)
    one.failures = 1
    with pytest.raises(ExceptionGroup):
        async with one.run():
            await until(lambda: not one.failures)
    server.put(entry("d"))
    server.delete("serviceentries", "b", "ns")
    one.said.clear()
    async with one.run():
        await one.until("a.ns", "c.other", "d.ns")
        assert isinstance(one.said[0], Reset)


# What is wrong


async def test_what_is_refused_keeps_its_last_good_version_and_is_counted(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(server, *HOSTS) as one:
        server.put({**entry("b"), "spec": []})
        server.put(entry("c", "other", port=70_000))
        await until(lambda: one.source.rejected() == {"ServiceEntry": 2})
        await until(lambda: caplog.text.count("object is refused") == 2)
        assert one.hosts == {*HOSTS}
        assert {each.object for each in one.source.findings()} == {
            "ServiceEntry ns/b",
            "ServiceEntry other/c",
        }
        assert {each.object for each in one.source.refused()} == {
            "ServiceEntry ns/b",
            "ServiceEntry other/c",
        }
        of_mesh = one.source.findings()[0]
        assert one.source.findings([of_mesh])[-1] is of_mesh
        server.put(entry("b", port=81))
        server.delete("serviceentries", "c", "other")
        await until(lambda: not one.source.rejected())


async def test_credentials_that_cannot_be_used_are_told(server: FakeApiServer) -> None:
    one = Reading(server, via=Access(text="clusters: [1]"))
    async with one.run():
        await until(lambda: bool(one.source.freshness.reason))
        assert one.state is WAITING
        assert [each.code for each in one.source.findings()][:1] == ["unreadable"]


async def test_foreign_gateways_make_routes(server: FakeApiServer) -> None:
    async with reading(server, *HOSTS) as one:
        changes = one.source.set_foreign_gateways(frozenset({"10.0.0.1"}))
        assert len(changes) == 2
        kinds = {each.host: each.kind for each in one.source.view().exports}
        assert kinds["b.ns"] is kinds["c.other"] is ExportKind.ROUTE


async def test_what_a_neighbour_keeps_of_our_ledger_is_known(server: FakeApiServer) -> None:
    copy = vip_ledger("copy-1", line("w.ns", 5, "west"), cluster="west", role="copy")
    server.put(copy)
    rules = msgspec.structs.replace(RULES, home="west")
    async with reading(server, *HOSTS, rules=rules) as one:
        assert [claim.host for claim in one.source.kept().claims] == ["w.ns"]


def test_a_source_shows_no_token() -> None:
    secret = Access(text="token: very-secret")
    source = ClusterSource(secret, RULES, SETTINGS)
    assert "very-secret" not in repr([secret, source, vars(source)])


async def test_a_cluster_without_anything_is_an_empty_cluster() -> None:
    async with FakeApiServer() as server, reading(server) as one:
        assert one.told.exports == ()
        assert one.source.freshness.is_heard
        server.put(made("Namespace", "ns"))
