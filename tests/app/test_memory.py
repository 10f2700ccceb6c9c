"""What the next start may read, and when it is written."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import msgspec
import pytest

from globaldns.app.keepsakes import gateways_keepsake
from globaldns.app.memory import (
    FRESHEN_SECONDS,
    GATEWAYS,
    PAUSE_SECONDS,
    ZONE,
    Keepsake,
    Memory,
    load_gateways,
    load_zone,
)
from globaldns.app.pace import Pace
from globaldns.dns.lastzone import Header, encode_zone
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry
from globaldns.state import StateDirectory
from tests.app.meshes import START, run_leaping, until
from tests.registry.mesh import vip

OWN = {"cluster": "east", "marker": "m"}
ENTRY = Entry(
    Host("a.ns"), ("global",), (vip("240.128.0.1"),), (), Answering.DATA, (), START, "given"
)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    return [record.__dict__["what"] for record in caplog.records]


def zone(**whose: str) -> bytes:
    return encode_zone(Header(**(OWN | whose), serial=7, saved_at=START), [ENTRY])


def test_the_last_zone_is_found(state: StateDirectory) -> None:
    state.write_checked(ZONE, zone())
    found = load_zone(state, **OWN, zones=("global",))
    assert found is not None
    assert (found.entries, found.header.serial) == ((ENTRY,), 7)


def test_where_there_was_no_zone_there_is_no_warning(
    state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_zone(state, **OWN, zones=("global",)) is None
    assert caplog.records == []


def test_the_addresses_of_gateways_are_found(state: StateDirectory) -> None:
    names = {"gw.example": ("203.0.113.1", "203.0.113.2")}
    keepsake = gateways_keepsake(names)
    state.write_checked(keepsake.name, keepsake.capture()(Pace()))
    assert load_gateways(state) == names


def test_where_none_are_remembered_there_is_no_warning_and_where_they_are_odd_one(
    state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_gateways(state) == {}
    assert caplog.records == []
    state.write_checked(GATEWAYS, b"odd")
    assert load_gateways(state) == {}
    assert warned(caplog) == ["addresses of gateways"]


def test_a_name_is_answered_in_the_zones_that_are_left(state: StateDirectory) -> None:
    state.write_checked(ZONE, zone())
    for zones in (("mesh", "global"), ("mesh",)):
        found = load_zone(state, **OWN, zones=zones)
        assert found is not None
        (entry,) = found.entries
        assert (entry.zones, entry.vips) == (zones[1:], ENTRY.vips)


@pytest.mark.parametrize("key", OWN)
def test_a_zone_of_another_cluster_or_ledger_is_not_answered_from(
    key: str, state: StateDirectory
) -> None:
    state.write_checked(ZONE, zone(**{key: "another"}))
    assert load_zone(state, **OWN, zones=("global",)) is None


@pytest.mark.parametrize("payload", [b"?", msgspec.msgpack.encode([99, [], [], []])])
@pytest.mark.parametrize("checked", [True, False])
def test_a_zone_that_cannot_be_read_is_passed_over_with_a_warning(
    payload: bytes,
    checked: bool,  # noqa: FBT001
    state: StateDirectory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write = state.write_checked if checked else state.write
    write(ZONE, payload)
    assert load_zone(state, **OWN, zones=("global",)) is None
    assert warned(caplog) == ["last zone"]


class Things:
    """What is to be remembered: contents by name, and how often each was written."""

    def __init__(self, state: StateDirectory) -> None:
        self.state = state
        self.contents = {"a.bin": b"a", "b.bin": b"b"}
        self.versions = dict.fromkeys(self.contents, 0)
        self.written: list[str] = []
        self.threads: set[int] = set()
        self.memory = Memory(
            state, lambda: map(self._keepsake, self.contents), lambda: self.quarantine
        )
        self.quarantine = 7 * 86400.0

    def change(self, name: str, content: bytes) -> None:
        self.contents[name] = content
        self.versions[name] += 1

    def remembered(self, name: str) -> bytes | None:
        return self.state.read_checked(name, version=3)

    def _keepsake(self, name: str) -> Keepsake:
        return Keepsake(name, self.versions[name], lambda: self._capture(name), format=3)

    def _capture(self, name: str) -> Callable[[Pace], bytes]:
        content = self.contents[name]
        self.written.append(name)

        def encode(_: Pace) -> bytes:
            self.threads.add(threading.get_ident())
            return content

        return encode


@pytest.fixture
def things(state: StateDirectory) -> Things:
    return Things(state)


async def test_all_is_written_in_its_format_and_made_in_a_thread(things: Things) -> None:
    await things.memory.save()
    assert [things.remembered(name) for name in things.contents] == [b"a", b"b"]
    with pytest.raises(Exception, match="format 3"):
        things.state.read_checked("a.bin", version=2)
    assert threading.get_ident() not in things.threads


async def test_what_has_not_changed_is_not_written_again(things: Things) -> None:
    await things.memory.save()
    things.written.clear()
    await things.memory.save()
    assert things.written == []
    things.change("b.bin", b"B")
    await things.memory.save()
    assert things.written == ["b.bin"]
    assert things.remembered("b.bin") == b"B"


async def test_what_has_not_changed_for_an_hour_is_written_again_for_its_age(
    things: Things,
) -> None:
    await things.memory.save()
    things.written.clear()
    things.memory._saved_at["a.bin"] -= FRESHEN_SECONDS
    await things.memory.save()
    await things.memory.save()
    assert things.written == ["a.bin"]


async def test_what_is_soon_too_old_to_be_used_is_written_again_sooner(things: Things) -> None:
    things.quarantine = 400.0
    await things.memory.save()
    things.written.clear()
    things.memory._saved_at["a.bin"] -= 49
    things.memory._saved_at["b.bin"] -= 51
    await things.memory.save()
    assert things.written == ["b.bin"]


async def test_what_cannot_be_written_is_told_and_tried_again(
    things: Things, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = things.state.path / "a.bin.new"
    in_the_way.mkdir(parents=True)
    for _ in range(3):
        await things.memory.save()
    assert warned(caplog) == ["a.bin"]
    assert (things.remembered("a.bin"), things.remembered("b.bin")) == (None, b"b")
    in_the_way.rmdir()
    things.written.clear()
    caplog.set_level(logging.INFO)
    await things.memory.save()
    assert things.written == ["a.bin"]
    assert things.remembered("a.bin") == b"a"
    assert [record.message for record in caplog.records][1:] == ["it is remembered again"]


def test_it_writes_again_and_again(things: Things) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        running = asyncio.create_task(things.memory.run())
        for content in (b"1", b"2"):
            things.change("a.bin", content)
            await until(lambda: things.remembered("a.bin") == content, every=PAUSE_SECONDS / 4)  # noqa: B023
        assert loop.time() - started >= 2 * PAUSE_SECONDS
        running.cancel()

    run_leaping(test)
