"""A writer whose ledger somebody else may write at the moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from globaldns.app.writing import LedgerThread
from globaldns.errors import LedgerError
from tests.app.desks import Desk
from tests.app.meshes import give_way, until
from tests.registry.mesh import claim

FIRST = claim("a.ns", "240.128.0.1", 1)


class Shared(LedgerThread):
    """A ledger that others write while it has a reason for us to rest."""

    rest_reason = "another replica writes: two"
    office: asyncio.Event

    async def until_writable(self) -> None:
        await self.office.wait()

    def enter(self) -> None:
        self.rest_reason = ""
        self.office.set()

    def leave(self) -> None:
        self.rest_reason = "another replica writes: two"
        self.office.clear()


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    desk.thread.__class__ = Shared
    desk.thread.office = asyncio.Event()  # type: ignore[attr-defined]
    yield desk
    desk.thread.close()


def shared(desk: Desk) -> Shared:
    assert isinstance(desk.thread, Shared)
    return desk.thread


async def test_while_another_writes_nothing_is_decided_or_written(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running():
        desk.writer.wake()
        await until(lambda: bool(desk.stopped))
        await give_way()
        assert desk.stopped == ["another replica writes: two"]
        assert (desk.acknowledged, desk.failures, desk.writer.failure) == ([], [], "")
        assert desk.ledger.claims() == ()


async def test_what_waits_for_a_write_is_told_who_writes(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running():
        with pytest.raises(LedgerError, match="another replica writes: two") as refused:
            await desk.writer.flush()
        assert refused.value.hint == "ask the replica that writes"


async def test_what_was_put_off_is_decided_and_written_once_it_may_be(desk: Desk) -> None:
    async with desk.running():
        desk.writer.wake()
        await until(lambda: bool(desk.stopped))
        desk.put_off.append(FIRST)
        shared(desk).enter()
        desk.writer.wake()
        await until(lambda: desk.acknowledged == [FIRST])
        assert desk.resumed == 1


async def test_a_term_that_ends_is_a_rest_and_no_failure(desk: Desk) -> None:
    shared(desk).enter()
    async with desk.running():
        desk.add(FIRST)
        await desk.writer.flush()
        shared(desk).leave()
        desk.writer.wake()
        await until(lambda: len(desk.stopped) == 1)
        shared(desk).enter()
        desk.add(second := claim("b.ns", "240.128.0.2", 1))
        desk.writer.wake()
        await until(lambda: second in desk.acknowledged)
        assert desk.failures == []
