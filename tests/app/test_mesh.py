"""Turns: what they take in, when they settle, and what waits for the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from globaldns.app.mesh import EXCUSED_SECONDS, GATHER_SECONDS, HEARTBEAT_SECONDS
from globaldns.model.claim import Claim
from globaldns.model.export import Port, Resolution
from globaldns.model.host import Host
from globaldns.model.lost import LostRules
from globaldns.model.service import ServiceState
from globaldns.model.snapshot import Answering, to_entry
from globaldns.model.view import Change, Freshness, Put, SetFreshness, SourceState
from tests.app.meshes import Turning, run_leaping, until
from tests.registry.mesh import QUARANTINE, both, claim, export, reset, settings, vip

A, B, C = Host("a.ns"), Host("b.ns"), Host("c.ns")
YEAR = 365 * 86400
KNOWN = (claim(A, "240.128.0.7", 1), claim(B, "240.128.0.8", 1))
Make = Callable[..., Turning]


def read(*hosts: str) -> list[Change]:
    """East has some hosts, and west none."""
    return [reset("east", *map(export, hosts), contact=10), reset("west", contact=10)]


def changed(host: str, port: int = 81) -> Put:
    """East's export has another port."""
    return Put(export(host, ports=(Port(port, "http", "HTTP"),)))


def acknowledge(turning: Turning) -> tuple[Claim, ...]:
    """Let the ledger have what it was to get."""
    claims = turning.registry.unwritten
    turning.mesh.acknowledge(claims)
    return claims


def unsettled(mesh: Turning, *hosts: str) -> Turning:
    """Read east before all was heard."""
    mesh.may_settle = False
    mesh.mesh.offer(read(*hosts), 1.0)
    mesh.mesh.take_turn()
    return mesh


@pytest.fixture
def settled(turning: Make) -> Turning:
    """A mesh whose host a.ns is numbered and written."""
    settled = turning()
    settled.mesh.offer(read(A), 1.0)
    settled.mesh.take_turn()
    acknowledge(settled)
    settled.told.clear()
    return settled


def test_what_came_since_the_last_turn_goes_out_together(turning: Make) -> None:
    mesh = turning(claims=KNOWN)
    mesh.mesh.offer(read(A, B), 1.0)
    mesh.mesh.take_turn()
    before = mesh.scribe.serial or 0
    for host in (A, B):
        mesh.mesh.offer([changed(host)], 1.0)
    mesh.mesh.take_turn()
    assert mesh.scribe.serial == before + 1
    assert [mesh.answers()[host].ports[0].number for host in (A, B)] == [81, 81]


def test_a_change_is_taken_in_once(settled: Turning) -> None:
    settled.mesh.take_turn()
    serial = settled.scribe.serial
    settled.mesh.take_turn()
    assert settled.scribe.serial == serial
    assert settled.told == []


def test_nothing_is_numbered_before_it_may_settle(turning: Make) -> None:
    mesh = unsettled(turning(), A)
    assert not mesh.registry.is_settled
    assert (mesh.registry.unwritten, mesh.writes, mesh.measured) == ((), 0, [])
    mesh.may_settle = True
    mesh.mesh.take_turn()
    assert mesh.registry.is_settled
    assert {one.host for one in mesh.registry.unwritten} == {A}
    assert mesh.writes == 1


def test_it_settles_once(settled: Turning) -> None:
    settled.may_settle = False
    settled.mesh.take_turn()
    assert settled.registry.is_settled
    assert settled.told == []


def test_a_host_is_answered_when_the_ledger_has_its_number(turning: Make) -> None:
    mesh = turning()
    mesh.mesh.offer(read(A), 1.0)
    mesh.mesh.take_turn()
    assert mesh.answers() == {}
    (written,) = acknowledge(mesh)
    assert mesh.answers()[A].vips == (written.vip,)


def test_what_was_answered_and_is_gone_ends_when_it_settles(turning: Make) -> None:
    former = turning(claims=KNOWN)
    former.mesh.offer(read(A, B), 1.0)
    former.mesh.take_turn()
    last = tuple(former.scribe.entries())
    mesh = turning(claims=KNOWN, last=last)
    mesh.may_settle = False
    mesh.mesh.offer([reset("east", export(A), contact=10)], 1.0)
    mesh.mesh.take_turn()
    assert set(mesh.answers()) == {A, B}
    mesh.may_settle = True
    mesh.mesh.take_turn()
    acknowledge(mesh)  # that b.ns is retired
    assert set(mesh.answers()) == {A}


def test_numbered_waits_for_the_ledger(turning: Make) -> None:
    mesh = turning()
    mesh.mesh.offer(read(A), 1.0)
    mesh.mesh.take_turn()
    assert not mesh.mesh.numbered.is_set()
    acknowledge(mesh)
    assert mesh.mesh.numbered.is_set()


