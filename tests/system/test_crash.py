"""kill -9 at any moment, while manifests change: no VIP moves, and the ledger verifies."""

from __future__ import annotations

import random
import time

import pytest

from tests.system.running import Mesh, Server, entry, wait_until

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


@pytest.mark.timeout(300)
def test_a_name_that_was_answered_before_the_kill_is_answered_from_the_start(mesh: Mesh) -> None:
    with Server(mesh) as server:
        server.wait_ready()
        before = {name: server.addresses(name) for name in LASTING}
        assert all(before.values())
    with Server(mesh) as server:
        wait_until(lambda: server.rcode(LASTING[0]) != "silent", "somebody answers")
        assert {name: server.addresses(name) for name in LASTING} == before
        assert server.rcode("nothing.bookinfo.global") in {"SERVFAIL", "NXDOMAIN"}
