"""Messages over streams, as clients of TCP and of TLS send and read them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import dns.message

CEILING_SECONDS = 20.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


def query(number: int, name: str = "web.shop.global") -> bytes:
    return frame(dns.message.make_query(name, "A", id=number).to_wire())


WEB = query(1)


async def read_message(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(CEILING_SECONDS):
        length = int.from_bytes(await reader.readexactly(2))
        return await reader.readexactly(length)


async def read_id(reader: asyncio.StreamReader) -> int:
    return int.from_bytes((await read_message(reader))[:2])


async def read_end(reader: asyncio.StreamReader) -> bytes:
    """What still comes before the connection ends."""
    async with asyncio.timeout(CEILING_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, ssl.SSLError):
        return


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(CEILING_SECONDS):
        while not condition():  # noqa: ASYNC110  # of the server, which has no event for it
            await asyncio.sleep(0)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test moves: what would wait half a minute is due at once."""

    jumped = 0.0

    def time(self) -> float:
        return super().time() + self.jumped

    async def jump(self, seconds: float) -> None:
        self.jumped += seconds
        await turns(5)  # a timer, what it schedules, and what that closes


def run_jumping(test: Callable[[JumpingLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a test on such a loop."""
    loop = JumpingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(test(loop))