def test_numbered_waits_for_all_of_it(turning: Make) -> None:
    mesh = turning()
    mesh.mesh.offer(read(A, B), 1.0)
    mesh.mesh.take_turn()
    first, second = mesh.registry.unwritten
    mesh.mesh.acknowledge([first])
    assert not mesh.mesh.numbered.is_set()
    mesh.mesh.acknowledge([second])
    assert mesh.mesh.numbered.is_set()


def test_numbered_does_not_wait_where_nothing_is_to_be_written(turning: Make) -> None:
    mesh = unsettled(turning(claims=KNOWN), A, B)
    assert not mesh.mesh.numbered.is_set()
    mesh.may_settle = True
    mesh.mesh.take_turn()
    assert mesh.mesh.numbered.is_set()


def test_numbered_does_not_wait_for_a_ledger_that_cannot_be_written(turning: Make) -> None:
    mesh = unsettled(turning(), A)
    mesh.mesh.stop_writing("disk full")
    assert not mesh.mesh.numbered.is_set()
    mesh.may_settle = True
    mesh.mesh.take_turn()
    assert mesh.mesh.numbered.is_set()
    assert mesh.answers()[A].answering is Answering.FAILURE
    mesh.mesh.resume_writing()
    acknowledge(mesh)
    assert mesh.answers()[A].answering is Answering.DATA


def test_a_change_is_measured_from_when_the_first_of_its_cluster_came(turning: Make) -> None:
    mesh = turning()
    mesh.mesh.offer(read(A), 5.0)
    mesh.mesh.offer([reset("east", export(A), export(B), contact=10)], 6.0)
    mesh.mesh.take_turn()
    assert mesh.measured == []
    acknowledge(mesh)
    assert mesh.measured == [("east", 5.0), ("west", 5.0)]
    mesh.measured.clear()
    mesh.mesh.offer([reset("west", contact=10)], 9.0)
    mesh.mesh.take_turn()
    assert mesh.measured == [("west", 9.0)]


def test_every_turn_confirms_the_zones(turning: Make) -> None:
    mesh = turning()
    for turn in range(1, 4):
        mesh.mesh.take_turn()
        assert mesh.confirmed == turn


def test_everybody_is_told_what_a_turn_has_changed(turning: Make) -> None:
    mesh = turning(claims=KNOWN)
    mesh.mesh.offer(read(A), 1.0)
    mesh.mesh.take_turn()
    assert {one.host for delta in mesh.told for one in delta.services} == {A}


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_while_the_clock_jumps_nothing_is_numbered_and_all_is_answered(
    jump: int, settled: Turning, caplog: pytest.LogCaptureFixture
) -> None:
    before = settled.answers()
    settled.hands.wall += jump
    settled.mesh.offer(read(A, C), 1.0)
    settled.mesh.take_turn()
    settled.mesh.take_turn()
    assert settled.registry.unwritten == ()
    assert settled.answers()[A] == before[A]
    assert settled.answers()[C].answering is Answering.FAILURE
    reason = settled.registry.pause_reason or ""
    assert "the clock was set" in reason
    (record,) = caplog.records
    assert (record.levelno, record.__dict__["reason"]) == (logging.ERROR, reason)


def test_a_clock_that_is_right_again_has_it_numbered_without_a_change(settled: Turning) -> None:
    settled.hands.wall += YEAR
    settled.mesh.offer(read(A, C), 1.0)
    settled.mesh.take_turn()
    settled.hands.advance(5)
    settled.hands.wall -= YEAR
    settled.mesh.take_turn()
    assert settled.registry.pause_reason is None
    (new,) = acknowledge(settled)
    assert (new.host, new.allocated_at) == (C, settled.hands.wall)
    assert settled.answers()[C].vips == (new.vip,)


def test_what_time_alone_changes_is_done_without_a_change(settled: Turning) -> None:
    settled.mesh.offer(read(), 1.0)
    settled.mesh.take_turn()
    acknowledge(settled)
    assert [pool.resting for pool in settled.registry.usage()] == [1]
    settled.hands.advance(QUARANTINE)
    settled.mesh.take_turn()
    assert [pool.resting for pool in settled.registry.usage()] == [0]


