"""Claims on their way into a real ledger."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from globaldns.app.writing import MOST, LedgerThread
from globaldns.errors import LedgerError, StateError
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.host import Host
from tests.app.desks import Desk
from tests.app.meshes import break_ledger, give_way, run_leaping, until
from tests.registry.mesh import claim

FIRST = claim("a.ns", "240.128.0.1", 1)
SECOND = claim("b.ns", "240.128.0.2", 1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.thread.close()
    assert desk.premature == set()


async def test_a_claim_is_acknowledged_when_the_ledger_has_it(desk: Desk) -> None:
    desk.add(FIRST, SECOND)
    async with desk.running():
        desk.writer.wake()
        await until(lambda: bool(desk.acknowledged))
    assert desk.acknowledged == [FIRST, SECOND]
    assert desk.ledger.claims() == (FIRST, SECOND)
    assert len(desk.durations) == 1


async def test_nothing_is_acknowledged_while_it_is_being_written(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running(), desk.busy():
        desk.writer.wake()
        await give_way()
        assert desk.acknowledged == []


async def test_nothing_is_written_until_it_is_woken(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running():
        await give_way()
        assert await desk.thread.run(desk.ledger.claims) == ()


def numbered(host: str, number: int) -> Claim:
    return Claim(Host(host), Address(number.to_bytes(4)), 1, "east", ClaimKind.GIVEN)


async def test_many_claims_are_written_and_acknowledged_in_parts(desk: Desk) -> None:
    desk.add(*(numbered(f"h{n:05}.ns", n) for n in range(MOST + 1)))
    async with desk.running():
        await desk.writer.flush()
    assert desk.batches == [MOST, 1]
    assert len(desk.durations) == 2


async def test_what_takes_a_vip_and_what_is_given_for_it_are_written_together(desk: Desk) -> None:
    many = [numbered(f"h{n:05}.ns", n) for n in range(MOST)]
    loser = numbered("zz.ns", MOST)
    pin = Claim(Host("aa.ns"), loser.vip, 1, "east", ClaimKind.PINNED)
    desk.add(pin, *many, loser.retire(2, "collision"), numbered("zz.ns", MOST + 1))
    async with desk.running():
        await desk.writer.flush()
    assert desk.batches == [MOST, 3]
    assert [one.host for one in desk.acknowledged[:3]] == ["aa.ns", "zz.ns", "zz.ns"]


async def test_a_host_is_written_whole(desk: Desk) -> None:
    many = [numbered(f"h{n:05}.ns", n) for n in range(MOST)]
    desk.add(*many, numbered(many[-1].host, MOST))
    async with desk.running():
        await desk.writer.flush()
    assert desk.batches == [MOST + 1]


async def test_copies_are_made_after_what_is_to_be_acknowledged_is_written(desk: Desk) -> None:
    desk.add(FIRST, SECOND)
    async with desk.running():
        desk.writer.wake()
        await until(lambda: desk.copied == [2])
        desk.writer.wake()
        await until(lambda: desk.copied == [2, 2])


async def test_what_is_copied_is_what_was_said_when_the_claims_to_be_written_were_pending(
    desk: Desk,
) -> None:
    async with desk.running():
        async with desk.busy():
            desk.add(FIRST)
            desk.writer.wake()
            await give_way()
            assert desk.begun == [(FIRST,)]
            desk.add(SECOND)
        await until(lambda: bool(desk.copied))
        assert (desk.begun, desk.copied) == ([(FIRST,)], [1])


def test_copies_that_fail_are_told_and_made_when_they_can_be(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.copy_errors = [LedgerError("full"), LedgerError("full")]

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: desk.copied == [0])

    run_leaping(test)
    assert (len(desk.stopped), len(desk.failures)) == (2, 2)
    assert "full" in caplog.records[0].__dict__["reason"]


async def test_a_flush_of_nothing_returns_at_once(desk: Desk) -> None:
    await desk.writer.flush()


async def test_a_flush_returns_when_all_is_written(desk: Desk) -> None:
    desk.add(FIRST, SECOND)
    async with desk.running():
        await desk.writer.flush()
        assert desk.acknowledged == [FIRST, SECOND]


async def test_a_flush_during_a_write_waits_for_what_that_write_leaves_out(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running(), asyncio.TaskGroup() as tasks:
        async with desk.busy():
            first = tasks.create_task(desk.writer.flush())
            await give_way()
            desk.add(SECOND)
            second = tasks.create_task(desk.writer.flush())
            await asyncio.sleep(0)
        await first
        assert FIRST in desk.acknowledged
        await second
        assert desk.acknowledged == [FIRST, SECOND]


async def test_a_flush_that_nobody_waits_for_any_more_harms_nobody(desk: Desk) -> None:
    desk.add(FIRST)
    async with desk.running():
        async with desk.busy():
            given_up = asyncio.create_task(desk.writer.flush())
            await give_way()
            given_up.cancel()
        await until(lambda: desk.acknowledged == [FIRST])
        desk.add(SECOND)
        await desk.writer.flush()


def test_a_ledger_that_fails_is_told_and_written_when_it_can_be(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mend = break_ledger(desk.ledger)
    desk.add(FIRST)

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: len(desk.stopped) == 3)
            assert desk.acknowledged == []
            await desk.thread.run(mend)
            await until(lambda: desk.copied == [1])

    run_leaping(test)
    assert desk.ledger.claims() == (FIRST,)
    assert desk.stopped == [f"the ledger cannot be written: {told_first(caplog)}"] * 3
    assert desk.resumed == 1
    *failures, success = caplog.records
    assert {record.levelno for record in failures} == {logging.ERROR}
    told = failures[0].__dict__
    assert "readonly" in told["reason"]
    assert "writable" in told["fix"]
    assert (told["claims"], told["retry_seconds"] > 0) == (1, True)
    assert success.message == "the ledger is written again"


def told_first(caplog: pytest.LogCaptureFixture) -> object:
    """Return the reason in the first line of the log."""
    return caplog.records[0].__dict__["reason"]


def test_retries_become_rarer(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    break_ledger(desk.ledger)
    desk.add(FIRST)

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: len(desk.stopped) == 12, every=0.5)

    run_leaping(test)
    waits = [record.__dict__["retry_seconds"] for record in caplog.records]
    assert 0.2 <= waits[0] <= 0.5
    assert all(15.0 <= wait <= 30.0 for wait in waits[7:])


def test_every_flush_fails_with_a_write_since_nothing_is_pending_after_it(desk: Desk) -> None:
    break_ledger(desk.ledger)
    desk.add(FIRST)

    async def test() -> None:
        async with desk.running():
            async with desk.busy():
                desk.writer.wake()
                await give_way()
                desk.add(SECOND)
                flush = asyncio.create_task(desk.writer.flush())
                await give_way()
            with pytest.raises(LedgerError, match="readonly"):
                await flush
            assert desk.unwritten.everything() == ()

    run_leaping(test)


async def test_a_flush_does_not_wait_for_copies(desk: Desk) -> None:
    desk.copy_errors = [LedgerError("full")]
    desk.add(FIRST)
    async with desk.running():
        await desk.writer.flush()
    assert desk.acknowledged == [FIRST]


def test_nothing_is_decided_anew_until_something_small_could_be_written(desk: Desk) -> None:
    mend = break_ledger(desk.ledger)
    desk.add(FIRST)

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: len(desk.stopped) == 4)
            assert desk.resumed == 0
            assert "readonly" in desk.writer.failure
            await desk.thread.run(mend)
            await until(lambda: desk.resumed == 1)
            await until(lambda: desk.acknowledged == [FIRST])
            assert desk.writer.failure == ""

    run_leaping(test)


def test_a_ledger_that_takes_small_writes_only_is_not_tried_faster_and_faster(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.copy_errors = [LedgerError("full") for _ in range(12)]

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: len(desk.stopped) == 12, every=0.5)

    run_leaping(test)
    assert desk.resumed == 11
    waits = [record.__dict__["retry_seconds"] for record in caplog.records]
    assert all(15.0 <= wait <= 30.0 for wait in waits[7:])


def test_what_comes_while_it_waits_to_retry_is_written_with_the_rest(desk: Desk) -> None:
    mend = break_ledger(desk.ledger)
    desk.add(FIRST)

    async def test() -> None:
        async with desk.running():
            desk.writer.wake()
            await until(lambda: len(desk.stopped) == 1)
            desk.add(SECOND)
            await desk.thread.run(mend)
            await desk.writer.flush()

    run_leaping(test)
    assert desk.acknowledged == [FIRST, SECOND]


@pytest.mark.parametrize("is_under_way", [True, False], ids=["present", "next"])
async def test_when_it_ends_whoever_waits_for_a_write_is_told(
    is_under_way: bool,  # noqa: FBT001
    desk: Desk,
) -> None:
    desk.add(FIRST)
    async with desk.busy():
        running = asyncio.create_task(desk.writer.run())
        if not is_under_way:
            desk.writer.wake()
            await give_way()
        waiting = asyncio.create_task(desk.writer.flush())
        await give_way()
        running.cancel()
        with pytest.raises(LedgerError, match="the server stops"):
            async with asyncio.timeout(2):
                await waiting


async def test_calls_are_made_one_after_the_other_in_one_thread(desk: Desk) -> None:
    order: list[int] = []
    threads = set()

    def call(number: int, *, wait: threading.Event) -> int:
        wait.wait()
        order.append(number)
        threads.add(threading.get_ident())
        return number

    gate, open_gate = threading.Event(), threading.Event()
    open_gate.set()
    async with asyncio.TaskGroup() as tasks:
        calls = [
            tasks.create_task(desk.thread.run(call, number, wait=wait))
            for number, wait in enumerate((gate, open_gate, open_gate))
        ]
        await asyncio.sleep(0)
        gate.set()
    assert [one.result() for one in calls] == order == [0, 1, 2]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_closing_waits_for_what_was_begun(tmp_path: Path) -> None:
    ledger = SqliteLedger.create(tmp_path / "other.db", cluster="east", marker=Marker("m", 0))
    thread = LedgerThread(ledger, lambda: None)
    writing = asyncio.create_task(thread.run(ledger.write, [FIRST]))
    await asyncio.sleep(0)
    thread.close()
    await writing
    with SqliteLedger.open_reading(tmp_path / "other.db", is_held=False) as found:
        assert found.claims() == (FIRST,)
    with pytest.raises(LedgerError, match="closed"):
        ledger.claims()


def test_it_looks_after_the_ledger_though_nothing_is_to_be_written(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    away = desk.ledger.path.with_name("away.db")

    async def test() -> None:
        async with desk.running():
            await give_way()
            desk.ledger.path.rename(away)
            await until(lambda: len(desk.stopped) > 0, every=0.5)
            desk.add(FIRST)
            await until(lambda: len(desk.stopped) > 2, every=0.5)
            assert (desk.acknowledged, desk.failures) == ([], [desk.writer.failure] * 3)
            away.rename(desk.ledger.path)
            await until(lambda: desk.acknowledged == [FIRST], every=0.5)
            await give_way()
            assert desk.writer.failure == ""

    run_leaping(test)
    assert "removed or replaced" in caplog.records[0].__dict__["reason"]


async def test_nothing_is_written_once_the_state_directory_is_not_held(desk: Desk) -> None:
    def guard() -> None:
        raise StateError("the lock was removed", hint="put it back")

    thread = LedgerThread(desk.ledger, guard)
    with pytest.raises(LedgerError, match="the lock was removed") as caught:
        await thread.write([FIRST])
    assert caught.value.hint == "put it back"
    assert desk.ledger.claims() == ()
