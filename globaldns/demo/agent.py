"""What runs in each network namespace of the box: its applications, and its cluster's client.

``python -m globaldns.demo.agent FILE``, of which FILE is an ``Orders`` as JSON.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from globaldns.demo import applications
from globaldns.demo.applications import Application
from globaldns.demo.client import call, read
from globaldns.demo.lines import serve_lines
from globaldns.demo.words import AgentReply, AgentRequest, Ask


class Orders(msgspec.Struct, frozen=True):
    """What an agent is started for."""

    socket: str
    applications: tuple[Application, ...] = ()


async def answer(line: bytes) -> bytes:
    """Do what a line asks for."""
    try:
        request: AgentRequest = msgspec.json.decode(line, type=AgentRequest)
    except msgspec.DecodeError as error:
        return msgspec.json.encode(AgentReply(error=f"not a request: {error}"))
    reply = await (call(request) if isinstance(request, Ask) else read(request))
    return msgspec.json.encode(reply)


async def run(orders: Orders) -> None:
    """Serve until the process is ended; the socket comes last: who connects finds the rest.

    Raises:
        OSError: an address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        for one in orders.applications:
            await stack.enter_async_context(await applications.start(one))
        server = await serve_lines(Path(orders.socket), answer)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)))
