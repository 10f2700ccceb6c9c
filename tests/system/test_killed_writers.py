"""kill -9 in the middle of many writes: what stands then misroutes nobody, and another goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system.api_servers import ApiServer
from tests.system.istio_kinds import definitions
from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace
from tests.system.test_replicas import leader
from tests.system.test_routes import DOORS, ENTRIES, RULES, door, labelled, workload

pytestmark = pytest.mark.timeout(1200)

SECONDS = 240.0
"""Until all requests are made, so many a second, once the lease of who was killed has ended."""
COUNT = 120
NAMES = [f"web{number}" for number in range(COUNT)]


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """East with two replicas, and west, which exports many services to it."""
    sites = Sites(
        tmp_path_factory.mktemp("sites"),
        lend_api_servers(2),
        routing={"probes": {"interval": "0s"}, "writes_per_second": 20},
        dns={"ttl": "1s", "negative_ttl": "1s"},
    )
    sites.join()
    for site in sites:
        network = {"topology.istio.io/network": f"net-{site.name}"}
        site.api.apply(*definitions(), labelled("istio-system", **network), door(site.name))
        site.api.apply(namespace("shop"))
    try:
        for name, number in (("east", 0), ("east", 1), ("west", 0)):
            sites.start(sites[name], number)
        for site in sites:
            for server in site.servers:
                server.wait_ready()
        yield sites
    finally:
        sites.close()


def ours(site: Site, kind: str, key: str) -> dict[str, dict[str, Any]]:
    """Return the specs of ours by the host that they are about."""
    found = [one for one in site.api.objects(kind) if is_ours(one)]
    hosts = [one["spec"][key] for one in found]
    names = [one if isinstance(one, str) else one[0] for one in hosts]
    assert len({*names}) == len(names), "no host twice"
    return {name: one["spec"] for name, one in zip(names, found, strict=True)}


def is_ours(one: dict[str, Any]) -> bool:
    return "globaldns.io/owned-by" in one["metadata"].get("labels", {})


def look(site: Site) -> dict[str, dict[str, Any]]:
    """Return the entries that stand, of which each says all that it is to say, and has its rule."""
    entries = ours(site, ENTRIES, "hosts")
    rules = ours(site, RULES, "host")  # afterwards: what an entry needs was there before it
    for host, spec in entries.items():
        assert [one["address"] for one in spec["endpoints"]] == [DOORS["west"]], host
        assert len(spec["addresses"]) == 1, host
        assert host in rules, f"{host} has no rule"
        (port,) = rules[host]["trafficPolicy"]["portLevelSettings"]
        plain = host.removesuffix(".global")
        assert port["tls"]["sni"] == f"outbound_.80_._.{plain}.svc.cluster.local"
    return entries


def kill_leader(site: Site) -> int:
    """Kill who writes; return which replica goes on."""
    dead = leader(site)
    site.servers[dead].kill()
    return 1 - dead


def until(site: Site, holds: Callable[[int], bool], what: str) -> None:
    """Look at all that stands, again and again, until as many stand as are to."""
    wait_until(lambda: holds(len(look(site))), what, seconds=SECONDS)


def test_no_half_of_a_route_stands_wherever_who_writes_is_killed(sites: Sites) -> None:
    east, west = sites
    for number, name in enumerate(NAMES):
        west.api.apply(*workload(name, f"10.2.{number // 200}.{number % 200 + 1}"))
    until(east, lambda count: count >= COUNT // 4, "some are written")
    living = kill_leader(east)
    assert len(look(east)) < COUNT, "it was killed in the middle"
    until(east, lambda count: count == COUNT, "the other has written the rest")
    server = east.servers[living]
    for host, spec in look(east).items():
        assert server.addresses(host) == tuple(spec["addresses"])
    assert east.replica(living).run("diff").returncode == 0
    # The same while they go.
    sites.start(east, 1 - living).wait_ready()
    for name in NAMES:
        for kind in ("services", "endpointslices.discovery.k8s.io"):
            west.api.delete(kind, name, "shop")
    wait_until(lambda: left(east) <= COUNT * 3 // 4, "some are withdrawn", seconds=SECONDS)
    kill_leader(east)
    assert left(east) > 0, "it was killed in the middle"
    wait_until(
        lambda: left(east) == 0 and not ours(east, RULES, "host"),
        "all are withdrawn",
        seconds=SECONDS,
    )


def left(site: Site) -> int:
    """Return how many entries are left, of which each has its rule still."""
    rules = ours(site, RULES, "host")  # beforehand: what an entry needs goes after it
    entries = ours(site, ENTRIES, "hosts")
    assert entries.keys() <= rules.keys()
    return len(entries)
