"""The documents of Envoys while a server runs: current, together, and never in anybody's way."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from immutables import Map
from msgspec.structs import replace

from globaldns.app.envoywriting import EnvoySeams, EnvoyWriter, remedy
from globaldns.config.routing import EnvoySettings
from globaldns.model.export import Gateway
from globaldns.model.host import Host
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.model.view import SetGateways
from globaldns.registry.delta import Delta
from globaldns.registry.views import Views
from globaldns.tasks import Backoff
from tests.app.meshes import Place, until
from tests.envoy.meshes import FAR, NEAR, web
from tests.registry.mesh import settings

GATEWAY = Gateway("n2", "2.2.2.2", 15443, "west")


class Server:
    """What of a server a writer is made from."""

    def __init__(self, place: Place) -> None:
        self.directory = place.folder / "envoys"
        east = replace(place.config.clusters["east"], network="n1")  # type: ignore[index]
        self.config = replace(
            place.config,
            envoy=EnvoySettings(directory=self.directory),
            clusters={**place.config.clusters, "east": east},  # type: ignore[dict-item]
        )
        self.services: Map[Host, Service] = Map()
        self.views = Views(settings())
        self.views.set_way_in(SetGateways("west", (GATEWAY,)))
        self.reach: dict[Gateway, Reach] = {}
        self.numbered = asyncio.Event()
        self.numbered.set()
        self.failures = 0
        self.writer = EnvoyWriter(
            EnvoySeams(
                config=lambda: self.config,
                views=self.views,
                services=lambda: self.services,
                reach=lambda: self.reach,
                until_numbered=self.numbered.wait,
                count_failure=self._count_failure,
            )
        )

    def _count_failure(self) -> None:
        self.failures += 1

    @property
    def clusters(self) -> Path:
        return self.directory / "sidecar" / "cds.json"

    def say(self, *every: Service) -> None:
        """Tell of all services that there are now."""
        before, self.services = self.services, Map({one.host: one for one in every})
        removed = tuple(set(before) - set(self.services))
        self.writer.tell(Delta(complete=True, services=every, removed=removed))

    async def until_told(self, text: str, *, absent: bool = False) -> None:
        path = self.clusters
        await until(lambda: path.exists() and (text in path.read_text()) is not absent, every=0.01)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.writer.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def server(place: Place, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr("globaldns.app.envoywriting.LOOK_SECONDS", 0.01)
    return Server(place)


def withdraw_after(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr("globaldns.app.envoywriting.withdraw_seconds", lambda _: seconds)


async def test_a_turn_is_written_for_both_roles(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraw_after(monkeypatch, 0.0)
    server.say(web(NEAR))
    async with running(server):
        await server.until_told("10.0.0.1")
        await until((server.directory / "gateway" / "lds.json").exists, every=0.01)
        server.say(web(NEAR, FAR))
        await server.until_told("2.2.2.2")
        server.say()
        await server.until_told("10.0.0.1", absent=True)


async def test_a_route_goes_some_time_after_its_name(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = web(FAR, host="b.shop", vips=(b"\xf0\x80\0\2",))
    withdraw_after(monkeypatch, 3600.0)
    server.say(web(NEAR))
    async with running(server):
        await server.until_told("10.0.0.1")
        server.say(other)
        await server.until_told("2.2.2.2")
        assert "10.0.0.1" in server.clusters.read_text()
        server.config = replace(
            server.config,
            routing=replace(server.config.routing, trust_domain="mesh.example"),  # type: ignore[arg-type]
        )
        server.writer.wake()
        await server.until_told("spiffe://mesh.example")
        assert "10.0.0.1" in server.clusters.read_text()
        withdraw_after(monkeypatch, 0.0)  # nobody tells that time is over
        await server.until_told("10.0.0.1", absent=True)
        assert "2.2.2.2" in server.clusters.read_text()


async def test_a_service_that_comes_back_in_that_time_is_as_it_is_then(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.say(web(NEAR))
    async with running(server):
        await server.until_told("10.0.0.1")
        server.say()
        server.say(web(FAR))
        await server.until_told("2.2.2.2")
        withdraw_after(monkeypatch, 0.0)
        await asyncio.sleep(0.1)
        assert "2.2.2.2" in server.clusters.read_text()


async def test_pem_files_that_are_missing_are_told_of_and_told_to_envoys_once_they_come(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    certs = server.directory.parent / "certs"
    names = ("certificate", "key", "authority")
    envoy = EnvoySettings(directory=server.directory, **{name: certs / name for name in names})
    server.config = replace(server.config, envoy=envoy)
    pair = server.directory / "sidecar" / "sds-certificate.json"
    roots = server.directory / "gateway" / "sds-authority.json"
    with caplog.at_level(logging.INFO, "globaldns"):
        async with running(server):
            await until(lambda: bool(caplog.records), every=0.01)
            before = pair.read_bytes(), roots.read_bytes()
            assert str(certs / "key") in caplog.records[0].files  # type: ignore[attr-defined]
            certs.mkdir()
            (certs / "authority").write_text("PEM")
            await until(lambda: roots.read_bytes() != before[1], every=0.01)
            (certs / "certificate").write_text("PEM")
            await asyncio.sleep(0.1)
            assert pair.read_bytes() == before[0]
            (certs / "key").write_text("PEM")
            await until(lambda: pair.read_bytes() != before[0], every=0.01)
            await until(lambda: "have all" in caplog.records[-1].message, every=0.01)


async def test_nothing_is_written_before_all_is_numbered(server: Server) -> None:
    server.numbered.clear()
    server.say(web(NEAR))
    async with running(server):
        await asyncio.sleep(0.05)
        assert not server.directory.exists()
        server.numbered.set()
        await server.until_told("10.0.0.1")


async def test_nothing_is_written_before_every_name_of_a_gateway_was_looked_up(
    server: Server,
) -> None:
    named = replace(GATEWAY, address="gw.example")
    server.views.set_way_in(SetGateways("west", (named,)))
    server.reach = {named: Reach()}
    server.say(web(NEAR, FAR))
    async with running(server):
        await asyncio.sleep(0.05)
        assert not server.directory.exists()
        server.reach = {named: Reach(("2.2.2.9",))}
        server.writer.wake()
        await server.until_told("2.2.2.9")
        assert "10.0.0.1" in server.clusters.read_text()


async def test_a_name_that_comes_later_takes_nobodys_way_and_has_nothing_wait(
    server: Server,
) -> None:
    server.say(web(NEAR, FAR))
    async with running(server):
        await server.until_told("2.2.2.2")
        named = replace(GATEWAY, address="gw.example")
        server.views.set_way_in(SetGateways("west", (named,)))
        server.reach = {named: Reach()}
        server.say(web(FAR))
        await server.until_told("10.0.0.1", absent=True)
        assert "2.2.2.2" in server.clusters.read_text()
        server.reach = {named: Reach(("2.2.2.9",))}
        server.writer.wake()
        await server.until_told("2.2.2.9")
        await server.until_told("2.2.2.2", absent=True)


async def test_other_gateways_are_other_documents(server: Server) -> None:
    server.say(web(NEAR, FAR))
    async with running(server):
        await server.until_told("2.2.2.2")
        server.reach = {GATEWAY: Reach(("2.2.2.3",))}
        server.writer.wake()
        await server.until_told("2.2.2.3")


async def test_without_a_directory_nothing_is_kept_until_there_is_one(server: Server) -> None:
    kept, server.config = server.config, replace(server.config, envoy=EnvoySettings())
    server.say(web(NEAR))
    async with running(server):
        await asyncio.sleep(0.05)
        assert not server.directory.exists()
        server.config = kept
        server.writer.wake()
        await server.until_told("10.0.0.1")


async def test_an_endpoint_that_is_gone_waits_for_no_pause(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globaldns.app.envoywriting.LEAST_SECONDS", 3600.0)
    monkeypatch.setattr("globaldns.app.envoywriting.MOST_SECONDS", 3600.0)
    server.say(web(NEAR))
    async with running(server):
        await server.until_told("10.0.0.1")
        await asyncio.sleep(0.1)
        server.say(web(NEAR, FAR))
        await asyncio.sleep(0.1)
        assert "2.2.2.2" not in server.clusters.read_text()
        server.say(web(FAR))
        await server.until_told("2.2.2.2")
        assert "10.0.0.1" not in server.clusters.read_text()


async def test_what_cannot_be_written_is_said_and_tried_again(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("globaldns.app.envoywriting.RETRY", Backoff(0.01, 0.01))
    server.directory.write_text("no directory")
    server.say(web(NEAR))
    with caplog.at_level(logging.INFO, "globaldns"):
        async with running(server):
            await until(lambda: bool(caplog.records), every=0.01)
            server.directory.unlink()
            await server.until_told("10.0.0.1")
            again = "the documents of Envoys are written again"
            await until(lambda: caplog.records[-1].message == again, every=0.01)
    failures = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert failures[0].message.startswith("the documents of Envoys are not written")
    assert "envoy.directory" in failures[0].fix  # type: ignore[attr-defined]
    assert server.failures == len(failures)


def test_a_remedy_names_the_key_of_the_directory() -> None:
    assert remedy(OSError(errno.EACCES, "denied")).endswith("envoy.directory")
    assert remedy(OSError(errno.ENOSPC, "full")) == "free some space on that disk"
