from __future__ import annotations

import asyncio

import pytest

from globaldns.errors import LedgerError
from globaldns.ledger.repairing import Repair
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shelf import Shelf
from globaldns.objects.own import LedgerRole
from tests.ledger.replicas import eventually
from tests.ledger.shelves import claim, held, hosts_of

FIRST_SHARD, SECOND_SHARD = (ShardId(LedgerRole.OWN, "east", number) for number in (1, 2))


class Writer:
    """Writes shards; those in ``refused`` it may not."""

    def __init__(self) -> None:
        self.written: list[ShardId] = []
        self.refused: set[ShardId] = set()
        self.is_allowed = True

    def guard(self) -> None:
        if not self.is_allowed:
            raise LedgerError("another replica writes it")

    async def write(self, shard: ShardId) -> None:
        if shard in self.refused:
            raise LedgerError(f"{shard.name} is refused")
        self.written.append(shard)


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def shelf() -> Shelf:
    """A shelf whose two shards are lost."""
    shelf = Shelf()
    for number in (1, 2):
        shelf.see(held([claim(hosts_of(number, 1)[0])], 1, number=number), is_listing=True)
    shelf.read_all()
    for shard in (FIRST_SHARD, SECOND_SHARD):
        shelf.lose(shard.name)
    assert shelf.broken == {FIRST_SHARD.name, SECOND_SHARD.name}
    return shelf


async def test_all_that_is_broken_is_written_and_is_broken_no_more(
    writer: Writer, shelf: Shelf
) -> None:
    await Repair(shelf, writer.guard, writer.write).mend()
    assert writer.written == [FIRST_SHARD, SECOND_SHARD]
    assert not shelf.broken


async def test_what_cannot_be_written_stays_broken_and_is_told_once_and_keeps_nothing_else(
    writer: Writer, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    writer.refused = {FIRST_SHARD}
    repair = Repair(shelf, writer.guard, writer.write)
    for _ in range(2):
        with pytest.raises(LedgerError, match="own-001 is refused"):
            await repair.mend()
    assert writer.written == [SECOND_SHARD]
    assert shelf.broken == {FIRST_SHARD.name}
    assert caplog.text.count("the ledger is not whole yet") == 1


async def test_who_may_not_write_tries_again(
    impatient: None,  # noqa: ARG001
    writer: Writer,
    shelf: Shelf,
    caplog: pytest.LogCaptureFixture,
) -> None:
    repair = Repair(shelf, writer.guard, writer.write)
    writer.is_allowed = False
    task = asyncio.create_task(repair.run())
    for _ in range(5):
        repair.note()
        await asyncio.sleep(0.015)
    assert not writer.written
    writer.is_allowed = True
    await eventually(lambda: not shelf.broken)
    assert caplog.text.count("the ledger has lost claims") == 1
    task.cancel()


async def test_nothing_is_said_where_nothing_is_lost(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    Repair(Shelf(), writer.guard, writer.write).note()
    assert not caplog.text
