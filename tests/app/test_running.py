"""A server from its first number to its last answer."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import signal
import socket
from contextlib import closing

import dns.message
import msgspec
import pytest

from globaldns.admin.control import SOCKET_NAME, Renumber
from globaldns.admin.control import ask as command
from globaldns.admin.listening import Listening
from globaldns.app.memory import ZONE
from globaldns.app.serials import FILE
from globaldns.dns.lastzone import decode_zone, encode_zone
from globaldns.errors import ListenError
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.model.claim import format_time
from globaldns.sources.remembered import file_name
from globaldns.tasks import wall_clock
from tests.admin.client import fetch
from tests.app.meshes import START, Place, until, until_it_says
from tests.app.servers import answer, ask, serving
from tests.registry.mesh import claim
from tests.sources.manifests import entries

A = "a.ns.global"

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def place(place: Place) -> Place:
    place.write("east", entries("a", "b"))
    place.write("west", entries("a", "c"))
    return place


async def is_not_ready(listening: Listening) -> bool:
    return (await fetch(listening.admin, "/readyz")).status == 503


async def test_it_says_where_it_listens_and_what_to_try_once_that_is_answered(
    place: Place,
) -> None:
    async with serving(place) as listening:
        assert listening.name == A
        assert await answer(listening.dns[0], listening.name) != "SERVFAIL"
        assert await answer(listening.dns[0], "z.ns.global") == "NXDOMAIN"
        for path in ("/livez", "/readyz", "/metrics", "/api/v1/services"):
            assert (await fetch(listening.admin, path)).status == 200


async def test_it_waits_for_every_cluster_before_it_says_so(place: Place) -> None:
    place.configure(clusters={"east": place.cluster("east"), "west": place.cluster("late")})
    late: set[str] = set()

    async def come_late() -> None:
        await until(lambda: place.state.holder() is not None)
        late.add("west")
        place.write("late", entries("late"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(come_late())
        async with serving(place) as listening:
            assert late == {"west"}
            assert await answer(listening.dns[0], "late.ns.global") != "SERVFAIL"


async def test_the_collector_rests_only_until_all_is_numbered(place: Place) -> None:
    async with serving(place):
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.isenabled()


async def test_told_to_stop_it_goes_on_answering_but_is_not_ready(place: Place) -> None:
    place.configure(lame_duck="5m")
    async with serving(place) as listening:
        before = await answer(listening.dns[0], A)
        os.kill(os.getpid(), signal.SIGTERM)
        await until_it_says(lambda: is_not_ready(listening))
        ready = await fetch(listening.admin, "/readyz")
        assert (ready.status, ready.body) == (503, b"draining: it stops soon\n")
        assert (await fetch(listening.admin, "/livez")).status == 200
        assert await answer(listening.dns[0], A) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_wait(number: signal.Signals, place: Place) -> None:
    place.configure(lame_duck="5m")
    async with serving(place) as listening:
        os.kill(os.getpid(), number)
        await until_it_says(lambda: is_not_ready(listening))


async def test_a_hangup_has_the_configuration_read_again(place: Place) -> None:
    async with serving(place) as listening:
        place.configure(dns={"listen": ["127.0.0.1:0"], "ttl": "77s"})
        os.kill(os.getpid(), signal.SIGHUP)

        async def is_obeyed() -> bool:
            return (await ask(listening.dns[0], A)).answer[0].ttl == 77

        await until_it_says(is_obeyed)
        report = (await fetch(listening.admin, "/api/v1/config")).json
        assert report["config"]["dns"]["ttl"] == "77s"


async def test_a_changed_manifest_is_answered(place: Place) -> None:
    async with serving(place) as listening:
        place.write("west", entries("a", "c", "d"))

        async def is_answered() -> bool:
            return isinstance(await answer(listening.dns[0], "d.ns.global"), tuple)

        await until_it_says(is_answered)


async def test_a_person_may_have_a_host_renumbered(place: Place) -> None:
    async with serving(place) as listening:
        before = await answer(listening.dns[0], A)
        request = Renumber(hosts=("a.ns",))
        reply = await asyncio.to_thread(command, place.state.path, request)
        assert reply is not None
        (move,) = reply.moves
        assert move.old == before
        assert await answer(listening.dns[0], A) == move.new
    assert not (place.state.path / SOCKET_NAME).exists()


async def test_the_ledger_is_backed_up_on_the_first_day(place: Place) -> None:
    async with serving(place):
        await until(lambda: place.state.names("backups") != ())


async def test_what_it_knew_is_remembered_when_it_ends(place: Place) -> None:
    async with serving(place):
        pass
    names = place.state.names()
    assert ZONE in names
    assert {file_name("east"), file_name("west")} <= set(place.state.names("views"))
    assert {one.host for one in place.remembered()} == {"a.ns", "b.ns", "c.ns"}


async def test_after_a_restart_a_silent_cluster_is_answered_as_it_was(place: Place) -> None:
    async with serving(place) as listening:
        before = await answer(listening.dns[0], "c.ns.global")
    place.configure(grace="0s")
    shutil.rmtree(place.folder / "west")
    async with serving(place) as listening:
        assert await answer(listening.dns[0], "c.ns.global") == before
        clusters = (await fetch(listening.admin, "/api/v1/clusters")).json["items"]
        assert {one["cluster"]: one["state"] for one in clusters}["west"] == "remembered"


def soa_serial(reply: dns.message.Message) -> int:
    serial: int = reply.answer[0][0].serial
    return serial


async def test_a_restart_that_finds_everything_as_it_was_changes_nothing(place: Place) -> None:
    async with serving(place):
        pass
    last = decode_zone(place.state.read_checked(ZONE) or b"", ("global",))
    older = [msgspec.structs.replace(entry, changed_at=START) for entry in last.entries]
    place.state.write_checked(ZONE, encode_zone(last.header, older))
    used = msgspec.msgpack.decode(place.state.read_checked(FILE) or b"")
    async with serving(place) as listening:
        services = (await fetch(listening.admin, "/api/v1/services")).json["items"]
        assert {one["changed_at"] for one in services} == {format_time(START)}
        assert soa_serial(await ask(listening.dns[0], "global", "SOA")) == used + 1


async def test_queries_until_the_end_are_logged(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.configure(log={"queries": "all"})
    async with serving(place) as listening:
        await answer(listening.dns[0], "last.ns.global")
    assert "last.ns.global." in [one.__dict__.get("qname") for one in caplog.records]
    assert caplog.records[-1].levelno == logging.INFO


async def test_an_admin_address_that_is_taken_is_named_and_nothing_is_kept(place: Place) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        place.configure(admin={"listen": taken})
        with pytest.raises(ListenError, match=f"admin.listen {taken}"):
            async with serving(place):
                pytest.fail("two servers have one address")
    assert place.state.holder() is None
    assert not (place.state.path / SOCKET_NAME).exists()


async def test_a_clock_behind_the_ledger_is_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(place):
        pass
    with open_ledger(
        place.state, "ledger.db", cluster="east", now=START, on_loss=OnLoss.REFUSE
    ) as ledger:
        ledger.write([claim("later.ns", "240.128.0.9", wall_clock() + 3600)])
    async with serving(place):
        (record,) = (one for one in caplog.records if "clock is behind" in one.message)
    assert 3500 < record.__dict__["behind_seconds"] <= 3600
