"""The processes of a real server: killed under load, and followed by another server."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from globaldns.dns.udp import BATCH
from globaldns.state import StateDirectory
from tests.supervisor.asking import Load, said
from tests.supervisor.hosts import is_running
from tests.system.family import Family, follow, loaded
from tests.system.running import Mesh, Server, entry, free_port, wait_until

GOOD = "reviews.bookinfo.global"
NEW = "new.shop.global"


@pytest.fixture
def family(server: Server) -> Family:
    return Family(server)


def load_on(server: Server) -> Load:
    """Return a client that asks all the time, from many ports."""
    return Load(server.mesh.dns_port, GOOD, sources=32)


def hold(mesh: Mesh) -> int:
    """Return who holds the state directory; 0: nobody."""
    holder = StateDirectory(mesh.state).holder()
    return holder.pid if holder else 0


REQUESTS = re.compile(r'^globaldns_dns_requests_total\{.*proto="udp".*\} (\S+)$', re.MULTILINE)


def requests(server: Server) -> float:
    """Return how many queries were counted over UDP."""
    return sum(map(float, REQUESTS.findall(server.get("/metrics")[1])))


def test_a_takeover_loses_no_query_and_moves_no_address(server: Server) -> None:
    mesh, before = server.mesh, server.addresses(GOOD)
    with load_on(server) as load:
        load.go_on()
        with follow(mesh) as latter:
            assert server.wait_exit() == 0
            latter.wait_ready()
            assert hold(mesh) == latter.process.pid
            load.go_on()
            mesh.write("east", "new.yaml", entry(NEW))
            latter.wait_answer(NEW)
            with follow(mesh) as last:
                assert latter.wait_exit() == 0
                last.wait_ready()
                assert hold(mesh) == last.process.pid
                load.go_on()
                load.finish()
                assert last.addresses(NEW) != ()
    assert load.lost == 0
    assert load.answers == {before}
    assert "Traceback" not in server.log + latter.log + last.log


def test_a_takeover_loses_no_query_over_tcp(server: Server) -> None:
    mesh, before = server.mesh, server.addresses(GOOD)
    with follow(mesh) as latter:
        while server.process.poll() is None:
            reply = server.ask(GOOD, tcp=True)
            assert reply is not None
            assert said(reply) == before
        latter.wait_ready()


def test_a_takeover_where_nobody_is_just_starts(mesh: Mesh) -> None:
    with follow(mesh) as server:
        server.wait_ready()
        assert "there is no server to take over from" in server.log
        assert hold(mesh) == server.process.pid


def elsewhere(mesh: Mesh) -> None:
    mesh.configure(dns={"listen": [f"127.0.0.1:{free_port()}"]})


def more_workers(mesh: Mesh) -> None:
    mesh.configure(dns={"workers": 2})


def broken(mesh: Mesh) -> None:
    mesh.replace(mesh.config, "grace: [soon")


@pytest.mark.parametrize("change", [elsewhere, more_workers, broken])
def test_a_takeover_with_a_configuration_that_cannot_follow_is_refused(
    change: Callable[[Mesh], None], server: Server
) -> None:
    family, mesh = Family(server), server.mesh
    before = family.workers() | {family.control()}
    with load_on(server) as load:
        change(mesh)
        with follow(mesh) as latter:
            assert latter.wait_exit() == 1
            assert "Traceback" not in latter.log
            assert change is broken or "hint: " in latter.log
        load.go_on()
    assert load.lost == 0
    assert server.is_ready()
    assert family.all() == before
    assert hold(mesh) == server.process.pid


def test_a_successor_that_cannot_have_what_else_it_needs_leaves_the_server_answering(
    server: Server,
) -> None:
    family, mesh = Family(server), server.mesh
    workers = family.workers()
    with socket.socket() as taken, load_on(server) as load:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        mesh.configure(admin={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
        with follow(mesh) as latter:
            assert latter.wait_exit() == 1
            assert "in use" in latter.log
        load.go_on()
    assert load.lost == 0
    wait_until(lambda: server.get("/readyz")[0] == 200, "the server is ready again")
    assert family.all() >= workers


def test_a_worker_that_is_killed_takes_a_batch_with_it_at_the_most(server: Server) -> None:
    family, before = Family(server), server.addresses(GOOD)
    with load_on(server) as load:
        for count in (1, 2, 3):
            load.go_on()
            family.kill(next(iter(family.workers())))
            wait_until(
                lambda count=count: server.metric("globaldns_worker_restarts_total") == count,
                "it is counted",
            )
    assert load.lost <= 3 * BATCH
    assert load.answers == {before}
    assert server.is_ready()


def test_metrics_do_not_fall_when_a_worker_dies(server: Server) -> None:
    family = Family(server)
    with load_on(server) as load:
        load.go_on(500)
        wait_until(lambda: requests(server) >= 250, "queries are counted")
        before = requests(server)
        (worker,) = family.workers()
        family.kill(worker)
        assert requests(server) >= before
        load.go_on()
    wait_until(lambda: requests(server) > before, "the next one counts on")
    assert requests(server) <= load.asked


def test_a_control_process_that_is_killed_costs_no_answer_and_is_followed(server: Server) -> None:
    family, mesh = Family(server), server.mesh
    workers = family.workers()
    before = {name: server.addresses(name) for name in (GOOD, "httpbin.httpbin.global")}
    with load_on(server) as load:
        load.go_on(50)
        family.kill(family.control())
        mesh.write("east", "new.yaml", entry(NEW))
        server.wait_answer(NEW)
        server.wait_ready()
        load.go_on(50)
    assert load.lost == 0
    assert load.answers == {before[GOOD]}
    listed = mesh.run("list")
    assert listed.returncode == 0, listed.stderr
    assert before[GOOD][0] in listed.stdout
    assert {name: server.addresses(name) for name in before} == before
    assert family.workers() == workers
    assert mesh.run("vip", "verify").returncode == 0
    assert server.log.count("answering DNS on") == 1


def test_after_the_supervisor_was_killed_a_new_server_starts_at_once(server: Server) -> None:
    family, mesh, before = Family(server), server.mesh, server.addresses(GOOD)
    forked = family.workers() | {family.control()}
    server.kill()
    with Server(mesh) as after:
        after.wait_ready()
        assert after.addresses(GOOD) == before
        assert not [pid for pid in forked if is_running(pid)]


def test_workers_have_loaded_nothing_that_they_do_not_need(server: Server) -> None:
    family = Family(server)
    for pid in (*family.workers(), server.process.pid):
        found = loaded(pid)
        assert "python" in found
        for library in ("_sqlite3", "aiohttp", "kubernetes_asyncio", "_http_parser"):
            assert library not in found
    assert "_sqlite3" in loaded(family.control())


@pytest.fixture
def pair(make_mesh: Callable[..., Mesh]) -> Iterator[Server]:
    """A server with two workers, ready."""
    with Server(make_mesh(dns={"workers": 2}, log={"queries": "all"})) as running:
        yield running.wait_ready()


def test_two_workers_share_the_queries_and_their_figures_add_up(pair: Server) -> None:
    assert len(Family(pair).workers(2)) == 2
    wait_until(lambda: requests(pair) == 0, "nobody has asked yet")
    with load_on(pair) as load:
        load.go_on(500)
    assert load.lost == 0
    wait_until(lambda: requests(pair) == load.asked, "every query is counted once")


def test_both_workers_obey_a_new_configuration(pair: Server) -> None:
    before = pair.addresses(GOOD)
    pair.mesh.configure(dns={"ttl": "77s"})
    pair.signal(signal.SIGHUP)
    wait_until(
        lambda: all(pair.ttl(GOOD) == 77 for _ in range(32)), "answers of both have the new TTL"
    )
    assert pair.addresses(GOOD) == before


def test_queries_are_logged_by_whoever_answers_them(pair: Server) -> None:
    names = [f"q{number}.none.global" for number in range(32)]
    for name in names:
        assert pair.rcode(name) == "NXDOMAIN"
    for name in names:
        pair.wait_log(f"qname={name}.")
    pair.mesh.configure(log={"queries": "none"})
    pair.signal(signal.SIGHUP)

    def is_silent() -> bool:
        before = pair.log.count(" queries: query")
        for _ in range(16):
            pair.rcode(GOOD)
        time.sleep(0.6)  # twice as long as workers keep a line
        return pair.log.count(" queries: query") == before

    wait_until(is_silent, "both have stopped")


def test_two_workers_are_followed_by_two(pair: Server) -> None:
    with load_on(pair) as load, follow(pair.mesh) as latter:
        assert pair.wait_exit() == 0
        latter.wait_ready()
        assert len(Family(latter).workers(2)) == 2
        load.go_on()
        load.finish()
    assert load.lost == 0


def test_a_stop_ends_all_processes(pair: Server) -> None:
    family = Family(pair)
    forked = family.workers(2) | {family.control()}
    pair.signal(signal.SIGTERM)
    assert pair.wait_exit() == 0
    assert not [pid for pid in forked if is_running(pid)]
    assert hold(pair.mesh) == 0
