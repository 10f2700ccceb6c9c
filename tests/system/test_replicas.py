"""Two replicas in each cluster: one writes, both answer the same, and either can die."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.api_servers import ApiServer
from tests.system.family import Family
from tests.system.running import Server, wait_until
from tests.system.sites import NAMESPACE, Site, Sites, service, serving


@pytest.fixture(scope="module")
def sites(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters with two replicas each, ready."""
    with serving(tmp_path_factory.mktemp("sites"), make_api_servers(2), replicas=2) as sites:
        yield sites


def leader(site: Site) -> int:
    """Return which replica holds the Lease."""
    lease = site.api.get("leases.coordination.k8s.io", "globaldns", NAMESPACE)
    assert lease is not None
    holder = lease["spec"]["holderIdentity"]
    names = [(site.replica(number).state / "replica.bin").read_bytes() for number in (0, 1)]
    return next(number for number, name in enumerate(names) if holder.encode() in name)


def versions(site: Site) -> dict[str, str]:
    """Return which versions the objects of the ledger have: others after any write."""
    ledgers = site.api.objects("vipledgers.globaldns.io", NAMESPACE)
    return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in ledgers}


def digest(server: Server) -> tuple[str, str]:
    status, body = server.get("/api/v1/digest")
    assert status == 200
    found = json.loads(body)
    return found["zone"], found["vips"]


def test_all_replicas_of_all_clusters_serve_the_same(sites: Sites) -> None:
    for site in sites:
        site.api.apply(*(service(f"same-{site.name}-{n}", "shop") for n in range(20)))
    for site in sites:
        for n in range(20):
            sites.wait_agreed(f"same-{site.name}-{n}.shop.global")
    servers = [server for site in sites for server in site.servers]
    wait_until(lambda: len({digest(server) for server in servers}) == 1, "the digests are equal")


def test_only_one_replica_writes(sites: Sites) -> None:
    east = sites["east"]
    holder = leader(east)
    told = "this replica writes from now on"
    assert told in east.servers[holder].log
    assert told not in east.servers[1 - holder].log


def test_when_the_one_that_writes_is_killed_the_other_does_within_its_lease(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    east.api.apply(service("before", "shop"))
    address = sites.wait_agreed("before.shop.global")
    dead = leader(east)
    east.servers[dead].kill()
    living = east.servers[1 - dead]
    started = time.monotonic()
    east.api.apply(service("after", "shop"))
    while not living.addresses("after.shop.global"):
        assert living.addresses("before.shop.global") == (address,)
        assert time.monotonic() < started + 60
        time.sleep(0.05)
    west.server.wait_answer("after.shop.global", *living.addresses("after.shop.global"))
    sites.start(east, dead).wait_ready()
    assert sites.wait_agreed("after.shop.global")


def test_one_that_was_halted_finds_out_that_another_writes_now(sites: Sites) -> None:
    east = sites["east"]
    halted = leader(east)
    control = Family(east.servers[halted]).control()
    os.kill(control, signal.SIGSTOP)
    try:
        other = 1 - halted
        wait_until(lambda: leader(east) == other, "the other has the lease")
        east.api.apply(service("meanwhile", "shop"))
        east.servers[other].wait_answer("meanwhile.shop.global")
        sites["west"].server.wait_answer("meanwhile.shop.global")
        before = versions(east)
    finally:
        os.kill(control, signal.SIGCONT)
    address = sites.wait_agreed("meanwhile.shop.global")
    east.servers[halted].wait_log("this replica does not write any more")
    time.sleep(2)  # in which it would write what it has just heard of
    assert versions(east) == before, "who was halted writes nothing after it wakes"
    claims = east.claims()["meanwhile.shop"]
    assert [line.split()[1] for line in claims] == [address]
    assert leader(east) == other


AN_HOUR_AHEAD = """
import time
told = time.time_ns
time.time_ns = lambda: told() + 3_600_000_000_000
"""
"""What Python reads at its start, before anything asks for the time."""


def test_one_whose_clock_is_wrong_lets_the_other_write(sites: Sites, tmp_path: Path) -> None:
    east = sites["east"]
    (tmp_path / "sitecustomize.py").write_text(AN_HOUR_AHEAD)
    wrong = leader(east)
    for server in east.servers:
        server.kill()
    east.api.apply(service("late", "shop"))
    skewed = sites.start(east, wrong, PYTHONPATH=str(tmp_path))
    skewed.wait_log("the API server's")
    assert "late.shop" not in east.claims(), "it dates nothing"
    right = sites.start(east, 1 - wrong)
    wait_until(lambda: leader(east) == 1 - wrong, "the other has the lease")
    right.wait_answer("late.shop.global")
    assert sites.wait_agreed("late.shop.global")
    skewed.kill()
    sites.start(east, wrong).wait_ready()
