"""What is done now and then: a backup a day, what may be forgotten, the query log's lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from globaldns.app.housekeeping import (
    LOOK_SECONDS,
    keep_ledger,
    keep_ledger_once,
)
from globaldns.app.pace import Pace
from globaldns.app.writing import LedgerThread
from globaldns.errors import LedgerError, StateError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim, Marker, parse_claims
from globaldns.state import StateDirectory
from tests.app.meshes import START, Turning, block, break_ledger, run_leaping, until
from tests.registry.mesh import claim, export, ledger, reset

DAY = 86400
LIVE = claim("a.ns", "240.128.0.7", START - 1000 * DAY)
RECENT = claim("b.ns", "240.128.0.8", START - 1000 * DAY, retired_at=START - DAY)
ANCIENT = claim("c.ns", "240.128.0.9", START - 1000 * DAY, retired_at=START - 400 * DAY)
TODAY = "backups/ledger-2026-01-02.claims"
TOMORROW = "backups/ledger-2026-01-03.claims"


class House:
    """A mesh that is numbered, and its ledger."""

    def __init__(self, turning: Turning, state: StateDirectory, file: SqliteLedger) -> None:
        turning.hands.wall = START
        self.turning = turning
        self.mesh = turning.mesh
        self.mesh.clock = turning.hands.clock()
        self.state = state
        self.ledger = file
        self.thread = LedgerThread(file, state.check_lock)

    def settle(self) -> None:
        self.mesh.offer([reset("east", export("a.ns")), reset("west")], 0.0)
        self.mesh.take_turn()
        self.mesh.acknowledge(self.turning.registry.unwritten)

    async def keep(self) -> None:
        await keep_ledger_once(self.mesh, self.thread, self.state, Pace())

    def backup(self, name: str) -> set[Claim] | None:
        text = self.state.read(name)
        return None if text is None else set(parse_claims(text.decode()))


@pytest.fixture
def house(
    turning: Callable[..., Turning], state: StateDirectory, tmp_path: Path
) -> Iterator[House]:
    file = SqliteLedger.create(tmp_path / "ledger.db", cluster="east", marker=Marker("m", 0))
    file.write([LIVE, RECENT, ANCIENT])
    house = House(turning(claims=file.claims()), state, file)
    yield house
    house.thread.close()


async def test_the_backup_is_the_whole_ledger(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.settle()
    await house.keep()
    assert house.backup(TODAY) == {LIVE, RECENT, ANCIENT}
    (record,) = (one for one in caplog.records if one.message == "the ledger is backed up")
    told = record.__dict__
    assert (told["file"], told["claims"], told["forgotten"]) == (
        str(house.state.path / TODAY),
        3,
        1,
    )


async def test_once_it_is_backed_up_what_nothing_needs_is_forgotten(house: House) -> None:
    house.settle()
    await house.keep()
    assert house.ledger.claims() == (LIVE, RECENT)
    assert set(house.turning.registry.claims) == {LIVE, RECENT}


async def test_a_backup_is_due_once_a_day(house: House) -> None:
    house.settle()
    await house.keep()
    await house.keep()
    assert house.backup(TODAY) == {LIVE, RECENT, ANCIENT}
    assert house.backup(TOMORROW) is None
    house.turning.hands.advance(DAY)
    await house.keep()
    assert house.backup(TOMORROW) == {LIVE, RECENT}


async def test_what_the_ledger_does_not_have_yet_is_not_in_its_backup(house: House) -> None:
    house.settle()
    house.mesh.offer([reset("east", export("a.ns"), export("new.ns"))], 0.0)
    house.mesh.take_turn()
    assert {one.host for one in house.turning.registry.unwritten} == {"new.ns"}
    await house.keep()
    assert house.backup(TODAY) == {LIVE, RECENT, ANCIENT}


async def test_what_stands_in_another_clusters_ledger_is_in_the_backup_too(house: House) -> None:
    theirs = claim("w.ns", "240.128.0.99", START - DAY, "west")
    house.settle()
    house.mesh.offer([reset("west", export("w.ns", "west"), ledger=ledger("west", theirs))], 0.0)
    house.mesh.take_turn()
    assert theirs in set(house.turning.registry.claims)
    await house.keep()
    assert house.backup(TODAY) == {LIVE, RECENT, ANCIENT, theirs}


async def test_without_a_backup_nothing_is_forgotten(house: House) -> None:
    house.settle()
    block(house.state.path)
    with pytest.raises(StateError):
        await house.keep()
    assert house.ledger.claims() == (LIVE, RECENT, ANCIENT)
    assert set(house.turning.registry.claims) == {LIVE, RECENT, ANCIENT}


async def test_nothing_is_backed_up_before_all_is_numbered(house: House) -> None:
    keeping = asyncio.create_task(keep_ledger(house.mesh, house.thread, house.state, Pace()))
    await asyncio.sleep(0)
    house.settle()
    house.mesh.offer([reset("east")], 0.0)
    house.mesh.take_turn()
    house.mesh.acknowledge(house.turning.registry.unwritten)
    await until(lambda: house.backup(TODAY) is not None)
    assert house.backup(TODAY) == {LIVE.retire(START, "withdrawn"), RECENT, ANCIENT}
    keeping.cancel()


def test_a_backup_that_fails_is_told_and_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.settle()
    unblock = block(house.state.path)
    caplog.clear()

    async def test() -> None:
        loop = asyncio.get_running_loop()
        keeping = asyncio.create_task(keep_ledger(house.mesh, house.thread, house.state, Pace()))
        await until(lambda: bool(caplog.records))
        failed = loop.time()
        unblock()
        await until(lambda: house.backup(TODAY) is not None, every=1)
        assert loop.time() - failed >= LOOK_SECONDS
        keeping.cancel()

    run_leaping(test)
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.ERROR, "the ledger is not backed up")
    assert str(house.state.path) in record.__dict__["reason"]
    assert "key state" in record.__dict__["fix"]


async def test_what_could_not_be_forgotten_is_forgotten_the_next_time(house: House) -> None:
    house.settle()
    mend = break_ledger(house.ledger)
    with pytest.raises(LedgerError):
        await house.keep()
    mend()
    house.turning.hands.advance(DAY)
    await house.keep()
    assert house.ledger.claims() == (LIVE, RECENT)


async def test_a_claim_whose_retirement_is_on_its_way_is_in_the_backup(house: House) -> None:
    house.settle()
    house.mesh.offer([reset("east")], 0.0)
    house.mesh.take_turn()
    await house.keep()
    assert LIVE.key in {one.key for one in house.backup(TODAY) or ()}


async def test_what_a_person_changed_is_backed_up_at_once(house: House) -> None:
    house.settle()
    keeping = asyncio.create_task(keep_ledger(house.mesh, house.thread, house.state, Pace()))
    await until(lambda: house.backup(TODAY) is not None)
    new = claim("new.ns", "240.128.0.77", START)
    await house.thread.write([new])
    house.turning.registry.import_claims([new], START)
    house.mesh.acknowledge([new])
    house.mesh.changed_by_hand.set()
    await until(lambda: "new.ns" in {one.host for one in house.backup(TODAY) or ()})
    keeping.cancel()
