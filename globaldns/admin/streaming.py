"""Events as a response that goes on: server-sent events.

Standards:
    WHATWG HTML, server-sent events   ``event:``, ``data:``, a comment as heartbeat
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
from aiohttp import web

from globaldns.admin.events import Event, Subscription

CONTENT_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""Below the 30 to 60 s after which proxies give up on a silent connection."""
WRITE_SECONDS = 10.0
"""How long a client may leave what was written unread before it is dropped."""


def format_event(event: Event) -> bytes:
    """Return an event as the stream carries it."""
    name = type(event).__struct_config__.tag
    return b"event: %s\ndata: %s\n\n" % (str(name).encode(), msgspec.json.encode(event))


async def stream(
    request: web.Request, subscription: Subscription, first: Event
) -> web.StreamResponse:
    """Write a listener's events until its client goes or is too slow, or the server stops."""
    response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
    with subscription, suppress(ConnectionError):  # the client has gone
        await response.prepare(request)
        try:
            await _send(response, b": connected\n\n" + format_event(first))
            await _relay(subscription, response)
        except TimeoutError:
            subscription.drop()
    if subscription.is_dropped and request.transport is not None:
        # Closing it in order would wait until the client has read what is on its way.
        request.transport.abort()
    return response


async def _relay(subscription: Subscription, response: web.StreamResponse) -> None:
    while not subscription.is_over:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                events = await subscription.receive()
        except TimeoutError:
            await _send(response, b": heartbeat\n\n")
        else:
            await _send(response, b"".join(map(format_event, events)))


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)
