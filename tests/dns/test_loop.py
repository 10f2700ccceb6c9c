from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from globaldns.dns.loop import DatagramLoop

CEILING_SECONDS = 20.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Whoever sends, and whoever reads."""
    sender, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader.setblocking(False)
    with sender, reader:
        yield sender, reader


def run(main: Callable[[DatagramLoop], Coroutine[Any, Any, None]]) -> None:
    """Run something in such a loop."""

    async def limited() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, DatagramLoop)
        async with asyncio.timeout(CEILING_SECONDS):
            await main(loop)

    with asyncio.Runner(loop_factory=DatagramLoop) as runner:
        runner.run(limited())


def test_readers_are_served_without_a_turn_of_the_loop(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    sender, reader = ends
    seen: list[bytes] = []

    async def main(loop: DatagramLoop) -> None:
        over = asyncio.Event()

        def serve(word: bytes) -> None:
            seen.append(word + reader.recv(9))
            if len(seen) == 1:
                loop.call_soon(seen.append, b"a turn")
            if len(seen) == 3:
                loop.call_soon_threadsafe(over.set)

        loop.add_reader(reader, serve, b"read ")
        for number in b"123":
            sender.send(bytes((number,)))
        await over.wait()

    run(main)
    assert seen == [b"read 1", b"read 2", b"read 3", b"a turn"]


def test_what_can_always_be_read_keeps_neither_timers_nor_others_waiting(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    sender, reader = ends
    calls = []

    async def main(loop: DatagramLoop) -> None:
        sender.send(b"never read")
        loop.add_reader(reader, calls.append, None)
        await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        async with await asyncio.start_server(lambda _, out: out.close(), "127.0.0.1", 0) as server:
            stream, out = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await stream.read() == b""
            out.close()
        called = asyncio.Event()
        threading.Thread(target=loop.call_soon_threadsafe, args=[called.set]).start()
        await called.wait()

    run(main)
    assert calls


def test_a_reader_that_fails_is_reported_and_called_again(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    sender, reader = ends
    reported: list[dict[str, Any]] = []

    async def main(loop: DatagramLoop) -> None:
        over = asyncio.Event()

        def serve() -> None:
            if reader.recv(9) == b"bad":
                raise ValueError("bad")
            loop.call_soon_threadsafe(over.set)

        loop.set_exception_handler(lambda _, context: reported.append(context))
        loop.add_reader(reader.fileno(), serve)
        sender.send(b"bad")
        sender.send(b"good")
        await over.wait()

    run(main)
    assert [str(context["exception"]) for context in reported] == ["bad"]


def test_a_reader_that_is_removed_is_called_no_more(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    sender, reader = ends
    calls: list[None] = []

    async def main(loop: DatagramLoop) -> None:
        loop.add_reader(reader, calls.append, None)
        assert loop.remove_reader(reader)
        assert not loop.remove_reader(reader)
        sender.send(b"unread")
        await asyncio.sleep(0.02)

    run(main)
    assert not calls
