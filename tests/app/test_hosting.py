"""``serve`` before it has any other process: what it takes, whom it follows, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from globaldns.app.hosting import HeldState
from globaldns.app.settings import server_settings
from globaldns.dns.seats import Seat, bind_seats
from globaldns.errors import StateLocked
from globaldns.state import StateDirectory
from globaldns.supervisor.takeover import SOCKET_NAME, Desk, Word, find_holder
from tests.app.meshes import CEILING_SECONDS, START, Place
from tests.sources.manifests import entries
from tests.supervisor.asking import ask
from tests.supervisor.hosts import is_running, wait_until

pytestmark = pytest.mark.usefixtures("logs_as_before")
ROOT = Path(__file__).parents[2]


SERVE = """
import json, os, sys
from pathlib import Path
from globaldns.app.hosting import host
from globaldns.config.loading import load
from globaldns.errors import GlobalDnsError
path, *options = sys.argv[1:]

def say(*said):
    print(json.dumps(said), flush=True)

def refuse(error):
    say(type(error).__name__)
    return 9

try:
    sys.exit(host(
        Path(path), load(Path(path), {}), new_ledger=False, takeover=bool(options),
        announce=lambda listening: say(os.getpid(), listening.dns[0]), refuse=refuse))
except GlobalDnsError as error:
    say(type(error).__name__, str(error), error.hint)
"""

Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(place: Place) -> Iterator[Serve]:
    """Return what serves in a process of its own, which says what it comes to."""
    with ExitStack() as stack:

        def begin(*options: str) -> subprocess.Popen[str]:
            log = stack.enter_context((place.folder / "log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(place.path), *options],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def said(process: subprocess.Popen[str]) -> Any:
    """Return the next that it says."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def close(seats: tuple[Seat, ...]) -> None:
    for seat in seats:
        seat.close()


@pytest.fixture
def seats(place: Place) -> Iterator[tuple[Seat, ...]]:
    found = bind_seats(server_settings(place.config))
    yield found
    close(found)


@pytest.fixture
def held(place: Place, seats: tuple[Seat, ...]) -> Iterator[HeldState]:
    """The state directory of a server that is held."""
    place.state.lock(START)
    yield HeldState(place.state, seats)
    place.state.unlock()


@contextmanager
def desk_of(held: HeldState) -> Iterator[Desk]:
    desk = held.open_desk()
    assert desk is not None
    try:
        yield desk
    finally:
        desk.close(remove=True)


def test_the_lock_goes_away_and_comes_back_and_the_holder_is_this_process(
    held: HeldState, place: Place
) -> None:
    held.give_up()
    assert place.state.holder() is None
    held.take_back()
    holder = place.state.holder()
    assert holder is not None
    assert holder.pid == os.getpid()
    assert holder.started > START


def test_a_lock_that_another_has_by_now_is_not_taken_back(held: HeldState, place: Place) -> None:
    held.give_up()
    other = StateDirectory(place.state.path)
    other.lock(START)
    with pytest.raises(StateLocked):
        held.take_back()
    other.unlock()
    held.take_back()


def test_the_desk_gives_the_sockets_that_are_held(
    held: HeldState, seats: tuple[Seat, ...], place: Place
) -> None:
    with desk_of(held) as desk, ThreadPoolExecutor(1) as pool:
        finding = pool.submit(find_holder, place.state.path)
        desk.listener.setblocking(True)
        desk.receive()
        holder = finding.result(CEILING_SECONDS)
        assert holder is not None
        assert [seat.addresses for seat in holder.seats] == [seat.addresses for seat in seats]
        holder.close()
        close(holder.seats)


