"""Who dies is followed by another, and nobody who asks is to notice."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from globaldns.dns.udp import BATCH
from globaldns.supervisor.priority import CONTROL_NICE
from globaldns.supervisor.processes import HUNG_SECONDS
from tests.supervisor.asking import Load, ask
from tests.supervisor.host import NAME, REFUSAL, VIP
from tests.supervisor.hosts import Server, children, is_running, wait_until

Start = Callable[..., Server]
ENDS = (signal.SIGTERM, signal.SIGINT)


def check_free(server: Server) -> None:
    """Find that a server's lock and port are there for the next."""
    assert server.state.holder() is None
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as other:
            other.bind(("127.0.0.1", server.port))


def test_a_worker_answers_over_udp_and_tcp(start: Start) -> None:
    server = start()
    server.wait_workers()
    assert ask(server.port, NAME) == (VIP,)
    assert ask(server.port, NAME, tcp=True) == (VIP,)
    assert ask(server.port, "nothing.shop.global") == ("NXDOMAIN",)


def test_workers_go_first_where_there_is_one_core(start: Start) -> None:
    server = start()
    (worker,) = server.wait_workers()
    own, control = os.getpriority(os.PRIO_PROCESS, 0), server.wait_event("begins").pid
    assert os.getpriority(os.PRIO_PROCESS, worker) == own
    assert os.getpriority(os.PRIO_PROCESS, control) == min(19, own + CONTROL_NICE)


def test_queries_wait_in_the_seat_until_there_is_a_worker(start: Start) -> None:
    server = start()
    with Load(server.port, NAME) as load:
        server.wait_workers()
    assert load.asked
    assert load.lost == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_is_followed_by_another_and_is_counted(
    workers: int, start: Start
) -> None:
    server = start(workers=workers)
    before = server.wait_workers()
    with Load(server.port, NAME) as load:
        load.go_on()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: len(server.workers() - before) == workers, "others are in all of the seats"
        )
        load.go_on()
    assert load.lost <= workers * BATCH
    assert load.answers == {(VIP,)}
    assert server.end() == 0
    assert server.numbers("restarts") == [workers]
    assert server.log.count("a process has died: another follows") == workers
    assert "end=SIGKILL" in server.log


def test_a_control_process_that_is_killed_is_followed_while_workers_answer(start: Start) -> None:
    server = start()
    workers = server.wait_workers()
    with Load(server.port, NAME) as load:
        for count in (1, 2, 3):
            load.go_on(50)
            os.kill(server.wait_event("begins", count).pid, signal.SIGKILL)
        server.wait_event("begins", 4)
        load.go_on()
    assert load.lost == 0
    assert load.answers == {(VIP,)}
    assert server.workers() == workers
    assert server.end() == 0
    assert server.numbers("restarts") == [0]
    assert server.numbers("successors") == [3]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("refuses", REFUSAL), ("refuses later", REFUSAL), ("fails", 1), ("dies", 128 + 9)],
)
def test_a_first_control_process_that_refuses_to_start_ends_all(
    behaviour: str, code: int, start: Start
) -> None:
    server = start(behaviour)
    assert server.wait_exit() == code
    assert "another follows" not in server.log
    assert ("the first control process has died" in server.log) == (behaviour == "dies")
    check_free(server)


@pytest.mark.parametrize("behaviour", ["dies once later", "dies once unseen"])
def test_one_that_was_killed_when_there_was_something_to_answer_from_is_followed(
    behaviour: str, start: Start
) -> None:
    server = start(behaviour)
    server.wait_event("begins", 2)
    server.wait_workers()
    assert ask(server.port, NAME) == (VIP,)
    assert server.end() == 0


@pytest.mark.parametrize("number", ENDS, ids=["TERM", "INT"])
def test_a_signal_to_end_reaches_the_control_process_once_as_sigterm(
    number: signal.Signals, start: Start
) -> None:
    """The second one ends the lame duck, so one signal must not be heard as two."""
    server = start("waits for two")
    server.wait_workers()
    server.process.send_signal(number)
    control = server.wait_event("SIGTERM").pid
    with Load(server.port, NAME) as load:
        load.go_on()
        assert len(server.events("SIGTERM")) == 1
    assert load.lost == 0
    assert server.end(number) == 0
    assert [event.pid for event in server.events("SIG")] == [control, control]


def test_a_control_process_that_hangs_does_not_keep_the_server_from_ending(start: Start) -> None:
    server = start()
    server.wait_workers()
    os.kill(server.wait_event("begins").pid, signal.SIGSTOP)
    assert server.end() == 0
    check_free(server)


def test_sighup_is_for_the_control_process_and_ends_nothing(start: Start) -> None:
    server = start()
    workers = server.wait_workers()
    for count in (1, 2):
        server.process.send_signal(signal.SIGHUP)
        server.wait_event("SIGHUP", count)
    assert server.workers() == workers
    assert server.end() == 0
    assert [event.word for event in server.events("SIG")] == ["SIGHUP", "SIGHUP", "SIGTERM"]


