"""A dead cluster of a real mesh: taken out by any survivor, and back with all its VIPs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.system.api_servers import ApiServer
from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace, service

ALONE, SHARED = "alone.shop.global", "shared.shop.global"


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Three clusters; west exports what nobody else does, and something that east does too."""
    sites = Sites(tmp_path_factory.mktemp("sites"), lend_api_servers(3))
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    sites["west"].api.apply(service("alone", "shop"), service("shared", "shop"))
    sites["east"].api.apply(service("shared", "shop"))
    try:
        sites.serve()
        yield sites
    finally:
        sites.close()


def command(sites: Sites, cluster: str, *words: str) -> str:
    """Run a command of ``globaldns cluster`` beside a cluster's server; return all it says."""
    done = sites[cluster].replica().run("cluster", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def is_held(site: Site, vip: str) -> bool:
    """Whether a cluster's ledger has west's claim of the host that west alone exports."""
    held = site.replica().run("vip", "export").stdout.splitlines()
    return any(line.startswith(f"alone.shop {vip} ") and " west " in line for line in held)


def test_any_survivor_takes_a_dead_cluster_out_and_it_comes_back_with_its_vips(
    sites: Sites,
) -> None:
    east, west, north = sites
    alone, shared = map(sites.wait_agreed, (ALONE, SHARED))
    west.server.kill()
    west.api.stop()
    said = command(sites, "north", "fence", "west")
    assert "west is fenced" in said
    assert "the word stands in east, north" in said
    assert "not in west: " in said
    for site in (east, north):
        wait_until(lambda: site.server.rcode(ALONE) == "NXDOMAIN", "it counts no more")  # noqa: B023
        assert site.server.addresses(SHARED) == (shared,)
    wait_until(lambda: is_held(north, alone), "its claim is copied, and still held")
    # It is back, and everywhere still fenced: what others say of it counts for itself too.
    west.api.start()
    west.api.wait_ready()
    sites.start(west).wait_ready()
    sites.wait_gone(ALONE)
    assert "is fenced no more" in command(sites, "east", "unfence", "west")
    assert (sites.wait_agreed(ALONE), sites.wait_agreed(SHARED)) == (alone, shared)


def test_a_command_without_a_server_of_its_own_fences_by_way_of_the_api_servers(
    sites: Sites,
) -> None:
    alone = sites.wait_agreed(ALONE)
    north = sites["north"]
    north.server.kill()
    said = command(sites, "north", "fence", "west")
    assert "the word stands in east, north, west" in said
    wait_until(lambda: sites["east"].server.rcode(ALONE) == "NXDOMAIN", "it counts no more")
    command(sites, "north", "unfence", "west")
    wait_until(lambda: sites["east"].server.addresses(ALONE) == (alone,), "it counts again")
    refused = north.replica().run("cluster", "forget", "west")
    assert refused.returncode != 0
    assert "changed by the replica that writes it" in refused.stderr
    assert "kubectl -n globaldns exec" in refused.stderr


def test_a_fence_that_is_left_of_an_unknown_cluster_is_a_notice_and_can_be_ended(
    sites: Sites,
) -> None:
    spec = {"cluster": "gone", "fenced": True, "at": "2026-01-02T03:04:05Z"}
    for site in sites:
        site.api.apply(
            {
                "apiVersion": "globaldns.io/v1alpha1",
                "kind": "ClusterFence",
                "metadata": {"name": "gone"},
                "spec": spec,
            }
        )
    east = sites["east"].replica()
    checked = east.run("check")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("[unknown-cluster]") == 1
    assert "the word stands in east, north, west" in command(sites, "east", "unfence", "gone")
    assert "[unknown-cluster]" not in east.run("check").stdout
    refused = east.run("cluster", "fence", "gone")
    assert refused.returncode == 1
    assert "'gone' is no configured cluster" in refused.stderr
