"""``serve``: what it leaves behind, and what it refuses to begin with."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml

from globaldns.app.serving import serve_here
from globaldns.app.settings import server_settings
from globaldns.dns.plane import Plane
from globaldns.dns.seats import bind_seats
from globaldns.dns.worker import WorkerSettings, decode_settings
from globaldns.errors import LedgerError, StateLocked
from tests.app.meshes import START, Place
from tests.app.servers import answer, serving
from tests.sources.manifests import entries

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def place(place: Place) -> Place:
    place.write("east", entries("a"))
    place.write("west", entries("b"))
    return place


async def test_when_it_ends_nothing_of_it_is_left(place: Place) -> None:
    threads = set(threading.enumerate())
    async with serving(place) as listening:
        assert await answer(listening.dns[0], "a.ns.global") != "SERVFAIL"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert place.state.holder() is None
    left = set(threading.enumerate()) - threads
    assert not [one.name for one in left if one.name.startswith("ledger")]
    host, _, port = listening.dns[0].rpartition(":")
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with closing(socket.socket(socket.AF_INET, kind)) as other:
            other.bind((host, int(port)))


async def test_it_serves_the_same_addresses_after_a_restart(place: Place) -> None:
    found = []
    for _ in range(2):
        async with serving(place) as listening:
            found.append([await answer(listening.dns[0], f"{name}.ns.global") for name in "ab"])
    assert found[0] == found[1]
    assert len({*found[0]}) == 2


async def test_the_log_is_as_the_configuration_wants_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.configure(log={"format": "json", "level": "info"})
    async with serving(place):
        assert logging.getLogger("globaldns").level == logging.INFO
    lines = capsys.readouterr().err.splitlines()
    assert any('"message": "listening"' in line for line in lines)


async def test_a_directory_that_another_server_holds_is_refused(place: Place) -> None:
    place.state.lock(START)
    with pytest.raises(StateLocked, match="is held by process"):
        async with serving(place):
            pytest.fail("two servers have one state directory")
    place.state.unlock()
    assert gc.isenabled()


async def test_a_lost_ledger_is_replaced_only_when_a_person_says_so(place: Place) -> None:
    async with serving(place) as listening:
        before = await answer(listening.dns[0], "a.ns.global")
    (place.state.path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="it is lost"):
        async with serving(place):
            pytest.fail("numbers may be given a second time")
    async with serving(place, new_ledger=True) as listening:
        assert await answer(listening.dns[0], "a.ns.global") == before


_FREE_64_MIB = """
import re
from pathlib import Path
from globaldns.app.heap import CONTROL_OCTETS, give_back_what_is_free

def resident() -> int:
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

give_back_what_is_free(CONTROL_OCTETS)
bytes(20 << 20)  # by this glibc would learn to keep such blocks
before = resident()
blocks = [bytes(1 << 20) + b"x" for _ in range(64)]
last, used = blocks[-1], resident()
del blocks
print(before, used, resident())
"""


def test_large_blocks_go_back_to_the_system_though_a_later_one_is_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FREE_64_MIB], capture_output=True, text=True, check=True
    )
    before, used, after = map(int, done.stdout.split())
    assert used >= before + 60
    assert after <= before + 10


class Controls:
    """Control processes of one server, one after another, in this process."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.config = place.config
        """Of the start."""
        self.plane = Plane(bind_seats(server_settings(place.config)))

    def serve(self, *, new_ledger: bool = False) -> WorkerSettings:
        """Serve until names are numbered; return what workers were to obey then."""
        obeyed: list[WorkerSettings] = []

        def announce(_: object) -> None:
            obeyed.append(decode_settings(self.plane.table.settings))
            os.kill(os.getpid(), signal.SIGTERM)

        serve_here(
            *(self.place.path, self.config, self.plane, self.place.state),
            new_ledger=new_ledger,
            tell=lambda _stage: None,
            announce=announce,
        )
        (one,) = obeyed
        return one


@pytest.fixture
def controls(place: Place) -> Iterator[Controls]:
    place.configure(dns={"listen": ["127.0.0.1:0"], "ttl": "20s"})
    place.state.lock(START)
    made = Controls(place)
    yield made
    made.plane.close()
    place.state.unlock()
    gc.unfreeze()


def test_a_file_that_changed_since_the_server_was_started_is_obeyed(controls: Controls) -> None:
    controls.place.configure(dns={"listen": ["127.0.0.1:0"], "ttl": "77s"})
    assert controls.serve().rules.ttl == 77


def test_one_that_follows_obeys_the_file_as_it_is_by_now(controls: Controls) -> None:
    assert controls.serve().rules.ttl == 20
    controls.place.configure(dns={"listen": ["127.0.0.1:0"], "ttl": "77s"})
    assert controls.serve().rules.ttl == 77


def test_one_that_follows_keeps_what_needs_a_restart(controls: Controls) -> None:
    before = controls.serve()
    controls.place.configure(
        dns={"listen": ["127.0.0.2:0"], "ttl": "77s", "workers": 3},
        state="elsewhere",
        vips={"ledger": {"sqlite": "other.db"}},
    )
    after = controls.serve()
    assert after.rules.ttl == 77
    assert after.server == before.server
    assert not (controls.place.folder / "elsewhere").exists()
    assert not (controls.place.state.path / "other.db").exists()


@pytest.mark.parametrize(
    "keys",
    [
        {"grace": "soon"},
        {"cluster": "west", "clusters": {"west": {"source": {"directory": "west"}}}},
    ],
    ids=["it is not sound", "our own cluster is gone"],
)
def test_one_that_follows_takes_that_of_the_start_where_the_file_cannot_be_obeyed(
    keys: dict[str, Any], controls: Controls, caplog: pytest.LogCaptureFixture
) -> None:
    before = controls.serve()
    text = controls.place.path.read_text()
    new = yaml.safe_dump(yaml.safe_load(text) | keys)
    controls.place.path.write_text(new.replace("20s", "77s"))
    assert controls.serve() == before
    errors = [one.__dict__ for one in caplog.records if one.levelno == logging.ERROR]
    said = [one["problem"] for one in errors if "the configuration is not taken" in one["msg"]]
    assert len(said) >= 1


def test_one_that_follows_never_begins_a_ledger_anew(controls: Controls) -> None:
    controls.serve(new_ledger=True)
    (controls.place.state.path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="it is lost"):
        controls.serve(new_ledger=True)


def test_names_keep_their_addresses_from_one_control_process_to_the_next(
    controls: Controls,
) -> None:
    controls.serve()
    before = {entry.host: entry.vips for entry in controls.plane.table.entries()}
    assert len(before) == 2
    controls.serve()
    assert {entry.host: entry.vips for entry in controls.plane.table.entries()} == before
