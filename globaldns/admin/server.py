"""The HTTP server: its life, its limits, its refusals, and the headers of every response.

A failure that nobody foresaw is answered by aiohttp itself: a plain 500 on a connection that then
closes, and one error in the log with the traceback.

Standards:
    RFC 9110 section 15.5.6   405 carries Allow
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from globaldns.admin import api, health
from globaldns.admin.problems import CONTENT_TYPE, RequestProblem, describe, encode_problem
from globaldns.admin.readings import Readings
from globaldns.config.values import split_listen
from globaldns.errors import InvalidHost, ListenError, RequestRefused
from globaldns.model.address import is_address

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long requests in flight may take when the server stops."""
KEEPALIVE_SECONDS = 30.0
"""Prometheus scrapes every 15 to 30 s and keeps its connection between."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "globaldns",
    "X-Content-Type-Options": "nosniff",
}


class AdminServer:
    """Serves one set of readings on one address, read-only."""

    def __init__(self, readings: Readings, *, listen: str) -> None:
        self._host, self._port = split_listen(listen)
        self._runner = web.AppRunner(
            build(readings, loopback=ip_address(self._host).is_loopback),
            access_log=None,
            logger=logger,
            handle_signals=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=STOP_SECONDS,
            # A client that went away frees what was built for it.
            handler_cancellation=True,
        )

    @property
    def address(self) -> str:
        """Where it listens, as ``address:port``; the port that the system chose for port 0."""
        host, port = self._runner.addresses[0][:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ListenError: the address is taken or is none of ours.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            shows = f"ss -lptn 'sport = :{self._port}' shows who has it; "
            raise ListenError(
                f"admin.listen {self._host}:{self._port}: {(error.strerror or str(error)).lower()}",
                hint=(shows if error.errno == errno.EADDRINUSE else "")
                + "choose another address or port with admin.listen",
            ) from error

    async def stop(self) -> None:
        """Close every connection, streams at once, other requests when they are answered."""
        await self._runner.cleanup()


def build(readings: Readings, *, loopback: bool) -> web.Application:
    """Return the application; ``loopback`` says that only this machine is meant to reach it."""
    middlewares = [_explain_errors, *([_refuse_foreign_names] if loopback else [])]
    application = web.Application(middlewares=middlewares, client_max_size=1)
    application.on_response_prepare.append(_add_headers)
    health.add_routes(application, readings)
    api.add_routes(application, readings)
    return application


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@web.middleware
async def _explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every refusal into a problem document."""
    try:
        return await handler(request)
    except RequestProblem as problem:
        return _refuse(problem.status, problem.detail)
    except InvalidHost as error:
        return _refuse(HTTPStatus.BAD_REQUEST, describe(error))
    except RequestRefused as error:
        return _refuse(HTTPStatus.NOT_FOUND, describe(error))
    except web.HTTPMethodNotAllowed as error:
        detail = f"{request.method} is not allowed: the API only reads"
        allow = {"Allow": ", ".join(sorted(error.allowed_methods))}
        return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, detail, allow)
    except web.HTTPNotFound:
        return _refuse(HTTPStatus.NOT_FOUND, f"there is nothing at {request.path}")


def _refuse(
    status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = encode_problem(status, detail)
    return web.Response(status=status, body=body, content_type=CONTENT_TYPE, headers=headers)


@web.middleware
async def _refuse_foreign_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a Host that is neither an address nor localhost.

    A web page whose name was pointed at 127.0.0.1 (DNS rebinding) would read the answers otherwise.
    """
    name = _strip_port(request.headers.get("Host", "localhost"))
    if name.lower() != "localhost" and not is_address(name):
        raise RequestProblem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"{name!r} is not this server's name: it has an address, or localhost",
        )
    return await handler(request)


def _strip_port(host: str) -> str:
    """Return what a Host header names, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
