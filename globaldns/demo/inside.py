"""The process of a box, started by ``launching`` with namespaces of its own.

``python -m globaldns.demo.inside DIR ENVOY``: it ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from globaldns.demo.box import Box
from globaldns.demo.layout import BOX_LOCK, SOCKET, Layout
from globaldns.demo.lines import serve_lines
from globaldns.demo.words import Curl, Cut, Down, GetStatus, Heal, Kill, Reply, Request
from globaldns.errors import GlobalDnsError, RequestRefused
from globaldns.state.lock import Lock
from globaldns.tasks import wall_clock

FAILURE = "failure.json"
"""Why a box did not start, below its directory."""


async def perform(box: Box, request: Request, stop: asyncio.Event) -> Reply:
    """Do what is asked.

    Raises:
        GlobalDnsError: it is refused.
    """
    if box.phase and not isinstance(request, GetStatus | Down):
        hint = "globaldns demo status"
        raise RequestRefused(f"the box is not ready: {box.phase}", hint=hint)
    match request:
        case Curl():
            return await box.curl(request)
        case Cut(one, other):
            return await box.cut(one, other)
        case Kill():
            return await box.kill(request)
        case Heal():
            return await box.heal()
        case GetStatus():
            return Reply(status=await box.status())
        case Down():
            stop.set()
            return Reply()


async def answer(box: Box, line: bytes, stop: asyncio.Event) -> bytes:
    """Return the reply to a line."""
    try:
        request: Request = msgspec.json.decode(line, type=Request)
        reply = await perform(box, request, stop)
    except msgspec.DecodeError as error:
        reply = Reply(error=f"not a request: {error}")
    except GlobalDnsError as error:
        reply = Reply(error=str(error), hint=error.hint)
    except OSError as error:
        reply = Reply(error=str(error))
    return msgspec.json.encode(reply)


async def run(layout: Layout, envoy: str) -> None:
    """Run a box until somebody ends it.

    Raises:
        GlobalDnsError: it does not start.
        OSError: likewise.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    box = Box(layout, envoy)
    async with box.running():
        server = await serve_lines(layout.top / SOCKET, lambda line: answer(box, line, stop))
        starting = asyncio.create_task(box.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if not stop.is_set():
                await starting
                await stopping
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            server.close()


def main(layout: Layout, envoy: str) -> int:
    """Run a box; return 1 where it does not start, and say why in a file."""
    try:
        Lock(layout.top / BOX_LOCK).take(wall_clock())
        asyncio.run(run(layout, envoy))
    except (GlobalDnsError, OSError) as error:
        said = Reply(error=str(error), hint=getattr(error, "hint", ""))
        (layout.box / FAILURE).write_bytes(msgspec.json.encode(said))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Layout(Path(sys.argv[1])), sys.argv[2]))