def test_one_that_dies_at_once_again_and_again_is_restarted_with_growing_pauses(
    start: Start,
) -> None:
    server = start("ends soon")
    server.wait_event("begins", 5)
    assert ask(server.port, NAME) == (VIP,)
    pauses = [late.at - early.at for early, late in pairwise(server.events("begins")[:5])]
    shortest = [0.1, 0.2, 0.4, 0.8]
    """Chance takes half of a pause at the most."""
    assert all(pause >= least for pause, least in zip(pauses, shortest, strict=True))
    wait_until(lambda: server.log.count("a process has died") >= 5, "the fifth has ended")
    assert server.end() == 0


def test_a_worker_that_hangs_is_killed_and_followed(start: Start) -> None:
    server = start(workers=2)
    before = server.wait_workers()
    hung = min(before)
    os.kill(hung, signal.SIGSTOP)
    wait_until(lambda: not is_running(hung), "it is killed")
    wait_until(lambda: len(server.workers()) == 2, "another follows")
    assert max(before) in server.workers()
    assert server.log.count("a worker hangs: it is killed") == 1
    assert server.end() == 0


def test_who_was_halted_with_the_supervisor_does_not_hang(start: Start) -> None:
    server = start(workers=2)
    workers = server.wait_workers()
    halted = (*workers, server.pid)
    for pid in halted:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(HUNG_SECONDS + 1)
    for pid in reversed(halted):  # the supervisor looks before the workers can
        os.kill(pid, signal.SIGCONT)
        time.sleep(1)
    assert ask(server.port, NAME) == (VIP,)
    assert server.workers() == workers
    assert server.end() == 0
    assert "hangs" not in server.log


def test_what_cannot_be_started_is_tried_again_while_the_rest_goes_on(start: Start) -> None:
    server = start()
    workers = server.wait_workers()
    few, most = 3, resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (few, most[1]))
    os.kill(server.wait_event("begins").pid, signal.SIGKILL)
    wait_until(lambda: "a process cannot be started: it is tried again" in server.log, "it fails")
    assert ask(server.port, NAME) == (VIP,)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, most)
    server.wait_event("begins", 2)
    assert server.workers() == workers
    assert server.end() == 0


def test_a_worker_is_followed_though_no_control_process_is_there(start: Start) -> None:
    server = start("ends soon")
    server.wait_event("begins", 5)
    (worker,) = server.wait_workers()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(server.workers() - {worker}) == 1, "another worker is there")
    assert ask(server.port, NAME) == (VIP,)


def test_workers_go_on_through_the_lame_duck_also_when_they_die(start: Start) -> None:
    """An init system may send its SIGTERM to every process at once."""
    server = start("waits for two")
    workers = server.wait_workers()
    server.process.send_signal(signal.SIGTERM)
    server.wait_event("SIGTERM")
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: bool(server.workers() - workers), "another worker is there")
    assert ask(server.port, NAME) == (VIP,)
    assert server.end() == 0


def test_a_stop_before_anything_is_there_is_obeyed(start: Start) -> None:
    server = start("hangs")
    server.wait_event("hangs")
    server.process.send_signal(signal.SIGTERM)
    server.wait_exit()
    check_free(server)


def test_when_it_ends_no_child_is_left_and_all_is_there_for_the_next(start: Start) -> None:
    server = start(workers=2)
    server.wait_workers()
    forked = children(server.pid)
    assert len(forked) == 3
    assert server.end() == 0
    assert not [pid for pid in forked if is_running(pid)]
    assert not (server.state.path / "takeover.sock").exists()
    check_free(server)


def test_a_worker_that_does_not_end_is_not_waited_for_forever(start: Start) -> None:
    server = start()
    (worker,) = server.wait_workers()
    os.kill(worker, signal.SIGSTOP)
    assert server.end() == 0
    wait_until(lambda: not is_running(worker), "it was killed")


def test_a_supervisor_that_is_killed_leaves_no_process_and_gives_up_lock_and_port(
    start: Start,
) -> None:
    server = start(workers=2)
    server.wait_workers()
    forked = children(server.pid)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not any(map(is_running, forked)), "no process of it is left")
    check_free(server)
    after = start()
    after.wait_workers()
    assert ask(after.port, NAME) == (VIP,)


def test_two_workers_have_seats_of_their_own_and_both_answer(start: Start) -> None:
    server = start(workers=2)
    server.wait_workers()
    with Load(server.port, NAME, sources=64) as load:
        load.go_on(800)
    assert load.lost == 0
    assert server.end() == 0
    replies = server.numbers("replies")
    assert sum(replies) == load.asked
    assert all(replies)


def test_what_was_counted_outlives_who_counted_it(start: Start) -> None:
    server = start()
    with Load(server.port, NAME) as load:
        (worker,) = server.wait_workers()
        load.go_on(800)
        os.kill(worker, signal.SIGKILL)
        load.go_on()
    assert server.end() == 0
    (replies,) = server.numbers("replies")
    assert load.asked / 2 < replies <= load.asked  # a quarter of a second of it is not shown yet
