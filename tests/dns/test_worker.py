from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import dns.message
import dns.rcode
import msgspec
import pytest

from globaldns.config.schema import LogFormat, LogLevel, LogSettings, QueryLog
from globaldns.dns.listen import parse_listen
from globaldns.dns.plane import Plane
from globaldns.dns.scribe import Scribe
from globaldns.dns.seats import ServerSettings, bind_seats
from globaldns.dns.tcp import TcpLimits
from globaldns.dns.worker import Worker, WorkerSettings, encode_settings, work
from globaldns.model.snapshot import ZoneDelta
from tests.dns.conftest import ENTRIES, RULES, make_entry

CEILING_SECONDS = 20.0
SERVER = ServerSettings(listen=(parse_listen("127.0.0.1:0"),))
SETTINGS = WorkerSettings(rules=RULES, server=SERVER)
WEB = dns.message.make_query("web.shop.global", "A").to_wire()


@contextmanager
def hosted(settings: WorkerSettings = SETTINGS, workers: int = 1) -> Iterator[tuple[Plane, Scribe]]:
    """A plane with names and settings, at which nobody sits yet."""
    plane = Plane(bind_seats(settings.server, workers))
    try:
        scribe = Scribe(plane.table)
        scribe.settings = encode_settings(settings)
        scribe.apply(ZoneDelta(2026, complete=True, puts=ENTRIES))
        scribe.confirm(float("inf"))
        yield plane, scribe
    finally:
        plane.close()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