def test_what_time_alone_changes_is_done_however_late_it_is_looked_at(settled: Turning) -> None:
    settled.mesh.offer([SetFreshness(Freshness("east", SourceState.SILENT, 10, "gone"))], 1.0)
    settled.hands.advance(QUARANTINE // 2)
    settled.mesh.take_turn()
    assert settled.registry.services[A].state is ServiceState.READY
    settled.hands.advance(10)
    settled.mesh.take_turn()
    assert settled.registry.services[A].state is ServiceState.STALE
    assert settled.answers()[A].answering is Answering.FAILURE


@pytest.mark.parametrize(("steps", "lost"), [([100], set()), ([1] * 100, {"east", "west"})])
def test_who_was_halted_takes_nobody_for_lost_before_sources_had_their_chance(
    steps: list[int], lost: set[str], settled: Turning
) -> None:
    settled.mesh.reconfigure(settings(lost=LostRules()))
    for seconds in steps:
        settled.hands.advance(seconds)
        settled.mesh.take_turn()
    assert settled.registry.silence.lost == lost
    for _ in range(EXCUSED_SECONDS):
        settled.hands.advance(1)
        settled.mesh.take_turn()
    assert settled.registry.silence.lost == {"east", "west"}


def test_other_settings_are_obeyed_at_once(settled: Turning) -> None:
    settled.mesh.reconfigure(settings(fenced=["east"]))
    acknowledge(settled)
    assert A not in settled.answers()


def test_other_settings_may_bring_numbers_that_are_to_be_written(settled: Turning) -> None:
    settled.mesh.offer([reset("east", export(A, pins=["10.9.9.9"]), contact=10)], 1.0)
    settled.mesh.take_turn()
    acknowledge(settled)
    settled.writes = 0
    settled.mesh.reconfigure(settings(pins=("10.9.0.0/16",)))
    assert settled.writes == 1
    acknowledge(settled)
    assert settled.answers()[A].vips == (vip("10.9.9.9"),)


def test_it_takes_a_turn_when_something_comes_and_else_every_second(turning: Make) -> None:
    mesh = turning()

    async def test() -> None:
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(mesh.mesh.run())
        started = loop.time()
        await until(lambda: mesh.confirmed == 3)
        assert 3 * HEARTBEAT_SECONDS <= loop.time() - started < 4 * HEARTBEAT_SECONDS
        mesh.mesh.offer(read(A), 1.0)
        offered = loop.time()
        await until(lambda: mesh.confirmed == 4)
        answered = loop.time()
        assert answered - offered < 2 * GATHER_SECONDS
        await until(lambda: mesh.confirmed == 5)
        assert loop.time() - answered >= HEARTBEAT_SECONDS
        running.cancel()

    run_leaping(test)


def test_what_comes_right_after_a_turn_is_gathered_for_the_next(turning: Make) -> None:
    mesh = turning(claims=KNOWN)

    async def test() -> None:
        running = asyncio.create_task(mesh.mesh.run())
        mesh.mesh.offer(read(A, B), 1.0)
        await mesh.turned.wait()
        before = mesh.scribe.serial or 0
        for port in (81, 82, 83):
            mesh.mesh.offer([changed(A, port)], 1.0)
            await asyncio.sleep(GATHER_SECONDS / 8)
        await until(lambda: mesh.confirmed == 2)
        assert mesh.answers()[A].ports[0].number == 83
        assert mesh.scribe.serial == before + 1
        running.cancel()

    run_leaping(test)


def test_while_hosts_stand_in_line_turn_follows_turn_and_nothing_is_called_numbered(
    turning: Make,
) -> None:
    mesh = turning(at_once=1)

    async def test() -> None:
        running = asyncio.create_task(mesh.mesh.run())
        started = asyncio.get_running_loop().time()
        mesh.mesh.offer(read(A, B, C), 1.0)
        for host in (A, B, C):
            await until(lambda: bool(mesh.registry.unwritten))
            assert {claim.host for claim in acknowledge(mesh)} == {host}
            assert mesh.mesh.numbered.is_set() == (host == C)
        assert set(mesh.answers()) == {A, B, C}
        assert asyncio.get_running_loop().time() - started < HEARTBEAT_SECONDS
        running.cancel()

    run_leaping(test)


def test_what_is_remembered_ends_once_all_is_looked_at_and_not_before(
    turning: Make,
) -> None:
    """Hosts without a claim are not looked at before all was heard."""
    hosts = [f"h{number}.ns" for number in range(5)]
    exports = [export(host, resolution=Resolution.NONE) for host in hosts]
    last = [to_entry(service) for service in both(*exports).services.values()]
    mesh = turning(last=last, at_once=2)
    mesh.mesh.offer([reset("east", *exports[1:]), reset("west")], 1.0)
    answered = []
    for _ in range(4):
        mesh.mesh.take_turn()
        answered.append({*mesh.answers()})
    assert answered[0] == set(hosts)
    assert answered[-1] == set(hosts[1:])


def test_changes_of_many_hosts_have_a_turn_each_and_it_settles_after_the_last(
    turning: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globaldns.app.mesh.AT_ONCE", 2)
    mesh = turning()
    views = [reset(cluster, export(A, cluster), export(B, cluster)) for cluster in ("east", "west")]
    mesh.mesh.offer([*views, changed(A), changed(B)], 1.0)
    heard = []
    for _ in range(4):
        mesh.mesh.take_turn()
        exports = mesh.registry.views.exports(A)
        heard.append((len(exports), exports[0].ports[0].number, mesh.registry.is_settled))
    assert heard[:2] == [(1, 80, False), (2, 80, False)]
    assert heard[-1] == (2, 81, True)
