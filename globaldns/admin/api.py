"""The paths below ``/api/v1``: read-only, JSON.

What looks at every service runs in a thread over values that never change: answering DNS does not
wait for it. One such thread at a time, because each takes its turns of the interpreter from DNS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import msgspec
from aiohttp import web

from globaldns.admin.clusters import list_clusters
from globaldns.admin.events import Snapshot, Subscription
from globaldns.admin.query import parse_selection, parse_vip_selection
from globaldns.admin.readings import Readings
from globaldns.admin.reporting import (
    collect_unwritten,
    find_service,
    parse_name,
    report_conflicts,
    report_digest,
    report_page,
    report_service,
)
from globaldns.admin.routes import explain_notices, report_notices, report_routes
from globaldns.admin.streaming import stream
from globaldns.admin.vips import report_vip_page
from globaldns.errors import InvalidAddress
from globaldns.model.address import parse_address
from globaldns.registry.explain import explain

ROOT = "/api/v1"

_Inputs = ParamSpec("_Inputs")


def add_routes(application: web.Application, readings: Readings) -> None:
    """Serve the API of a server."""
    api = Api(readings)
    routes: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
        "/services": api.services,
        "/services/{host}": api.service,
        "/explain/{subject}": api.explain,
        "/vips": api.vips,
        "/clusters": api.clusters,
        "/conflicts": api.conflicts,
        "/notices": api.notices,
        "/digest": api.digest,
        "/config": api.config,
        "/stub": api.stub,
    }
    for path, answer in routes.items():
        application.router.add_get(f"{ROOT}{path}", answer)
    # A HEAD would listen and be told nothing.
    application.router.add_get(f"{ROOT}/events", api.events, allow_head=False)
    application.on_shutdown.append(api.end_streams)


class Api:
    """What each path answers; refusals are exceptions, which the server explains."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._turn = asyncio.Lock()
        self._streams: set[Subscription] = set()

    async def services(self, request: web.Request) -> web.Response:
        """Answer a page of services."""
        mesh = self._readings
        selection = parse_selection(request.query.items(), clusters=mesh.config.clusters)
        unwritten = collect_unwritten(mesh.registry.unwritten)
        return await self._build(
            report_page, mesh.services, selection, mesh.registry.claims, unwritten
        )

    async def service(self, request: web.Request) -> web.Response:
        """Answer one service."""
        registry = self._readings.registry
        service = find_service(
            self._readings.services, request.match_info["host"], registry.settings.zones
        )
        unwritten = collect_unwritten(registry.unwritten)
        return _respond(report_service(service, registry.claims, unwritten))

    async def explain(self, request: web.Request) -> web.Response:
        """Answer why a host or a VIP is answered as it is."""
        registry, subject = self._readings.registry, request.match_info["subject"]
        try:
            parse_address(subject)
        except InvalidAddress:
            parse_name(subject, registry.settings.zones)
        mesh = self._readings
        found = explain(
            registry, subject, mesh.refused(), now=mesh.now, failure=mesh.ledger_failure
        )
        if (service := mesh.services.get(found.host)) is not None:
            notices = explain_notices(mesh.notices_of(service))
            routes = report_routes(mesh, service)
            written = mesh.route_progress(service.host)
            found = msgspec.structs.replace(found, routes=routes, notices=notices, written=written)
        return _respond(found)

    async def vips(self, request: web.Request) -> web.Response:
        """Answer a page of VIPs."""
        registry = self._readings.registry
        selection = parse_vip_selection(request.query.items(), zones=registry.settings.zones)
        return await self._build(report_vip_page, registry, selection, now=self._readings.now)

    async def clusters(self, _: web.Request) -> web.Response:
        """Answer all clusters."""
        return _respond(list_clusters(self._readings))

    async def conflicts(self, _: web.Request) -> web.Response:
        """Answer all conflicts."""
        return await self._build(report_conflicts, self._readings.registry.conflicts())

    async def notices(self, _: web.Request) -> web.Response:
        """Answer what routes do not serve."""
        tell = self._readings.notices()
        return await self._build(lambda: report_notices(tell()))

    async def digest(self, _: web.Request) -> web.Response:
        """Answer the hashes of what is served."""
        settings = self._readings.registry.settings
        return await self._build(
            report_digest, self._readings.snapshot, zones=settings.zones, pools=settings.pools
        )

    async def config(self, _: web.Request) -> web.Response:
        """Answer the configuration in force."""
        return _respond(self._readings.config_report())

    async def stub(self, _: web.Request) -> web.Response:
        """Answer how the cluster's own DNS is kept."""
        return _respond(self._readings.stub_report())

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Answer what is served now, and every change until the client goes or the server stops."""
        subscription, now = self._readings.subscribe(), self._readings.snapshot
        first = Snapshot(serial=now.serial, services=len(now.services), complete=now.complete)
        self._streams.add(subscription)
        try:
            return await stream(request, subscription, first)
        finally:
            self._streams.discard(subscription)

    async def end_streams(self, _: web.Application) -> None:
        """End every stream."""
        for subscription in self._streams:
            subscription.end()

    async def _build(
        self,
        build: Callable[_Inputs, msgspec.Struct],
        *args: _Inputs.args,
        **kwargs: _Inputs.kwargs,
    ) -> web.Response:
        """Answer what a function returns, which takes its time, in a thread."""
        async with self._turn:
            body = await asyncio.to_thread(lambda: msgspec.json.encode(build(*args, **kwargs)))
        return _respond_encoded(body)


def _respond(report: msgspec.Struct) -> web.Response:
    return _respond_encoded(msgspec.json.encode(report))


def _respond_encoded(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
