"""Watching real sockets: what is probed, told and limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach
from globaldns.probes import watch
from globaldns.probes.credentials import TlsFiles
from globaldns.probes.watch import GatewayWatch, WatchSeams, WatchSettings
from tests.certificates import make_pair
from tests.nameserver import NameServer
from tests.probes.gateways import answer, free_port, gateway, opened, until

FAST = WatchSettings(interval=0.05, timeout=1.0)


class Watched:
    """A watch that tells the test."""

    def __init__(self, settings: WatchSettings = FAST) -> None:
        self.changes = 0
        self.asked: list[Gateway] = []
        seams = WatchSeams(server_names=self._names, changed=self._count, wall=lambda: 1000)
        self.watch = GatewayWatch(settings, seams, replica="east/pod-1")

    def _names(self, gateway: Gateway) -> tuple[str, ...]:
        self.asked.append(gateway)
        return ("outbound_.80_._.a.ns.svc.cluster.local",)

    def _count(self) -> None:
        self.changes += 1

    def state(self, gateway: Gateway) -> GatewayState:
        return self.watch.reach[gateway].state

    def is_(self, state: str, gateway: Gateway) -> Callable[[], bool]:
        return lambda: self.state(gateway) == state


@asynccontextmanager
async def running(*gateways: Gateway, settings: WatchSettings = FAST) -> AsyncIterator[Watched]:
    watched = Watched(settings)
    watched.watch.follow({*gateways})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.watch.run())
        try:
            yield watched
        finally:
            task.cancel()


@pytest.fixture
def resolver() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


async def test_a_gateway_goes_down_and_comes_back_with_a_line_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    door = gateway(port=free_port())
    async with running(door) as watched:
        async with opened(door.port):
            await until(watched.is_("up", door))
        await until(watched.is_("down", door))
        reason = "connection refused"
        assert watched.watch.reach[door] == Reach(
            ("127.0.0.1",),
            GatewayState.DOWN,
            1000,
            reason,
            down={"127.0.0.1": reason},
            doubted=frozenset({"127.0.0.1"}),
        )
        async with opened(door.port):
            await until(watched.is_("up", door))
    assert [record.message for record in caplog.records] == [
        "a gateway is down",
        "a gateway is down no more",
    ]
    assert caplog.records[0].__dict__["reason"] == "connection refused"
    assert watched.changes == 4  # one for being watched at all


async def test_a_gateway_is_probed_again_and_again_and_no_more_once_it_is_not_watched() -> None:
    async with opened() as door, running(gateway(port=door.port)) as watched:
        await until(lambda: door.callers >= 5)
        watched.watch.follow(set())
        assert watched.watch.reach == {}
        await asyncio.sleep(0.1)  # what was under way
        callers = door.callers
        await asyncio.sleep(0.3)
        assert door.callers == callers


async def test_one_that_comes_later_is_probed_too() -> None:
    async with opened() as door, running() as watched:
        await asyncio.sleep(0)
        one = gateway(port=door.port)
        watched.watch.follow({one})
        await until(watched.is_("up", one))


async def test_a_name_is_resolved_probed_and_followed(
    resolver: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = msgspec.structs.replace(FAST, resolvers=(("127.0.0.1", resolver.port),))
    resolver.over_udp = lambda query: [answer(query, "gw.example. 0 A 127.0.0.1")]
    async with opened() as door:
        named = gateway("gw.example", door.port)
        async with running(named, settings=settings) as watched:
            assert watched.watch.reach[named] == Reach()
            await until(watched.is_("up", named))
            assert watched.watch.reach[named].addresses == ("127.0.0.1",)
            watched.watch._board._lookups.put("gw.example", 0.0)
            resolver.over_udp = lambda query: [answer(query, rcode="NXDOMAIN")]
            watched.watch._wanted.set()
            await until(lambda: "NXDOMAIN" in watched.watch.reach[named].unresolved)
            assert watched.watch.reach[named].addresses == ("127.0.0.1",)
            assert watched.state(named) is GatewayState.UP
            watched.watch._board._lookups.put("gw.example", 0.0)
            resolver.over_udp = lambda query: [answer(query, "gw.example. 60 A 127.0.0.2")]
            watched.watch._wanted.set()
            await until(lambda: watched.watch.reach[named].addresses == ("127.0.0.2",))
    assert [record.message for record in caplog.records] == [
        "the name of a gateway cannot be looked up: its last addresses stay",
        "the name of a gateway can be looked up again",
        "a gateway has other addresses",
    ]


async def test_a_name_is_asked_of_this_machines_resolvers_where_none_is_named(
    resolver: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver.over_udp = lambda query: [answer(query, "gw.example. 60 A 127.0.0.1")]
    monkeypatch.setattr(watch, "read_nameservers", lambda: (("127.0.0.1", resolver.port),))
    named = gateway("gw.example")
    async with running(named) as watched:
        await until(lambda: watched.watch.reach[named].addresses == ("127.0.0.1",))


async def test_so_many_probes_are_under_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_PROBES", 3)
    now = most = 0

    async def slow(*_: object) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return ""

    monkeypatch.setattr(watch, "probe", slow)
    many = [gateway(f"203.0.113.{last}") for last in range(40)]
    async with running(*many) as watched:
        await until(lambda: all(watched.state(one) is GatewayState.UP for one in many))
    assert most == 3


async def test_silent_resolvers_keep_no_probe_waiting(
    resolver: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_LOOKUPS", 2)
    settings = msgspec.structs.replace(FAST, resolvers=(("127.0.0.1", resolver.port),))
    named = [gateway(f"gw-{number}.example") for number in range(10)]
    async with opened() as door:
        one = gateway(port=door.port)
        async with running(one, *named, settings=settings) as watched:
            await until(watched.is_("up", one))
            await until(lambda: len(resolver.asked) == 2)
            await until(lambda: door.callers > 5)
    assert len({query[12:] for _, query in resolver.asked}) == 2


async def test_another_reason_for_the_same_is_no_change(resolver: NameServer) -> None:
    settings = msgspec.structs.replace(FAST, resolvers=(("127.0.0.1", resolver.port),))
    resolver.over_udp = lambda query: [answer(query, rcode="NXDOMAIN")]
    named = gateway("gw.example")
    async with running(named, settings=settings) as watched:
        await until(lambda: "NXDOMAIN" in watched.watch.reach[named].unresolved)
        changes = watched.changes
        resolver.over_udp = lambda query: [answer(query, rcode="REFUSED")]
        watched.watch._board._lookups.put("gw.example", 0.0)
        watched.watch._wanted.set()
        await until(lambda: "REFUSED" in watched.watch.reach[named].unresolved)
        assert watched.changes == changes


async def test_other_settings_are_obeyed_at_once() -> None:
    rare = msgspec.structs.replace(FAST, interval=3600.0)
    never = msgspec.structs.replace(FAST, interval=0.0)
    async with opened() as door, running(gateway(port=door.port), settings=rare) as watched:
        one = gateway(port=door.port)
        await asyncio.sleep(0.1)
        assert watched.state(one) is GatewayState.UNKNOWN
        watched.watch.obey(FAST)
        await until(watched.is_("up", one))
        watched.watch.obey(never)
        assert watched.state(one) is GatewayState.UNKNOWN
        await asyncio.sleep(0.1)
        callers = door.callers
        await asyncio.sleep(0.2)
        assert door.callers == callers


async def test_with_a_certificate_services_are_asked_for(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    tls = TlsFiles(pair.certificate, pair.key, pair.certificate)
    settings = msgspec.structs.replace(FAST, tls=tls)
    async with opened() as door:
        one = gateway(port=door.port)
        async with running(one, settings=settings) as watched:
            await until(watched.is_("down", one))
            assert "for SNI outbound_.80_._.a.ns" in watched.watch.reach[one].reason
    assert {*watched.asked} == {one}


async def test_a_watch_that_was_ended_in_the_middle_begins_anew() -> None:
    async with opened() as door:
        one = gateway(port=door.port)
        async with running(one) as watched:
            await until(watched.is_("up", one))
            watched.watch._board._probing.add((one, one.address))
        async with asyncio.TaskGroup() as group:
            callers = door.callers
            again = group.create_task(watched.watch.run())
            await until(lambda: door.callers > callers + 2)
            again.cancel()


async def test_addresses_where_no_gateway_can_be_are_left_out_and_told_once(
    resolver: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = msgspec.structs.replace(
        FAST, resolvers=(("127.0.0.1", resolver.port),), pools=("240.128.0.0/10",)
    )
    records = [f"gw.example. 0 A {one}" for one in ("240.128.0.7", "127.0.0.1", "0.0.0.0")]
    resolver.over_udp = lambda query: [answer(query, *records)]
    async with opened() as door:
        named = gateway("gw.example", door.port)
        async with running(named, settings=settings) as watched:
            await until(watched.is_("up", named))
            asked = len(resolver.asked)
            watched.watch._board._lookups.put("gw.example", 0.0)
            watched.watch._wanted.set()
            await until(lambda: len(resolver.asked) >= asked + 2)
            await until(lambda: watched.watch._board.next_lookup is not None)
            assert watched.watch.reach[named].addresses == ("127.0.0.1",)
    (told,) = [one for one in caplog.records if "left out" in one.message]
    assert told.levelname == "WARNING"
    assert "0.0.0.0 lies in 0.0.0.0/8" in told.reason
    assert "240.128.0.7 lies in 240.128.0.0/10" in told.reason


async def test_a_dead_address_of_a_name_leaves_and_comes_back_with_a_line_each(
    resolver: NameServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = msgspec.structs.replace(FAST, resolvers=(("127.0.0.1", resolver.port),))
    here, there = "127.0.0.1", "127.0.0.2"
    resolver.over_udp = lambda query: [
        answer(query, *(f"gw.example. 60 A {one}" for one in (here, there)))
    ]
    async with opened() as door:
        named = gateway("gw.example", door.port)
        async with running(named, settings=settings) as watched:
            await until(lambda: watched.watch.reach[named].living == (here,))
            assert watched.state(named) is GatewayState.UP
            assert watched.watch.reach[named].down == {there: "connection refused"}
            changes = watched.changes
            async with opened(door.port, there):
                await until(lambda: watched.watch.reach[named].living == (here, there))
            assert watched.changes > changes
    told = [(one.message, one.address) for one in caplog.records]
    assert told[:2] == [
        ("an address of a gateway is down", there),
        ("an address of a gateway is down no more", there),
    ]
