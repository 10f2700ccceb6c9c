"""GlobalServices created, given a status, and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from globaldns.apply.objects import GlobalServiceObjects
from globaldns.apply.seen import Seen
from globaldns.apply.status import Status
from globaldns.apply.steps import Create, Delete, Show, Write
from globaldns.errors import ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.host import Host
from globaldns.model.place import Place
from tests.apply.clusters import NAME
from tests.apply.showing import manifest, seen
from tests.kube.fake import FakeApiServer

A = Host("a.ns")
HOME = Place("ns", "a")


@pytest_asyncio.fixture
async def objects(server: FakeApiServer, tmp_path: Path) -> AsyncIterator[GlobalServiceObjects]:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(server.kubeconfig()))
    client = Client(Access(path=path))
    yield GlobalServiceObjects(client, "east")
    await client.close()


def found(server: FakeApiServer, place: Place = HOME) -> dict[str, Any]:
    stored = server.get(NAME, place.name, place.namespace)
    assert stored is not None
    return stored


async def create(objects: GlobalServiceObjects, place: Place = HOME, host: Host = A) -> Seen:
    made = await objects.take(Create(place, host))
    assert made is not None
    return made


async def test_one_at_home_has_our_mark_and_nothing_else(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    made = await create(objects)
    assert (made.place, made.host, made.is_disposable) == (HOME, A, True)
    assert found(server)["metadata"]["labels"] == {
        "globaldns.io/owned-by": "east",
        "globaldns.io/blank": "true",
    }
    assert "annotations" not in found(server)["metadata"]
    assert "spec" not in found(server)


async def test_one_elsewhere_says_which_host_it_is_about(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    place = Place("globaldns", "a-far-1")
    made = await create(objects, place, Host("a.far"))
    assert (made.host, made.is_elsewhere) == ("a.far", True)
    assert found(server, place)["metadata"]["annotations"] == {"globaldns.io/host": "a.far"}


async def test_what_a_person_made_in_the_same_moment_does_not_get_our_mark(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    server.put(manifest("a"))
    with pytest.raises(ApiRefused) as refused:
        await create(objects)
    assert refused.value.status == 409
    assert "labels" not in found(server)["metadata"]


async def test_a_status_is_written_beside_what_others_wrote(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    spec = {"pins": ["240.0.0.5"]}
    server.put(manifest("a", spec=spec, status={"theirs": True}))
    version = int(found(server)["metadata"]["resourceVersion"])
    written = await objects.take(Write(seen("a", version=version), Status(host="a.ns.global")))
    assert written is not None
    assert b"a.ns.global" in written.status
    assert found(server)["status"] == {"theirs": True, "host": "a.ns.global"}
    assert found(server)["spec"] == spec
    await objects.take(Write(written, Status(vip="240.0.0.5")))
    assert found(server)["status"] == {"theirs": True, "vip": "240.0.0.5"}


async def test_a_status_that_goes_on_from_another_one_than_stands_there_is_refused(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    """As of a leader who was halted, and does not know yet that another one writes."""
    made = await create(objects)
    await objects.take(Write(made, Status(host="a.ns.global", vip="240.0.0.6")))
    with pytest.raises(ApiRefused) as refused:
        await objects.take(Write(made, Status(host="a.ns.global", vip="240.0.0.5")))
    assert refused.value.status == 409
    assert found(server)["status"] == {"host": "a.ns.global", "vip": "240.0.0.6"}


async def test_what_is_blank_no_more_says_so_and_keeps_all_else(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    made = await create(objects)
    assert made.is_blank
    server.put({**found(server), "spec": {"pins": ["240.0.0.5"]}})
    with pytest.raises(ApiRefused) as refused:
        await objects.take(Show(made))
    assert refused.value.status == 409
    version = int(found(server)["metadata"]["resourceVersion"])
    shown = await objects.take(Show(seen("a", mark="east", version=version)))
    assert shown is not None
    assert (shown.is_blank, shown.is_ours, shown.has_spec) == (False, True, True)
    assert found(server)["metadata"]["labels"] == {"globaldns.io/owned-by": "east"}
    assert found(server)["spec"] == {"pins": ["240.0.0.5"]}


async def test_only_what_nobody_has_changed_is_deleted(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    made = await create(objects)
    server.put({**found(server), "spec": {"pins": []}})
    with pytest.raises(ApiRefused) as refused:
        await objects.take(Delete(made))
    assert refused.value.status == 409
    server.delete(NAME, "a", "ns")
    again = await create(objects)
    assert await objects.take(Delete(again)) is None
    assert server.get(NAME, "a", "ns") is None
    assert await objects.take(Delete(again)) is None


async def test_a_status_of_what_is_gone_creates_nothing(
    objects: GlobalServiceObjects, server: FakeApiServer
) -> None:
    with pytest.raises(ApiRefused) as refused:
        await objects.take(Write(seen("a"), Status()))
    assert refused.value.status == 404
    assert server.objects(NAME) == []