def ask(plane: Plane, message: bytes = WEB) -> dns.message.Message:
    """Ask over UDP, from outside of any loop."""
    address = plane.addresses[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(CEILING_SECONDS)
        client.sendto(message, (address.host, address.port))
        return dns.message.from_wire(client.recv(65535))


async def answer(plane: Plane) -> str:
    """Return the first address of a name, or why there is none."""
    reply = await asyncio.to_thread(ask, plane)
    return str(reply.answer[0][0]) if reply.answer else dns.rcode.to_text(reply.rcode())


@pytest.fixture
def kept_logging() -> Iterator[None]:
    """Leave the logging of tests as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)


async def test_a_worker_answers_by_the_table_and_by_every_change_of_it() -> None:
    with hosted() as (plane, scribe):
        async with running(Worker(plane, 0)):
            assert await answer(plane) == "240.128.2.3"
            scribe.apply(
                ZoneDelta(2027, complete=True, puts=(make_entry("web.shop", "240.128.9.9"),))
            )
            assert await answer(plane) == "240.128.9.9"
            Scribe(plane.table).apply(ZoneDelta(2028, complete=True, deletes=(ENTRIES[0].host,)))
            assert await answer(plane) == "NXDOMAIN"


async def test_what_it_counted_is_shown_at_the_latest_when_it_ends() -> None:
    with hosted(workers=1) as (plane, _):
        async with running(Worker(plane, 0)):
            for _ in range(3):
                await answer(plane)
        assert plane.counts.requests() == {("udp", "ipv4", "A"): 3}
        assert plane.counts.responses() == {("udp", "NOERROR"): 3}


async def test_what_it_counted_is_shown_with_every_look() -> None:
    with hosted() as (plane, _):
        worker = Worker(plane, 0)
        async with running(worker):
            await answer(plane)
            worker.look()
            assert plane.counts.requests() == {("udp", "ipv4", "A"): 1}


async def test_rules_and_limits_that_change_are_obeyed() -> None:
    with hosted() as (plane, scribe):
        worker = Worker(plane, 0)
        async with running(worker):
            assert (await asyncio.to_thread(ask, plane)).answer[0].ttl == 30
            scribe.settings = encode_settings(
                WorkerSettings(
                    rules=msgspec.structs.replace(RULES, ttl=7),
                    server=msgspec.structs.replace(SERVER, tcp=TcpLimits(connections=3)),
                )
            )
            worker.look()
            assert (await asyncio.to_thread(ask, plane)).answer[0].ttl == 7
            assert worker.server._connections is not None
            assert worker.server._connections.limits.connections == 3
            former = worker.responder.zones.version
            worker.look()
            assert worker.responder.zones.version == former


@pytest.mark.usefixtures("kept_logging")
async def test_queries_are_logged_while_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    handlers = list(logging.getLogger().handlers)

    def obey(worker: Worker, policy: QueryLog) -> None:
        log = LogSettings(queries=policy)
        scribe.settings = encode_settings(msgspec.structs.replace(SETTINGS, log=log))
        worker.look()
        logging.getLogger().handlers[:] = handlers  # those of the test see it too

    def logged() -> list[str]:
        records = [one for one in caplog.records if one.name == "globaldns.queries"]
        return [str(vars(record)["qname"]) for record in records]

    with hosted() as (plane, scribe):
        worker = Worker(plane, 0)
        async with running(worker):
            await answer(plane)
            worker.look()
            assert logged() == []
            obey(worker, QueryLog.ALL)
            ring = worker.responder.query_log
            await answer(plane)
            obey(worker, QueryLog.ALL)
            assert worker.responder.query_log is ring
            async with asyncio.timeout(CEILING_SECONDS):
                while logged() != ["web.shop.global."]:  # noqa: ASYNC110 - what is looked at has no event
                    await asyncio.sleep(0.01)
            obey(worker, QueryLog.NONE)
            await answer(plane)
            worker.look()
            assert logged() == ["web.shop.global."]


async def test_the_last_queries_are_logged_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = msgspec.structs.replace(SETTINGS, log=LogSettings(queries=QueryLog.ALL))
    with hosted(settings) as (plane, _):
        async with running(Worker(plane, 0)):
            await answer(plane)
        assert [one.name for one in caplog.records].count("globaldns.queries") == 1


@pytest.mark.parametrize("policy", QueryLog)
def test_queries_are_kept_only_where_they_are_to_be_logged(policy: QueryLog) -> None:
    settings = msgspec.structs.replace(SETTINGS, log=LogSettings(queries=policy))
    with hosted(settings) as (plane, _):
        ring = Worker(plane, 0).responder.query_log
    if policy is QueryLog.NONE:
        assert ring is None
    else:
        assert ring is not None
        assert ring.policy is policy


@pytest.mark.usefixtures("kept_logging")
async def test_what_waits_is_written_though_no_more_is_to_be_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    handlers = list(logging.getLogger().handlers)
    settings = msgspec.structs.replace(SETTINGS, log=LogSettings(queries=QueryLog.ALL))
    with hosted(settings) as (plane, scribe):
        worker = Worker(plane, 0)
        async with running(worker):
            await answer(plane)
            scribe.settings = encode_settings(SETTINGS)
            worker.look()
            logging.getLogger().handlers[:] = handlers
            assert worker.responder.query_log is None
    assert [one.name for one in caplog.records].count("globaldns.queries") == 1


def test_settings_stand_in_the_table_as_they_were_given() -> None:
    settings = WorkerSettings(
        rules=msgspec.structs.replace(RULES, nsid="east-1"),
        server=ServerSettings(tcp=TcpLimits(connections=7)),
        log=LogSettings(format=LogFormat.JSON, level=LogLevel.DEBUG),
    )
    with hosted(msgspec.structs.replace(settings, server=SERVER)) as (plane, scribe):
        scribe.settings = encode_settings(settings)
        assert Worker(plane, 0)._settings == settings


def fork_worker(plane: Plane, number: int) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work(plane, number)
            code = 0
        finally:
            os._exit(code)
    return pid


def end(pid: int, number: signal.Signals) -> int:
    os.kill(pid, number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_worker_in_a_process_of_its_own_works_until_it_is_told_to_stop() -> None:
    with hosted() as (plane, _):
        pid = fork_worker(plane, 0)
        assert ask(plane).answer
        assert end(pid, signal.SIGTERM) == 0
        assert plane.counts.requests() == {("udp", "ipv4", "A"): 1}


def test_who_asks_while_nobody_sits_there_is_answered_by_the_next() -> None:
    with hosted() as (plane, scribe):
        for number in range(3):
            entry = make_entry("web.shop", f"240.128.9.{number}")
            scribe.apply(ZoneDelta(2027 + number, complete=True, puts=(entry,)))
            address = plane.addresses[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(CEILING_SECONDS)
                client.sendto(WEB, (address.host, address.port))
                pid = fork_worker(plane, 0)
                reply = dns.message.from_wire(client.recv(65535))
            assert end(pid, signal.SIGKILL) == -signal.SIGKILL
            assert str(reply.answer[0][0]) == f"240.128.9.{number}"


def test_every_seat_answers() -> None:
    with hosted(workers=2) as (plane, _):
        pids = [fork_worker(plane, number) for number in range(2)]
        for _ in range(64):
            assert ask(plane).answer
        assert [end(pid, signal.SIGTERM) for pid in pids] == [0, 0]
        assert plane.counts.requests() == {("udp", "ipv4", "A"): 64}
