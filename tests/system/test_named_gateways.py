"""A gateway's name that comes while a server runs, and has no address yet."""

from __future__ import annotations

import signal
import socket
from typing import Any

from tests.system.running import wait_until
from tests.system.sites import Site, Sites, namespace
from tests.system.test_routes import DOORS, endpoints, entry, sites, workload

__all__ = ["sites"]


def configure(site: Site, gateway: str, resolver: str) -> None:
    """Have a running server know west's gateway by an address or a name."""
    west: dict[str, Any] = {"gateways": [{"address": gateway}]}
    probes = {"interval": "0s", "resolvers": [resolver]}
    site.replica().configure(clusters={"west": west}, routing={"probes": probes})
    site.server.signal(signal.SIGHUP)


def test_a_new_name_has_nobody_wait_and_takes_no_gateway_from_a_route(sites: Sites) -> None:
    east, far = sites["east"], (DOORS["west"], {"http": 15443})
    east.api.apply(namespace("shop"), *workload("web", "10.1.0.1"))
    near = ("10.1.0.1", {"http": 8080})
    wait_until(lambda: endpoints(east, "shop") == [near, far], "near and far are written")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = f"127.0.0.1:{silent.getsockname()[1]}"
        configure(east, "gw.west.example", resolver)
        silent.settimeout(60)
        assert b"gw" in silent.recv(512), "its name is looked up"
        east.api.apply(*workload("web", "10.1.0.2"), *workload("new", "10.1.0.3"))
        near = ("10.1.0.2", {"http": 8080})
        wait_until(lambda: endpoints(east, "shop") == [near, far], "the route follows its pod")
        wait_until(lambda: entry(east, "shop", "new") != {}, "a new host is written")
        configure(east, "192.0.2.9", resolver)
        far = ("192.0.2.9", {"http": 15443})
        wait_until(lambda: endpoints(east, "shop") == [near, far], "another way is known")
