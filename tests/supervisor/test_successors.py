"""A server that follows another: whoever fails on the way, somebody answers all the time."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from globaldns.errors import TakeoverError
from globaldns.supervisor.takeover import Holder, find_holder
from tests.supervisor.asking import Load, ask
from tests.supervisor.host import NAME, REFUSAL, VIP
from tests.supervisor.hosts import CEILING_SECONDS, Server, is_running, wait_until

Start = Callable[..., Server]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_successor_follows_and_no_query_is_lost(workers: int, start: Start) -> None:
    former = start(workers=workers)
    forked = former.wait_workers() | {former.wait_event("begins").pid}
    with Load(former.port, NAME, sources=64) as load:
        load.go_on()
        latter = start(workers=workers, takeover=True)
        latter.wait_workers()
        assert former.wait_exit() == 0
        load.go_on()
    assert load.lost == 0
    assert load.answers == {(VIP,)}
    assert [event.word for event in former.events("SIG")] == ["SIGUSR1"]
    assert not [pid for pid in forked if is_running(pid)]
    holder = latter.state.holder()
    assert holder is not None
    assert holder.pid == latter.pid
    assert latter.port == former.port
    assert latter.end() == 0
    replies = former.numbers("replies") + latter.numbers("replies")
    assert sum(replies) == load.asked


def test_a_successor_can_be_followed_itself(start: Start) -> None:
    servers = [start()]
    servers[0].wait_workers()
    with Load(servers[0].port, NAME) as load:
        for _ in range(3):
            servers.append(start(takeover=True))
            servers[-1].wait_workers()
            assert servers[-2].wait_exit() == 0
    assert load.lost == 0
    assert servers[-1].end() == 0


def test_who_is_followed_and_dies_leaves_a_successor_that_answers_what_it_can(
    start: Start,
) -> None:
    former = start()
    former.wait_workers()
    latter = start("knows too little", takeover=True)
    latter.wait_event("knows too little")
    assert not latter.workers()
    former.process.kill()
    former.wait_exit()
    wait_until(lambda: ask(latter.port, NAME) == (VIP,), "it answers")
    assert "the server that is followed has ended by itself" in latter.log
    let_go(find(latter))


def test_with_nobody_there_a_successor_is_the_first(start: Start) -> None:
    server = start(takeover=True)
    server.wait_workers()
    assert ask(server.port, NAME) == (VIP,)


def check_going_on(server: Server, workers: frozenset[int]) -> None:
    """Find that a server goes on as if nobody had wanted to follow it."""
    wait_until(lambda: (it := server.state.holder()) is not None and it.pid == server.pid, "lock")
    assert server.workers() == workers
    assert server.process.poll() is None
    let_go(find(server))


def find(server: Server) -> Holder:
    """Return a server that can be followed, once the last who wanted to is seen to be gone."""
    found: list[Holder | None] = []

    def is_found() -> bool:
        with suppress(TakeoverError):
            found.append(find_holder(server.state.path))
        return bool(found)

    wait_until(is_found, "it can be followed")
    (holder,) = found
    assert holder is not None
    return holder


def let_go(holder: Holder) -> None:
    """Be its successor no more."""
    holder.close()
    for seat in holder.seats:
        seat.close()


def test_a_successor_that_goes_before_the_control_is_its_own_changes_nothing(start: Start) -> None:
    server = start()
    workers = server.wait_workers()
    with Load(server.port, NAME) as load:
        for _ in range(3):
            holder = find(server)
            let_go(holder)
        load.go_on()
    assert load.lost == 0
    check_going_on(server, workers)
    assert len(server.events("begins")) == 1


def test_a_successor_that_goes_when_it_has_the_lock_gives_the_control_back(start: Start) -> None:
    server = start()
    workers = server.wait_workers()
    with Load(server.port, NAME) as load:
        holder = find(server)
        holder.end_control()
        assert server.state.holder() is None
        load.go_on()
        let_go(holder)
        server.wait_event("begins", 2)
    assert load.lost == 0
    check_going_on(server, workers)
    assert server.end() == 0


@pytest.mark.parametrize(
    ("behaviour", "code"), [("refuses", REFUSAL), ("fails", 1), ("refuses later", REFUSAL)]
)
def test_a_successor_that_refuses_to_start_leaves_the_control_to_the_former(
    behaviour: str, code: int, start: Start
) -> None:
    server = start()
    workers = server.wait_workers()
    with Load(server.port, NAME) as load:
        successor = start(behaviour, takeover=True)
        assert successor.wait_exit() == code
        server.wait_event("begins", 2)
        load.go_on()
    assert load.lost == 0
    check_going_on(server, workers)


def test_a_successor_that_is_killed_while_it_starts_leaves_the_control_to_the_former(
    start: Start,
) -> None:
    server = start()
    workers = server.wait_workers()
    with Load(server.port, NAME) as load:
        successor = start("hangs", takeover=True)
        successor.wait_event("hangs")
        assert (it := server.state.holder()) is not None
        assert it.pid == successor.pid
        load.go_on()
        successor.process.kill()
        server.wait_event("begins", 2)
    assert load.lost == 0
    check_going_on(server, workers)


def test_a_server_that_was_left_with_workers_alone_ends_when_it_is_told_to(start: Start) -> None:
    server = start()
    server.wait_workers()
    successor = start("hangs", takeover=True)
    successor.wait_event("hangs")
    assert server.end() == 0
    assert successor.process.poll() is None


def test_a_server_whose_control_process_is_dead_can_be_followed(start: Start) -> None:
    server = start("ends soon")
    server.wait_event("begins", 4)
    with Load(server.port, NAME) as load:
        successor = start(takeover=True)
        successor.wait_workers()
        assert server.wait_exit() == 0
    assert load.lost == 0


def test_a_signal_to_end_that_comes_before_a_successor_asks_ends_the_server(start: Start) -> None:
    server = start("waits for two")
    server.wait_workers()
    server.process.send_signal(signal.SIGTERM)
    server.wait_event("SIGTERM")
    holder = find(server)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(holder.end_control)
        assert server.end() == 0
        with pytest.raises(TakeoverError, match="has ended"):
            asking.result(CEILING_SECONDS)
    let_go(holder)
