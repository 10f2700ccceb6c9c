"""A line there, a line back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globaldns.demo.lines import ask, exchange, serve_lines
from globaldns.demo.words import Heal, Reply
from globaldns.errors import RequestRefused

HEALED = b'{"names":["west"]}'


async def test_a_reply_comes_back_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "one.sock"
    heard: list[bytes] = []

    async def answer(line: bytes) -> bytes:
        heard.append(line)
        return HEALED

    server = await serve_lines(path, answer)
    async with server:
        assert await exchange(path, Heal(), Reply) == Reply(names=("west",))
        assert await asyncio.to_thread(ask, path, Heal(), Reply) == Reply(names=("west",))
    assert heard == [b'{"do":"heal"}\n'] * 2


def test_nobody_listens(tmp_path: Path) -> None:
    assert ask(tmp_path / "none.sock", Heal(), Reply) is None


async def test_what_is_no_reply_is_refused(tmp_path: Path) -> None:
    async def answer(_: bytes) -> bytes:
        return b"what?"

    server = await serve_lines(tmp_path / "one.sock", answer)
    async with server:
        with pytest.raises(RequestRefused, match="gave no reply"):
            await asyncio.to_thread(ask, tmp_path / "one.sock", Heal(), Reply)
