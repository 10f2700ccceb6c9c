"""A gateway's Service that has lost its load balancer's address, or never had one."""

from __future__ import annotations

import shutil
import signal
from typing import Any

from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace
from tests.system.test_routes import DOORS, RULES, door, endpoints, sites, workload

__all__ = ["sites"]

FAR = (DOORS["west"], {"http": 15443})


def pending(cluster: str) -> dict[str, Any]:
    """Return the Service of an east-west gateway whose load balancer is not there."""
    return {**door(cluster), "status": {"loadBalancer": {}}}


def near(address: str) -> tuple[str, dict[str, int]]:
    return (address, {"http": 8080})


def restart(sites: Sites, site: Site, *, forgets: bool = False) -> None:
    """End a server and start it again, with its state directory or without."""
    site.server.signal(signal.SIGTERM)
    site.server.wait_exit()
    if forgets:
        shutil.rmtree(site.replica().state)
    sites.start(site).wait_ready()


def assert_nothing_to_do(site: Site) -> None:
    compared = site.replica().run("diff")
    assert (compared.returncode, compared.stdout) == (0, ""), compared.stdout + compared.stderr
    tried = site.replica().run("apply", "--dry-run")
    assert (tried.returncode, tried.stdout) == (0, ""), tried.stdout + tried.stderr


def test_a_gateway_that_lost_its_address_is_called_until_it_has_another(sites: Sites) -> None:
    east, west = sites
    west.api.apply(*workload("far", "10.2.0.2"))
    east.api.apply(namespace("shop"), *workload("web", "10.1.0.1"))
    wait_until(lambda: endpoints(east, "shop") == [near("10.1.0.1"), FAR], "near and far")
    wait_until(lambda: endpoints(east, "shop", "far") == [FAR], "far alone")
    west.api.apply(pending("west"))
    for number, forgets in enumerate((None, False, True), 2):
        if forgets is not None:
            restart(sites, east, forgets=forgets)
        assert_nothing_to_do(east)
        address = f"10.1.0.{number}"
        east.api.apply(*workload("web", address))
        wait_until(
            lambda address=address: endpoints(east, "shop") == [near(address), FAR],  # type: ignore[misc]
            "the route follows its pod, and leads to the gateway as before",
        )
        assert endpoints(east, "shop", "far") == [FAR]
        if not forgets:
            west.api.apply(*workload(f"new{number}", f"10.2.1.{number}"))
            wait_until(
                lambda name=f"new{number}": endpoints(east, "shop", name) == [FAR],  # type: ignore[misc]
                "what is new leads there too, while the address is known",
            )
        assert_nothing_to_do(east)
    told = east.replica().run("diff").stderr
    assert "the gateway of west is left out: its Service has no address" in told
    service, *_ = workload("far", "10.2.0.2")
    service["spec"]["ports"].append({"name": "grpc", "port": 9000})
    west.api.apply(service)
    both = (DOORS["west"], {"http": 15443, "grpc": 15443})
    wait_until(lambda: endpoints(east, "shop", "far") == [both], "a new port leads there too")
    wait_until(lambda: "outbound_.9000_._.far.shop" in str(east.api.objects(RULES)), "told so")
    assert_nothing_to_do(east)
    assert east.replica().run("cluster", "fence", "west").returncode == 0
    wait_until(lambda: endpoints(east, "shop") == [near(address)], "who is fenced is not called")
    assert east.replica().run("cluster", "unfence", "west").returncode == 0
    moved = door("west")
    moved["status"]["loadBalancer"]["ingress"] = [{"ip": "192.0.2.9"}]
    west.api.apply(moved)
    there = ("192.0.2.9", both[1])
    wait_until(lambda: endpoints(east, "shop", "far") == [there], "it leads to the new address")
    there = ("192.0.2.9", FAR[1])
    wait_until(lambda: endpoints(east, "shop") == [near(address), there], "so does the other")
