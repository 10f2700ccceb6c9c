"""kill -9 at any moment, while manifests change: no VIP moves, and the ledger verifies."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from tests.system.running import Mesh, Server, entry, ledger, wait_until

ROUNDS = 20
SEED = 20260101
NAMES = [f"s{number}.churn.global" for number in range(60)]
LASTING = ["reviews.bookinfo.global", "httpbin.httpbin.global", "any.tenants.global"]


class Churn:
    """Manifests that change, and what was ever answered for what is in them."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.chance = random.Random(SEED)
        self.present: set[str] = set()
        self.answered: dict[str, tuple[str, ...]] = {}

    def change(self) -> None:
        """Add some services and take some away."""
        self.present = set(self.chance.sample(NAMES, self.chance.randint(20, 50)))
        for cluster in ("east", "west"):
            names = sorted(self.present)[:: 1 if cluster == "east" else 2]
            self.mesh.write(cluster, "churn.yaml", *(entry(name) for name in names))

    def change_and_kill(self, server: Server, *, within: float) -> None:
        """Change manifests at random moments, and kill at another one."""
        deadline = time.monotonic() + self.chance.uniform(0, within)
        while time.monotonic() < deadline:
            self.change()
            time.sleep(self.chance.uniform(0, 0.05))
        server.kill()

    def observe(self, server: Server) -> None:
        """Hold every answer against the first one that the name ever had.

        A VIP that was answered must be answered again, even if its service was away meanwhile.
        """
        for name in [*LASTING, *sorted(self.present)]:
            found = server.addresses(name)
            if found:
                assert self.answered.setdefault(name, found) == found, name
        given = [vip for name, vips in self.answered.items() for vip in vips]
        assert len(set(given)) == len(given)


@pytest.mark.timeout(900)
def test_no_vip_moves_however_often_it_is_killed(mesh: Mesh) -> None:
    churn = Churn(mesh)
    for _ in range(ROUNDS):
        with Server(mesh) as starting:
            churn.change_and_kill(starting, within=1.5)
        with Server(mesh) as server:
            server.wait_ready()
            for name in [*LASTING, *churn.present]:
                server.wait_answer(name)
            churn.observe(server)
            churn.change_and_kill(server, within=0.4)
        verified = mesh.run("vip", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert len(churn.answered) > len(LASTING) + 20


def test_a_name_that_was_answered_before_the_kill_is_answered_from_the_start(mesh: Mesh) -> None:
    with Server(mesh) as server:
        server.wait_ready()
        before = {name: server.addresses(name) for name in LASTING}
        assert all(before.values())
    with Server(mesh) as server:
        wait_until(lambda: server.rcode(LASTING[0]) != "silent", "somebody answers")
        assert {name: server.addresses(name) for name in LASTING} == before
        assert server.rcode("nothing.bookinfo.global") in {"SERVFAIL", "NXDOMAIN"}


def test_what_a_neighbours_ledger_said_a_moment_before_the_kill_is_not_forgotten(
    make_mesh: Callable[..., Mesh],
) -> None:
    """The neighbour is gone at the restart, and there are few addresses to take its host's from."""
    mesh = make_mesh(vips={"pools": ["240.128.0.0/28"]})
    mesh.write("west", "late.yaml", entry("late.churn.global"))
    for cluster in ("east", "west", "flat"):
        for file in mesh.cluster(cluster).glob("*.yaml"):
            if file.name != "late.yaml":
                file.unlink()
    mesh.write("east", "own.yaml", entry("own.churn.global"))
    mesh.write("flat", "other.yaml", entry("other.churn.global"))
    mesh.write("west", "ledger.yaml", ledger("west"))
    with Server(mesh) as server:
        server.wait_ready()
        claim = "late.churn 240.128.0.9 2026-01-02T03:04:05Z west given - -"
        mesh.write("west", "ledger.yaml", ledger("west", claim))
        server.wait_answer("late.churn.global", "240.128.0.9")
        server.kill()
    mesh.cluster("west").rename(mesh.folder / "away")
    mesh.write("east", "own.yaml", *(entry(f"new{n}.churn.global") for n in range(20)))
    with Server(mesh) as server:
        server.wait_ready()
        wait_until(lambda: server.metric("globaldns_exhausted_hosts") != 0, "the pool is full")
        assert server.addresses("late.churn.global") == ("240.128.0.9",)


def test_a_file_that_is_broken_after_the_kill_takes_nothing_back_that_it_had_said(
    mesh: Mesh,
) -> None:
    with Server(mesh) as server:
        server.wait_ready()
        path = mesh.write("west", "churn.yaml", entry("early.churn.global"))
        server.wait_answer("early.churn.global")
        time.sleep(5)  # now the view is remembered with it, and not again so soon
        mesh.write("west", "churn.yaml", entry("early.churn.global"), entry("late.churn.global"))
        server.wait_answer("late.churn.global")
        before = server.addresses("late.churn.global")
        server.kill()
    mesh.replace(path, "a: [b")
    with Server(mesh) as server:
        server.wait_ready()
        time.sleep(4)  # twice the grace: what is gone by then is gone
        assert server.addresses("late.churn.global") == before
