"""Other clusters' ledgers, copied into a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from globaldns.app.copying import LedgerCopier
from globaldns.app.writing import LedgerThread
from globaldns.errors import LedgerError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Marker
from globaldns.model.view import ClaimSet
from tests.app.meshes import break_ledger, until, until_it_says
from tests.registry.mesh import claim, ledger

FIRST = ledger("west", claim("a.ns", "240.128.0.1", 1, "west"))
SECOND = ledger("west", claim("a.ns", "240.128.0.2", 2, "west"))


class Desk:
    """A ledger that gets copies, and what the other clusters say."""

    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger.create(path, cluster="east", marker=Marker("m", 0))
        self.thread = LedgerThread(self.ledger, lambda: None)
        self.said: dict[str, ClaimSet] = {}
        self.copier = LedgerCopier(self.thread, lambda: self.said, self.ledger.copies())

    def say(self, said: ClaimSet) -> None:
        self.said = {"west": said}
        self.copier.look()

    async def has(self, said: ClaimSet) -> None:
        """Wait until the copy is this."""

        async def is_there() -> bool:
            return await self.thread.run(self.ledger.copies) == {"west": said}

        await until_it_says(is_there)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.thread.close()


async def test_what_is_said_is_copied_and_what_is_the_same_is_not_written(desk: Desk) -> None:
    desk.said = {"west": FIRST, "flat": ledger("flat")}
    await desk.copier.copy()
    assert desk.ledger.copies() == desk.said
    mend = break_ledger(desk.ledger)
    await desk.copier.copy()
    desk.said["west"] = SECOND
    with pytest.raises(LedgerError):
        await desk.copier.copy()
    mend()
    await desk.copier.copy()
    assert desk.ledger.copies() == desk.said


async def test_a_new_run_begins_with_the_copies_of_the_last(desk: Desk) -> None:
    desk.said = {"west": FIRST}
    await desk.copier.copy()
    copies = desk.ledger.copies()
    again = LedgerCopier(desk.thread, lambda: {"west": copies["west"]}, copies)
    break_ledger(desk.ledger)
    await again.copy()


async def test_it_writes_when_it_looks_and_again_when_that_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("globaldns.app.copying.RETRY_SECONDS", 0.01)
    running = asyncio.create_task(desk.copier.run())
    desk.say(FIRST)
    await desk.has(FIRST)
    mend = break_ledger(desk.ledger)
    desk.say(SECOND)
    await until(lambda: "is not copied" in caplog.text)
    mend()
    await desk.has(SECOND)
    running.cancel()
