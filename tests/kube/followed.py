"""Followers as tests see them: what they tell, in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import pytest

from globaldns.kube.client import Client
from globaldns.kube.resources import Resource
from globaldns.kube.watch import (
    Failed,
    Follower,
    Found,
    Listed,
    Notice,
    Put,
    Removed,
    Scope,
    Timing,
)
from globaldns.tasks import Backoff

WIDGETS = Resource("example.test", "widgets", "Widget", ())
SHOP = Scope(WIDGETS, "shop")
QUICK = Timing(idle=5.0, poll=0.01, backoff=Backoff(initial=0.001, maximum=0.05))
CEILING_SECONDS = 5.0


def widget(name: str, spec: int = 0, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


def said(notice: Notice) -> str:
    """Return a notice as a word, with the object's name and what it says."""
    word = type(notice).__name__
    match notice:
        case Found(data) | Put(data) | Removed(data):
            read = msgspec.json.decode(data)
            return f"{word} {read['metadata']['name']} {read.get('spec', '')}".rstrip()
        case Listed(True):
            return f"{word} back"
        case Failed(error):
            return f"{word} {getattr(error, 'status', '')}".rstrip()
        case _:
            return word


class Listener:
    """Reads what a follower tells."""

    def __init__(self, notices: AsyncGenerator[Notice, None]) -> None:
        self._notices = notices

    async def next(self) -> str:
        async with asyncio.timeout(CEILING_SECONDS):
            return said(await anext(self._notices))

    async def nothing(self) -> None:
        """Return once nothing more is told; the follower ends while it waits."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(self._notices)

    async def take(self, count: int) -> list[str]:
        return [await self.next() for _ in range(count)]

    async def until(self, word: str) -> list[str]:
        """Return all that is told up to a notice that begins with a word."""
        told: list[str] = []
        while not told or not told[-1].startswith(word):
            told.append(await self.next())
        return told


class Hurried(Follower):
    """One that does not wait, and notes after how many failures, and how long at least."""

    def __init__(self, client: Client, scope: Scope = SHOP, timing: Timing = QUICK) -> None:
        super().__init__(client, scope, timing, chance=lambda: 0.0)
        self.waits: list[tuple[int, float]] = []

    async def _pause(self, failures: int, least: float) -> None:
        self.waits.append((failures, least))


@asynccontextmanager
async def following(
    client: Client,
    scope: Scope = SHOP,
    timing: Timing = QUICK,
    follower: Follower | None = None,
) -> AsyncIterator[Listener]:
    """Follow until the block ends."""
    follower = follower or Follower(client, scope, timing, chance=lambda: 0.0)
    async with aclosing(follower.run()) as notices:
        yield Listener(notices)
