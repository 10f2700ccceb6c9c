"""VIPLedger objects, one request each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.ledger import objects
from globaldns.ledger.objects import Held, LedgerObjects, Stranger, read_object
from globaldns.ledger.shards import ShardId
from globaldns.model.finding import Severity
from tests.kube.conftest import access
from tests.kube.fake import FakeApiServer
from tests.ledger.shelves import COPY, DEPUTY, FIRST, OWN, SECOND, claim, held, manifest

SHARD = ShardId(OWN, "east", 1)


@pytest_asyncio.fixture
async def ledger(fake: FakeApiServer) -> AsyncIterator[LedgerObjects]:
    client = Client(access(fake))
    yield LedgerObjects(client, "globaldns", "east")
    await client.close()


def changed(**parts: Any) -> bytes:
    plain = manifest(held([claim()], 5))
    plain["metadata"]["resourceVersion"] = "5"
    return json.dumps({**plain, **parts}).encode()


def test_an_object_is_read_as_it_stands() -> None:
    assert read_object(changed(), "east") == held([claim()], 5)
    for role, cluster in ((DEPUTY, "West_1"), (COPY, "a.b")):
        one = held([claim(cluster=cluster)], 7, role=role, cluster=cluster, number=1023)
        body = manifest(one)
        body["metadata"]["resourceVersion"] = "7"
        assert read_object(json.dumps(body).encode(), "east") == one


SPEC = manifest(held([], 5))["spec"]


def wrote(manager: str, part: str = "f:spec") -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": {part: {}}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"{}",
        changed(spec=None),
        changed(spec={**SPEC, "marker": None}),
        changed(spec={**SPEC, "marker": {"id": "m", "created": "yesterday"}}),
        changed(spec={**SPEC, "role": "king"}),
        changed(spec={**SPEC, "role": "deputy"}),
        changed(spec={**SPEC, "data": 5}),
        *(
            changed(metadata={"name": name, "resourceVersion": "5"})
            for name in ("own", "own-", "own-1", "own-0x1", "own-+01", "own-1_0", "own-00A")
        ),
        *(
            changed(metadata={"name": name, "resourceVersion": "5"})
            for name in ("own-fff", "own-400", "copy-001", "mine", "own--01", "own-0001")
        ),
    ],
)
def test_what_is_no_shard_is_a_stranger(data: bytes) -> None:
    assert isinstance(read_object(data, "east"), Stranger)


@pytest.mark.parametrize(
    ("parts", "name", "reason"),
    [
        ({"metadata": {"name": "mine"}}, "mine", "has a name that no part of a ledger has"),
        ({"spec": {**SPEC, "cluster": "west"}}, "own-001", "is the ledger of 'west', and we are"),
        ({"spec": {**SPEC, "role": "king"}}, "own-001", "cannot be read: Invalid enum value"),
    ],
)
def test_a_stranger_is_named_and_told_why_it_is_one(
    parts: dict[str, Any], name: str, reason: str
) -> None:
    found = read_object(changed(**parts), "east")
    assert isinstance(found, Stranger)
    assert (found.name, found.remark.severity) == (name, Severity.ERROR)
    assert found.remark.reason.startswith(reason)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, None),
        ({"labels": {}}, "has 'nobody' for its writer, not globaldns.io/owned-by: east"),
        ({"labels": {"globaldns.io/owned-by": "west"}}, "has 'west' for its writer"),
        ({"managedFields": [wrote("globaldns"), wrote("velero", "f:metadata")]}, None),
        (
            {"managedFields": [wrote("globaldns"), wrote("kubectl-edit"), wrote("a")]},
            "was written by a, kubectl-edit too",
        ),
    ],
    ids=["ours", "no mark", "another's mark", "metadata alone", "another hand"],
)
def test_a_shard_that_somebody_else_has_written_is_taken_and_told(
    metadata: dict[str, Any], reason: str | None
) -> None:
    plain = json.loads(changed())["metadata"]
    found = read_object(changed(metadata={**plain, **metadata}), "east")
    assert isinstance(found, Held)
    assert msgspec.structs.replace(found, remark=None) == held([claim()], 5)
    assert (found.remark is None) is (reason is None)
    assert found.remark is None or found.remark.reason.startswith(reason or "")


def test_a_part_of_another_clusters_ledger_is_named_after_that_cluster() -> None:
    one = manifest(held([], 5, role=COPY, cluster="west"))
    one["spec"]["cluster"] = "north"
    assert isinstance(read_object(json.dumps(one).encode(), "east"), Stranger)


@pytest.mark.parametrize(
    ("version", "age"), [("5", 5), ("", 0), ("x", 0), ("99999999999", 10**11 - 1)]
)
def test_an_age_is_a_number_that_grows(version: str, age: int) -> None:
    assert msgspec.structs.replace(held([], 1), version=version).age == age


async def test_what_is_written_is_read(fake: FakeApiServer, ledger: LedgerObjects) -> None:
    text = held([claim()], 0).text
    made = await ledger.create(SHARD, FIRST, text)
    assert await ledger.get(SHARD) == made
    assert [one async for one in ledger.list()] == [made]
    again = await ledger.replace(made, SECOND, "")
    assert (again.marker, again.text, again.age > made.age) == (SECOND, "", True)
    stored = fake.get("vipledgers", SHARD.name, "globaldns")
    assert stored is not None
    assert stored["metadata"]["labels"] == {"globaldns.io/owned-by": "east"}
    await ledger.delete(again)
    assert await ledger.get(SHARD) is None


async def test_many_are_listed_in_pages_and_strangers_among_them(
    fake: FakeApiServer, ledger: LedgerObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PAGE", 2)
    for number in range(5):
        fake.put(manifest(held([], 0, number=number)))
    stranger = manifest(held([], 0))
    fake.put({**stranger, "metadata": {"name": "mine", "namespace": "globaldns"}})
    fake.put({**stranger, "metadata": {"name": "own-001", "namespace": "other"}})
    found = [one async for one in ledger.list()]
    assert [one.id.number for one in found if isinstance(one, Held)] == [0, 1, 2, 3, 4]
    assert [one.name for one in found if isinstance(one, Stranger)] == ["mine"]
    assert fake.count("list") == 3


@pytest.mark.parametrize("verb", ["create", "replace", "delete"])
async def test_what_somebody_else_has_changed_is_not_written(
    fake: FakeApiServer, ledger: LedgerObjects, verb: str
) -> None:
    made = await ledger.create(SHARD, FIRST, "")
    fake.put(manifest(held([claim()], 0)))
    writes = {
        "create": lambda: ledger.create(SHARD, FIRST, ""),
        "replace": lambda: ledger.replace(made, FIRST, ""),
        "delete": lambda: ledger.delete(made),
    }
    with pytest.raises(ApiRefused) as refusal:
        await writes[verb]()
    assert refusal.value.status == 409
    stands = await ledger.get(SHARD)
    assert stands is not None
    assert stands.text


async def test_one_that_is_gone_is_deleted_but_not_replaced(
    fake: FakeApiServer, ledger: LedgerObjects
) -> None:
    made = await ledger.create(SHARD, FIRST, "")
    fake.delete("vipledgers", SHARD.name, "globaldns")
    await ledger.delete(made)
    with pytest.raises(ApiRefused) as refusal:
        await ledger.replace(made, FIRST, "")
    assert refusal.value.status == 404


@pytest.mark.parametrize("code", [403, 500])
async def test_what_is_refused_is_not_absent(
    fake: FakeApiServer, ledger: LedgerObjects, code: int
) -> None:
    fake.fail(code, times=3)
    with pytest.raises(ApiRefused):
        await ledger.get(SHARD)
    with pytest.raises(ApiRefused):
        [one async for one in ledger.list()]
    with pytest.raises(ApiRefused):
        await ledger.delete(held([], 5))


async def test_garbage_is_not_known_to_be_written(
    ledger: LedgerObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def garbage(*_: object, **__: object) -> bytes:
        return b"<html>"

    monkeypatch.setattr(ledger._client, "send", garbage)
    with pytest.raises(ApiError, match="an answer that is no object"):
        await ledger.create(SHARD, FIRST, "")
    with pytest.raises(ApiError, match="an answer that is no list"):
        [one async for one in ledger.list()]
    with pytest.raises(ApiError, match="an answer that is no object of that name"):
        await ledger.get(SHARD)
