"""Disks, locks, ports and clocks that fail: a clear error, and what worked goes on working."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from globaldns.state import StateDirectory
from tests.system.running import Mesh, Server, entry, free_port, wait_until

GOOD = "reviews.bookinfo.global"
NEW = "new.later.global"
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
YEAR = -365 * 86400


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


def test_a_full_disk_stops_new_numbers_and_no_answer(
    mesh: Mesh, mount_namespace: Callable[..., list[str]]
) -> None:
    with Server(mesh, before=mount_namespace("size=1m", mesh.state)) as server:
        before = server.wait_ready().addresses(GOOD)
        ballast = Path(f"/proc/{server.process.pid}/root") / mesh.state.relative_to("/") / "ballast"
        fill(ballast)
        names = [f"s{number}.full.global" for number in range(200)]
        mesh.write("east", "full.yaml", *(entry(name) for name in names))
        wait_until(lambda: server.rcode(names[0]) == "SERVFAIL", "a new name has no number yet")
        assert server.addresses(GOOD) == before
        ballast.unlink()
        for name in names:
            server.wait_answer(name)
        assert server.addresses(GOOD) == before


def test_a_read_only_state_directory_is_named(
    mesh: Mesh, mount_namespace: Callable[..., list[str]]
) -> None:
    with Server(mesh, before=mount_namespace("ro,size=1m", mesh.state)) as server:
        assert server.wait_exit() == 1
        assert "state" in server.log
        assert "ead-only" in server.log
        assert "Traceback" not in server.log


def test_a_second_instance_names_the_first_and_leaves_it_alone(server: Server) -> None:
    mesh = server.mesh
    before = server.addresses(GOOD)
    with Server(mesh) as second:
        assert second.wait_exit() == 1
        assert str(server.process.pid) in second.log
    assert server.addresses(GOOD) == before
    assert server.is_ready()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_busy_port_is_named(kind: socket.SocketKind, mesh: Mesh) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", mesh.dns_port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with Server(mesh) as server:
            assert server.wait_exit() == 1
            assert f"127.0.0.1:{mesh.dns_port}" in server.log
            assert "Traceback" not in server.log


def test_a_busy_admin_port_is_named(mesh: Mesh) -> None:
    with socket.create_server(("127.0.0.1", mesh.admin_port)), Server(mesh) as server:
        assert server.wait_exit() == 1
        assert f"127.0.0.1:{mesh.admin_port}" in server.log


def test_two_instances_with_state_of_their_own_agree(mesh: Mesh, tmp_path: Path) -> None:
    with Server(mesh) as first:
        first.wait_ready()
        names = (GOOD, "httpbin.httpbin.global", "any.tenants.global")
        other = Mesh(tmp_path / "other", cluster="west")
        assert other.dns_port != mesh.dns_port != free_port()
        with Server(other) as second:
            second.wait_ready()
            assert [second.addresses(name) for name in names] == [
                first.addresses(name) for name in names
            ]


def test_a_damaged_ledger_stops_the_start_with_its_repair(mesh: Mesh) -> None:
    with Server(mesh) as server:
        server.wait_ready()
        wait_until(lambda: any(mesh.state.rglob("*.claims")), "the ledger is backed up")
    ledger = next(mesh.state.rglob("ledger.db"))
    for journal in mesh.state.rglob("ledger.db-*"):
        journal.unlink()
    ledger.write_bytes(b"no database at all" * 1000)
    with Server(mesh) as server:
        assert server.wait_exit() == 1
        assert str(ledger) in server.log
        assert "import" in server.log


def test_a_lost_ledger_is_told_from_a_first_start(mesh: Mesh) -> None:
    with Server(mesh) as server:
        before = server.wait_ready().addresses(GOOD)
    for file in mesh.state.rglob("ledger.db*"):
        file.unlink()
    with Server(mesh) as server:
        wait_until(
            lambda: server.process.poll() is not None or "ledger" in server.log, "it speaks up"
        )
        assert server.process.poll() is not None or server.addresses(GOOD) in {before, ()}


@pytest.fixture
def clock(tmp_path: Path) -> tuple[Callable[[int], None], Mapping[str, str]]:
    """Return a setter of the server's wall clock (seconds from now), and its environment."""
    if LIBFAKETIME is None:
        pytest.skip("libfaketime is not installed")
    offset = tmp_path / "offset"

    def turn(seconds: int) -> None:
        part = offset.with_suffix(".part")
        part.write_text(f"{seconds:+d}\n")
        part.replace(offset)

    turn(0)
    return turn, {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def test_a_clock_that_is_set_back_a_year_stops_new_numbers_until_it_agrees(
    mesh: Mesh, clock: tuple[Callable[[int], None], Mapping[str, str]]
) -> None:
    turn, environment = clock
    with Server(mesh, environment=environment) as server:
        before = server.wait_ready().addresses(GOOD)
        turn(YEAR)
        server.wait_log("clock")
        mesh.write("east", "new.yaml", entry(NEW))
        wait_until(lambda: server.rcode(NEW) == "SERVFAIL", "the new name has no number")
        assert server.addresses(GOOD) == before
        turn(0)
        server.wait_answer(NEW)
        assert server.addresses(GOOD) == before


def test_a_start_with_the_clock_a_year_back_moves_nothing(
    mesh: Mesh, clock: tuple[Callable[[int], None], Mapping[str, str]]
) -> None:
    turn, environment = clock
    names = (GOOD, "httpbin.httpbin.global", "mysqldb.bookinfo.global")
    with Server(mesh, environment=environment) as server:
        before = [server.wait_ready().addresses(name) for name in names]
    # libfaketime refuses to sleep while the clock is set back, as who waits for the lock does.
    wait_until(lambda: StateDirectory(mesh.state).holder() is None, "all of the first has ended")
    turn(YEAR)
    with Server(mesh, environment=environment) as server:
        server.wait_ready()
        assert [server.addresses(name) for name in names] == before
    assert mesh.run("vip", "verify").returncode == 0
