"""Asks a server whether kinds stay that have lost objects, so that their removal may be believed.

The answer is the definition itself, at the cost of one request for all that is removed at a time.
An account that may not read it is answered by discovery, which is right a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.resources import Resource, is_defined, is_staying
from globaldns.kube.watch import Scope
from globaldns.sources.leaving import Leaving
from globaldns.tasks import steady_clock

PROVEN_SECONDS = 1.0
"""How long after a removal discovery says for certain whether its kind goes."""


class RemovalProver:
    """Does that for one cluster.

    ``client`` returns how to ask now, ``proven`` is told since when what is decided was heard;
    after a failure it is asked again in ``retry`` seconds.
    """

    def __init__(
        self,
        leaving: Leaving,
        client: Callable[[], Client],
        proven: Callable[[float], None],
        *,
        retry: float,
    ) -> None:
        self._leaving = leaving
        self._client = client
        self._proven = proven
        self._retry = retry
        self._noted = asyncio.Event()

    def note(self) -> None:
        """Take note that something may have been removed."""
        self._noted.set()

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            due = self._leaving.missing_until
            wait = None if due is None else due - steady_clock()
            if due is None or (wait is not None and wait > 0):
                self._noted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._noted.wait()
                continue
            try:
                await self._prove(due, steady_clock())
            except ApiError:  # it is for the watches to say so; what is missing stands meanwhile
                await asyncio.sleep(self._retry)

    async def _prove(self, since: float, until: float) -> None:
        """Believe what was told to be gone until then, or see that it stands: its kind goes.

        Raises:
            ApiError: neither is known.
        """
        for scope in self._leaving.missing(until):
            await self._decide(scope, until)
            self._proven(since)

    async def _decide(self, scope: Scope, until: float) -> None:
        if await self._is_staying(scope.resource):
            self._leaving.believe(scope, until)
        else:
            self._leaving.end(scope)

    async def _is_staying(self, resource: Resource) -> bool:
        client = self._client()
        said = await is_defined(client, resource)
        if said is not None:
            return said
        await asyncio.sleep(PROVEN_SECONDS)
        return await is_staying(client, resource)
