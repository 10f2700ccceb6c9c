"""A directory that is unmounted, emptied or half checked out loses no name, restart or not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.running import Mesh, Server, entry, wait_until

NAMES = (
    "productpage.bookinfo.global",
    "details.bookinfo.global",
    "reviews.bookinfo.global",
    "httpbin.httpbin.global",
    "rates.partners.global",
)
"""What east exports, three of them alone."""


def unmount(directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))


def empty(directory: Path) -> None:
    shutil.copytree(directory, directory.with_name("elsewhere"))
    for file in directory.iterdir():
        file.unlink()


def make_whole(directory: Path) -> None:
    if directory.exists():
        directory.rmdir()
    directory.with_name("elsewhere").rename(directory)


def answers(server: Server) -> dict[str, tuple[str, ...]]:
    return {name: server.addresses(name) for name in NAMES}


def east_is(server: Server, value: float) -> Callable[[], bool]:
    return lambda: server.metric('globaldns_source_up{cluster="east"}') == value


@pytest.mark.parametrize("silence", [unmount, empty])
def test_a_directory_that_went_silent_keeps_its_names(
    silence: Callable[[Path], None], mesh: Mesh
) -> None:
    east = mesh.cluster("east")
    with Server(mesh) as server:
        before = answers(server.wait_ready())
        assert all(before.values())
        silence(east)
        wait_until(east_is(server, 0), "the silence is seen")
        assert answers(server) == before
    with Server(mesh) as server:
        wait_until(lambda: server.rcode(NAMES[0]) != "silent", "it answers after the restart")
        assert answers(server) == before
        server.wait_ready()
        assert answers(server) == before
        make_whole(east)
        wait_until(east_is(server, 1), "the directory is seen again")
        assert answers(server) == before


def test_a_directory_that_is_half_there_loses_nothing_within_grace(
    make_mesh: Callable[..., Mesh],
) -> None:
    mesh = make_mesh(grace="120s")
    east = mesh.cluster("east")
    with Server(mesh) as server:
        before = answers(server.wait_ready())
        kept = (east / "bookinfo.yaml").read_text()
        (east / "bookinfo.yaml").unlink()
        mesh.write("east", "later.yaml", entry("later.half.global"))
        server.wait_answer("later.half.global")
        assert answers(server) == before
    with Server(mesh) as server:
        assert answers(server.wait_ready()) == before
        mesh.replace(east / "bookinfo.yaml", kept)
        mesh.write("east", "last.yaml", entry("last.half.global"))
        server.wait_answer("last.half.global")
        assert answers(server) == before


def test_an_object_that_is_missing_beyond_grace_is_gone_by_its_owners_word(server: Server) -> None:
    mesh = server.mesh
    path = mesh.write("east", "short.yaml", entry("short.lived.global"))
    server.wait_answer("short.lived.global")
    vip = server.addresses("short.lived.global")
    path.unlink()
    wait_until(lambda: server.rcode("short.lived.global") == "NXDOMAIN", "the name is gone")
    mesh.write("west", "short.yaml", entry("short.lived.global"))
    server.wait_answer("short.lived.global", *vip)


def test_a_first_start_on_an_empty_directory_denies_nothing(mesh: Mesh) -> None:
    empty(mesh.cluster("east"))
    with Server(mesh) as server:
        server.wait_ready()
        assert server.rcode("details.bookinfo.global") == "SERVFAIL"
        assert server.rcode("mysqldb.bookinfo.global") == "NOERROR"
