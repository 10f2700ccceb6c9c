"""A small mesh behind ``Readings``, and an admin endpoint for it on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from globaldns.admin.events import Broadcast, Subscription
from globaldns.admin.reports import ConfigReport, ReloadReport, StubReport
from globaldns.admin.server import AdminServer
from globaldns.config.loading import inspect_text
from globaldns.config.schema import Config
from globaldns.errors import LedgerError
from globaldns.istio.notices import Notice, to_finding
from globaldns.model.explanation import RouteProgress
from globaldns.model.export import Endpoint, Export, Gateway, Port
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.model.snapshot import Snapshot
from globaldns.model.view import Freshness
from globaldns.registry.registry import Registry
from globaldns.registry.settings import ClusterRules, RegistrySettings
from globaldns.sources.secrets import Refused
from tests.admin.client import Answer, fetch
from tests.registry.mesh import NEVER_LOST, export, remember, reset, settings, settled

CONFIG = """\
cluster: east
zones: [global, mesh.example]
clusters:
  east:
    source: {directory: east}
    network: network1
    gateways: [{address: 203.0.113.1}]
  west: {source: {directory: west}}
  north: {source: {directory: north}}
"""
ZONES = ("global", "mesh.example")
CLUSTERS = ("east", "west", "north")


def with_endpoints(export: Export, *networks: str, ready: bool = True) -> Export:
    endpoints = tuple(
        Endpoint(f"192.0.2.{place}", network=network, ready=ready)
        for place, network in enumerate(networks, 1)
    )
    return msgspec.structs.replace(export, endpoints=endpoints)


def make_settings() -> RegistrySettings:
    rules = ClusterRules(allow_hosts=("*.wild.global",), lost=NEVER_LOST)
    return msgspec.structs.replace(
        settings("east", zones=ZONES), clusters=dict.fromkeys(CLUSTERS, rules)
    )


def make_registry() -> Registry:
    """Three services; ``reviews.bookinfo`` is in two clusters, which disagree on its port."""
    registry = Registry(make_settings())
    reviews = with_endpoints(export("reviews.bookinfo", created_at=1), "network1")
    elsewhere = export("reviews.bookinfo", "west", created_at=2, ports=(Port(80, "http", "TCP"),))
    return settled(
        registry,
        reset("east", reviews, export("*.wild"), export("only.shop", zones=("mesh.example",))),
        reset("west", with_endpoints(elsewhere, "network2", "network2", "network3")),
    )


class Mesh:
    """What the endpoint reads; a test may set everything."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self.config = config
        self.registry = registry
        self.services: Mapping[Host, Service] = registry.services
        self.broadcast = Broadcast()
        self.now = 1_767_323_045
        self.reasons_to_restart: tuple[str, ...] = ()
        self.refusals: list[Finding] = []
        self.reasons_not_ready: tuple[str, ...] = ()
        self.freshness_known: dict[str, Freshness] = {}
        self.reach: Mapping[Gateway, Reach] = {}
        self.refused_secrets: tuple[Refused, ...] = ()
        self.written: RouteProgress | None = None
        self.told: tuple[Notice, ...] = ()
        self.networks: tuple[Finding, ...] = ()
        self.ledger_trouble: LedgerError | None = None

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(2026, complete=True, services=self.registry.services)

    def turn(self, change: Callable[[Registry], None]) -> None:
        change(self.registry)
        self.services = self.registry.services

    def ambient_namespaces(self) -> Mapping[str, frozenset[str]]:
        return {}

    def freshness(self) -> Mapping[str, Freshness]:
        return self.freshness_known

    @property
    def ledger_failure(self) -> str:
        return ""

    def refused(self) -> Iterator[Finding]:
        return iter(self.refusals)

    def notices_of(self, service: Service) -> tuple[Notice, ...]:
        return tuple(one for one in self.told if one.host.startswith(service.host))

    def route_progress(self, host: Host) -> RouteProgress | None:
        return self.written if host in self.services else None

    def notices(self) -> Callable[[], list[Finding]]:
        return lambda: [*self.networks, *(to_finding(one, "east") for one in self.told)]

    def live(self) -> tuple[str, ...]:
        return self.reasons_to_restart

    def readiness(self) -> tuple[str, ...]:
        return self.reasons_not_ready

    def metrics_text(self) -> bytes:
        return b"globaldns_services 3\n"

    def config_report(self) -> ConfigReport:
        return ConfigReport(
            path="globaldns.yaml",
            cluster=self.config.cluster,
            reload=ReloadReport(at="2026-01-02T03:04:05Z", accepted=True),
            config={"cluster": self.config.cluster},
        )

    def stub_report(self) -> StubReport:
        return StubReport(reason="stub.manage is not set")

    def subscribe(self) -> Subscription:
        return self.broadcast.subscribe()


@pytest.fixture(scope="session", autouse=True)
def no_loop_outside_tests() -> None:
    """Keep pytest-asyncio from making a loop of the thread, which nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture
def config() -> Config:
    loaded = inspect_text(CONFIG, folder=Path("/etc/globaldns"), env={"HOME": "/home/jo"})
    assert loaded.config is not None
    return loaded.config


@pytest.fixture
def mesh(config: Config) -> Mesh:
    return Mesh(config, make_registry())


@pytest.fixture
def unnumbered(config: Config) -> Mesh:
    """The mesh of a server whose ledger does not have the numbers yet."""
    registry = Registry(make_settings())
    registry.settle(10)
    registry.apply([reset("east", export("reviews.bookinfo"))], 10)
    return Mesh(config, registry)


@pytest.fixture
def renumber() -> Callable[[Registry, str, int], None]:
    """Move a host to another VIP, and remember it."""

    def renumber(registry: Registry, host: str, now: int) -> None:
        remember(registry, registry.renumber([Host(host)], now), now)

    return renumber


@pytest.fixture
async def server(mesh: Mesh) -> AsyncIterator[AdminServer]:
    server = AdminServer(mesh, listen="127.0.0.1:0")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
def get(server: AdminServer) -> Callable[[str], Awaitable[Answer]]:
    """Ask for a path, exactly as it is written."""
    return lambda target: fetch(server.address, target)
