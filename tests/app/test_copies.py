"""What a ledger keeps of others' claims, and what becomes of it where somebody deletes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from globaldns.model.view import Reset
from tests.app.meshes import until
from tests.app.replicas import NAMESPACE, Replica
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import NO_LEDGER, claim, export, ledger, reset
from tests.sources.reading import DEFINED

LEDGERS = "vipledgers.globaldns.io"
SAID = ledger("west", claim("w.ns", "240.128.0.50", 7, "west"))
KEEPS_LEDGER = reset("west", export("w.ns", "west"), ledger=SAID)
KEEPS_NONE = reset("west", export("w.ns", "west"), ledger=NO_LEDGER)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.add_namespace(NAMESPACE)
        yield running


def replica(server: FakeApiServer, tmp_path: Path, west: Reset, name: str = "one") -> Replica:
    found = Replica(server, tmp_path / name, name)
    found.say(reset("east", export("a.ns")), west)
    return found


def stored(server: FakeApiServer, role: str) -> dict[str, str]:
    """Return what stands in the objects of a role, by name."""
    return {
        one["metadata"]["name"]: one["spec"]["data"]
        for one in server.objects(LEDGERS)
        if one["spec"]["role"] == role
    }


@pytest.mark.parametrize(
    ("west", "role", "said"),
    [
        (KEEPS_LEDGER, "copy", 2),
        (reset("west", ledger=ledger("west")), "copy", 1),
        (KEEPS_NONE, "deputy", 1),
    ],
    ids=["copies", "an empty copy", "deputies"],
)
async def test_what_somebody_deletes_is_written_again_though_its_cluster_says_nothing_new(
    server: FakeApiServer, tmp_path: Path, west: Reset, role: str, said: int
) -> None:
    async with (
        replica(server, tmp_path, west).run() as one,
        replica(server, tmp_path, west, "two").run() as two,
    ):
        await until(lambda: len(stored(server, role)) == said)
        before = stored(server, role)
        for name in before:
            server.delete(LEDGERS, name, NAMESPACE)
        await until(lambda: stored(server, role) == before)
        leader = one if one.ledger.is_leader else two
        await until(lambda: not leader.ledger.torn)


async def test_a_copy_that_somebody_edits_is_what_its_cluster_says_again(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path, KEEPS_LEDGER).run():
        await until(lambda: len(stored(server, "copy")) == 2)
        before = stored(server, "copy")
        (full,) = [name for name, text in before.items() if text]
        (edited,) = [one for one in server.objects(LEDGERS) if one["metadata"]["name"] == full]
        server.put({**edited, "spec": {**edited["spec"], "data": ""}})
        await until(lambda: stored(server, "copy") == before)


async def test_a_copy_of_a_cluster_that_is_away_is_written_again_as_it_was(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path, KEEPS_LEDGER).run():
        await until(lambda: len(stored(server, "copy")) == 2)
    before = stored(server, "copy")
    deaf = Replica(server, tmp_path / "two", "two")
    deaf.say(reset("east", export("a.ns")))
    async with deaf.run() as two:
        await two.ledger.until_writable()
        for name in before:
            server.delete(LEDGERS, name, NAMESPACE)
        await until(lambda: stored(server, "copy") == before)


async def test_a_copy_that_was_deleted_between_two_runs_is_written_again_though_it_was_empty(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path, KEEPS_LEDGER).run():
        await until(lambda: len(stored(server, "copy")) == 2)
    before = stored(server, "copy")
    (empty,) = [name for name, text in before.items() if not text]
    server.delete(LEDGERS, empty, NAMESPACE)
    async with replica(server, tmp_path, KEEPS_LEDGER, "two").run():
        await until(lambda: stored(server, "copy") == before)


async def test_what_is_claimed_for_a_cluster_goes_once_it_has_a_ledger_of_its_own_again(
    server: FakeApiServer, tmp_path: Path
) -> None:
    one, two = (replica(server, tmp_path, KEEPS_LEDGER, name) for name in ("one", "two"))
    async with two.run():
        async with one.run():
            await until(lambda: len(stored(server, "copy")) == 2)
            for west in (KEEPS_NONE, KEEPS_LEDGER) * 2:
                is_kept = west is KEEPS_LEDGER
                one.say(west)
                two.say(west)
                await until(lambda: len(stored(server, "copy")) == (2 if is_kept else 0))  # noqa: B023
                await until(lambda: len(stored(server, "deputy")) == (0 if is_kept else 1))  # noqa: B023
        await until(lambda: two.ledger.is_leader)
        two.say(reset("east", export("a.ns"), export("b.ns")))
        await two.until_answered("a.ns", "b.ns", "w.ns")
        assert stored(server, "deputy") == {}


async def test_what_was_claimed_for_a_cluster_and_is_said_by_it_goes_with_the_next_copy(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path, KEEPS_LEDGER).run() as one:
        await until(lambda: len(stored(server, "copy")) == 2)
        await one.ledger.write(SAID.claims)
        assert len(stored(server, "deputy")) == 1
        more = (*SAID.claims, claim("x.ns", "240.128.0.51", 7, "west"))
        one.say(reset("west", export("w.ns", "west"), ledger=ledger("west", *more)))
        await until(lambda: stored(server, "deputy") == {})
