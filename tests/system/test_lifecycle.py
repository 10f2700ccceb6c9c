"""From the first line to the last answer: start, change, reload, stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.system.running import Mesh, Server, entry, wait_until

GOOD = "reviews.bookinfo.global"


def test_it_says_where_it_listens_and_what_to_try(server: Server) -> None:
    assert f"127.0.0.1:{server.mesh.dns_port}" in server.log
    assert f"dig @127.0.0.1 -p {server.mesh.dns_port} " in server.log


def test_the_line_to_try_is_one_that_answers(server: Server) -> None:
    line = next(line for line in server.log.splitlines() if "dig @" in line)
    name = next(word for word in line.split() if word.rstrip(".").endswith("global"))
    assert server.addresses(name) != ()


def test_a_changed_file_is_in_the_answers_without_a_signal(server: Server) -> None:
    path = server.mesh.write("flat", "new.yaml", entry("new.shop.global"))
    server.wait_answer("new.shop.global")
    server.mesh.replace(path, path.read_text().replace("new", "newer"))
    server.wait_answer("newer.shop.global")


def test_a_good_configuration_is_taken_on_sighup(server: Server) -> None:
    assert server.ttl(GOOD) == 30
    server.mesh.configure(dns={"ttl": "77s"})
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.ttl(GOOD) == 77, "the new TTL is answered")


def test_a_bad_configuration_changes_nothing_and_is_loud(server: Server) -> None:
    before = server.addresses(GOOD)
    server.mesh.configure(dns={"ttl": "77s"}, grace="soon")
    server.signal(signal.SIGHUP)
    server.wait_log("$.grace")
    assert server.ttl(GOOD) == 30
    assert server.addresses(GOOD) == before
    assert server.is_ready()


def test_a_key_that_needs_a_restart_is_named_and_the_rest_is_taken(server: Server) -> None:
    server.mesh.configure(dns={"ttl": "77s"}, admin={"listen": "127.0.0.1:1"})
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.ttl(GOOD) == 77, "what can change has changed")
    server.wait_log("admin.listen")
    assert server.is_ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_it_says_goodbye_before_it_falls_silent(
    number: signal.Signals, make_mesh: Callable[..., Mesh]
) -> None:
    with Server(make_mesh(lame_duck="3s")) as server:
        server.wait_ready()
        server.signal(number)
        wait_until(lambda: server.get("/readyz")[0] == 503, "it is not ready any more")
        assert server.get("/livez")[0] == 200
        assert server.addresses(GOOD) != ()
        started = time.monotonic()
        assert server.wait_exit() == 0
        assert time.monotonic() - started < 30
        assert server.rcode(GOOD) == "silent"
        assert "Traceback" not in server.log


def test_the_same_state_starts_again_after_a_graceful_stop(mesh: Mesh) -> None:
    with Server(mesh) as server:
        before = server.wait_ready().addresses(GOOD)
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
    with Server(mesh) as server:
        assert server.wait_ready().addresses(GOOD) == before


def test_commands_speak_with_the_running_server(server: Server) -> None:
    listed = server.mesh.run("list")
    assert listed.returncode == 0, listed.stderr
    assert server.addresses(GOOD)[0] in listed.stdout
    explained = server.mesh.run("explain", GOOD)
    assert all(cluster in explained.stdout for cluster in ("east", "west", "flat"))
    queried = server.mesh.run("query", GOOD, "A")
    assert server.addresses(GOOD)[0] in queried.stdout


def test_every_path_of_the_endpoint_answers(server: Server) -> None:
    vip = server.addresses(GOOD)[0]
    for path in (
        *("/livez", "/readyz", "/metrics", "/api/v1/services", f"/api/v1/services/{GOOD}"),
        *(f"/api/v1/explain/{GOOD}", f"/api/v1/explain/{vip}", "/api/v1/vips"),
        *("/api/v1/clusters", "/api/v1/conflicts", "/api/v1/digest", "/api/v1/config"),
        "/api/v1/stub",
    ):
        assert server.get(path)[0] == 200, path
    assert server.get("/api/v1/services/no.such.global")[0] == 404
