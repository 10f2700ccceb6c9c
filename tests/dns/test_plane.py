from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from globaldns.dns import batch
from globaldns.dns.counters import Channel, Counters, Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.plane import Plane
from globaldns.dns.seats import ServerSettings, bind_seats


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane(bind_seats(ServerSettings(listen=(parse_listen("127.0.0.1:0"),)), 2))
    yield plane
    plane.close()


def in_a_child(run: object) -> int:
    """Return how a process ends that runs something."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            run()  # type: ignore[operator]
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_its_addresses_are_those_of_its_seats(plane: Plane) -> None:
    assert plane.addresses == plane.seats[0].addresses == plane.seats[1].addresses
    assert plane.tls_addresses == ()


def test_what_processes_count_is_seen_by_all(plane: Plane) -> None:
    def count(number: int) -> None:
        counters = Counters(plane.blocks[number])
        counters.count_request(Channel.UDP_IPV4, 1, 40)
        counters.drop(Dropped.SHORT)

    for number in (0, 1, 1):
        assert in_a_child(lambda number=number: count(number)) == 0  # type: ignore[misc]
    assert plane.counts.requests() == {("udp", "ipv4", "A"): 3}
    assert plane.counts.dropped[Dropped.SHORT] == 3


def test_who_was_followed_is_counted_whoever_counts(plane: Plane) -> None:
    assert (plane.worker_restarts, plane.control_restarts) == (0, 0)
    plane.count_restart(worker=True)
    assert in_a_child(lambda: plane.count_restart(worker=True)) == 0
    assert in_a_child(lambda: plane.count_restart(worker=False)) == 0
    assert (plane.worker_restarts, plane.control_restarts) == (2, 1)


def test_the_table_is_nobody_s_own(plane: Plane) -> None:
    def write() -> None:
        plane.table.words[0] = 7

    assert in_a_child(write) == 0
    assert plane.table.version == 7


def test_its_sockets_are_closed_together_and_may_be_more_than_once(plane: Plane) -> None:
    plane.close()
    plane.close()
    for seat in plane.seats:
        assert seat.pairs[0].udp.fileno() == seat.pairs[0].tcp.fileno() == -1


@pytest.mark.parametrize(("calls", "name"), [(None, "recvmsg"), (object(), "recvmmsg")])
def test_it_says_how_datagrams_are_received(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, calls: object, name: str
) -> None:
    monkeypatch.setattr(batch, "load_calls", lambda: calls)
    assert plane.udp == name
