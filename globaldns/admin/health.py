"""Probes and metrics: ``/livez``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from globaldns.admin.readings import Readings

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus text exposition format."""


def add_routes(application: web.Application, readings: Readings) -> None:
    """Serve the probes and the metrics of a server."""

    async def livez(_: web.Request) -> web.Response:
        return _verdict(readings.live())

    async def readyz(_: web.Request) -> web.Response:
        return _verdict(readings.readiness())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=readings.metrics_text(), headers={"Content-Type": METRICS_TYPE})

    application.router.add_get("/livez", livez)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics)


def _verdict(reasons: tuple[str, ...]) -> web.Response:
    """Return 200, or 503 with one line per reason."""
    if not reasons:
        return web.Response(text="ok\n")
    body = "".join(f"{reason}\n" for reason in reasons)
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=body)
