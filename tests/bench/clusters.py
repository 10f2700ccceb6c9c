"""Three real clusters: how long the first reading takes, what it needs, and a change's way to all.

Each cluster is an etcd and a kube-apiserver; the services are spread over them, each a Service with
an EndpointSlice. Servers, API servers and the load share the machine's cores.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.bench import measure
from tests.bench.subject import Figures, say
from tests.system.api_servers import ApiServer, start_all
from tests.system.running import Server
from tests.system.sites import Site, Sites, namespace

AT_ONCE = 32
SETTLING_SECONDS = 5.0


class Size(msgspec.Struct, frozen=True):
    """How much."""

    services: int
    namespaces: int
    changes: int


FULL = Size(services=100_000, namespaces=300, changes=200)
SMALL = Size(services=300, namespaces=6, changes=10)


def host(number: int, size: Size) -> str:
    """Return the name of a service."""
    return f"s{number}.n{number % size.namespaces}"


def objects(numbers: Iterable[int], size: Size) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and body of every object of some services."""
    for number in numbers:
        name, space = host(number, size).split(".")
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        metadata = {"name": name, "annotations": {"globaldns.io/export": "true"}}
        spec = {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}
        yield f"/api/v1/namespaces/{space}/services", {"metadata": metadata, "spec": spec}
        yield (
            f"/apis/discovery.k8s.io/v1/namespaces/{space}/endpointslices",
            {
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [address]}],
                "ports": [{"name": "http", "port": 8080}],
            },
        )


async def create(api: ApiServer, wanted: Iterator[tuple[str, dict[str, Any]]]) -> None:
    """Create objects as fast as the API server takes them."""
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(ssl=api.ssl, limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def work() -> None:
            for path, body in wanted:
                async with session.post(api.url + path, data=json.dumps(body)) as reply:
                    if reply.status >= 300:
                        raise RuntimeError(f"{path}: {reply.status} {await reply.text()}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


class Mesh:
    """Three clusters full of services."""

    def __init__(self, folder: Path, size: Size, stack: ExitStack) -> None:
        self.size = size
        apis = [ApiServer(folder / f"cluster{number}") for number in range(3)]
        for api in apis:
            stack.push(api)
        start_all(apis)
        self.sites = Sites(folder / "sites", apis)
        stack.callback(self.sites.close)
        self.sites.join()

    def fill(self) -> None:
        """Create all services."""
        spaces = [namespace(f"n{number}") for number in range(self.size.namespaces)]
        for index, site in enumerate(self.sites):
            paths = iter([("/api/v1/namespaces", one) for one in spaces])
            asyncio.run(create(site.api, paths))
            numbers = range(index, self.size.services, 3)
            asyncio.run(create(site.api, objects(numbers, self.size)))
            say(f"… {len(numbers):,} services in {site.name}")

    def start(self, site: Site, since: float) -> tuple[Server, float]:
        """Start a server; return it, and the seconds until every name is answered."""
        server = self.sites.start(site)
        return server, max(
            seconds_until(server, self.size.services - 1 - back, self.size, since)
            for back in range(3)
        )

    def change(self, number: int) -> float:
        """Create one service more in some cluster; return the seconds until all answer it."""
        site = list(self.sites)[number % 3]
        started = time.monotonic()
        asyncio.run(create(site.api, objects([number], self.size)))
        return max(
            seconds_until(server, number, self.size, started)
            for each in self.sites
            for server in each.servers
        )


def seconds_until(server: Server, number: int, size: Size, since: float) -> float:
    """Return the seconds since some moment until a server answers a service."""
    probe = measure.Probe(server.mesh.dns_port)
    try:
        return probe.seconds_until(f"{host(number, size)}.global", since)
    finally:
        probe.close()


def run(folder: Path, size: Size) -> Figures:
    """Measure everything."""
    with ExitStack() as stack:
        say("starting three clusters")
        mesh = Mesh(folder, size, stack)
        started = time.monotonic()
        mesh.fill()
        figures: Figures = {
            "services": float(size.services),
            "objects_per_second": 2 * size.services / (time.monotonic() - started),
        }
        say("… first server")
        east, west, north = mesh.sites
        started = time.monotonic()
        server = mesh.sites.start(east)
        with measure.PeakMemory(server.process.pid) as peak:
            last = [size.services - 1 - back for back in range(3)]
            every = max(seconds_until(server, one, size, started) for one in last)
            server.wait_ready()
            time.sleep(SETTLING_SECONDS)
        settled = measure.memory_mib(server.process.pid)
        figures |= {
            "first_sync_seconds": every,
            "first_sync_peak_mib": peak.mib,
            "first_sync_mib": settled,
        }
        say("… the others")
        for site in (west, north):
            mesh.start(site, time.monotonic())
        time.sleep(SETTLING_SECONDS)
        say("… changes")
        ways = sorted(mesh.change(size.services + one) for one in range(size.changes))
        figures |= {
            "change_p50_milliseconds": statistics.median(ways) * 1e3,
            "change_p99_milliseconds": ways[-1 - len(ways) // 100] * 1e3,
            "change_slowest_milliseconds": ways[-1] * 1e3,
        }
        say("… everything listed again")
        before = measure.memory_mib(server.process.pid)
        with measure.PeakMemory(server.process.pid) as peak:
            for site in mesh.sites:
                site.api.forget_history()
            number = size.services + size.changes
            mesh.change(number)
            time.sleep(SETTLING_SECONDS)
        figures |= {"mib": before, "relist_peak_mib": peak.mib, "relist_growth": peak.mib / before}
    return figures