def test_a_directory_where_no_socket_can_be_has_no_desk_and_says_so(
    held: HeldState, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    (place.state.path / SOCKET_NAME).mkdir()
    assert held.open_desk() is None
    assert "no other server can take over" in caplog.text
    (place.state.path / SOCKET_NAME).rmdir()


def test_a_path_that_is_too_long_for_a_socket_has_no_desk(
    seats: tuple[Seat, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateDirectory(tmp_path / ("long" * 30))
    state.lock(START)
    assert HeldState(state, seats).open_desk() is None
    assert "no other server can take over" in caplog.text
    state.unlock()


@pytest.mark.parametrize("takeover", [False, True])
def test_a_directory_that_is_held_is_refused_also_where_nobody_can_be_followed(
    takeover: bool,  # noqa: FBT001
    held: HeldState,
    serve: Serve,
) -> None:
    error, message, _ = said(serve(*["--takeover"] * takeover))
    assert error == "StateLocked"
    assert f"is held by process {os.getpid()}" in message
    assert held is not None


def test_an_address_that_another_has_is_refused_before_anything_is_forked(
    place: Place, serve: Serve
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        place.configure(dns={"listen": [f"127.0.0.1:{other.getsockname()[1]}"]})
        error, message, hint = said(serve())
    assert error == "ListenError"
    assert "in use" in message
    assert hint


@pytest.mark.parametrize(
    ("dns", "reason"),
    [
        ({"listen": ["127.0.0.2:0"]}, "listens elsewhere"),
        ({"listen": ["127.0.0.1:0", "127.0.0.2:0"]}, "listens elsewhere"),
        ({"listen": ["127.0.0.1:0"], "workers": 2}, "has dns.workers: 1"),
    ],
)
def test_who_wants_to_listen_otherwise_follows_nobody_and_asks_for_nothing(
    dns: dict[str, Any], reason: str, held: HeldState, place: Place, serve: Serve
) -> None:
    place.configure(dns=dns)
    with desk_of(held) as desk, ThreadPoolExecutor(1) as pool:
        desk.listener.setblocking(True)
        hearing = pool.submit(desk.receive)
        error, message, hint = said(serve("--takeover"))
        assert error == "TakeoverError"
        assert reason in message
        assert "the server goes on" in hint
        successor = hearing.result(CEILING_SECONDS)
        assert successor is not None
        successor.setblocking(True)
        assert desk.hear() is None
    assert place.state.holder() is not None


def test_a_holder_that_ends_instead_of_yielding_is_not_followed(
    held: HeldState, serve: Serve
) -> None:
    with desk_of(held) as desk, ThreadPoolExecutor(1) as pool:

        def hear_and_go() -> Word | None:
            successor = desk.receive()
            assert successor is not None
            successor.setblocking(True)
            word = desk.hear()
            desk.close(remove=True)
            return word

        desk.listener.setblocking(True)
        hearing = pool.submit(hear_and_go)
        error, message, _ = said(serve("--takeover"))
        assert error == "TakeoverError"
        assert "has ended, or does not give up" in message
        assert hearing.result(CEILING_SECONDS) is Word.YIELD


def test_it_serves_and_announces_once_whoever_the_control_process_is(
    serve: Serve, place: Place
) -> None:
    place.write("east", entries("a"))
    place.write("west", entries("b"))
    process = serve()
    control, address = said(process)
    port = int(address.rpartition(":")[2])
    before = ask(port, "a.ns.global")
    assert before[0].startswith("240.")
    os.kill(control, signal.SIGKILL)
    wait_until(lambda: "who=control" in (place.folder / "log").read_text(), "another follows")
    place.write("east", entries("a", "c"))
    wait_until(lambda: ask(port, "c.ns.global")[0].startswith("240."), "it obeys manifests")
    assert ask(port, "a.ns.global") == before
    assert not is_running(control)
    process.terminate()
    out, _ = process.communicate(timeout=CEILING_SECONDS)
    assert (out, process.returncode) == ("", 0)


def test_why_there_is_no_control_process_is_said_to_a_person_and_is_the_exit_code(
    serve: Serve, place: Place
) -> None:
    place.state.path.mkdir()
    (place.state.path / "ledger.db").write_bytes(b"no ledger" * 1000)
    process = serve()
    assert said(process) == ["LedgerDamaged"]
    assert process.wait(CEILING_SECONDS) == 9
    assert place.state.holder() is None
