"""Writing what stands in our cluster, term after term.

The replica that writes the ledger writes this too. A new one reads what stands first, so that what
is as it should be is not written again, whoever wrote it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from globaldns.kube.client import Client

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often to look whether a term may begin."""


class Writing(Protocol):
    """What is done in a term."""

    @property
    def waiting(self) -> int:
        """How many hosts wait to be looked at, or written."""

    async def follow(self) -> None:
        """Follow what stands, for ever."""

    async def write(self) -> None:
        """Do what is to be done until the term is over."""


Kind = TypeVar("Kind", bound=Writing)


class _TermIsOver(Exception):
    """Ends what was begun for a term."""


class TermsSeams(msgspec.Struct, frozen=True):
    """Who says when."""

    until_writable: Callable[[], Awaitable[None]]
    """Returns when a term may begin."""
    may_write: Callable[[], bool]


class Terms(Generic[Kind]):
    """The terms of one replica."""

    def __init__(
        self, what: str, client: Client, make: Callable[[], Kind], seams: TermsSeams
    ) -> None:
        self.term: Kind | None = None
        """The present one."""
        self._what = what
        self._client = client
        self._make = make
        self._seams = seams

    @property
    def pending(self) -> int:
        """How many hosts wait to be looked at, or written."""
        return 0 if self.term is None else self.term.waiting

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def run(self) -> None:
        """Write, term after term, for ever."""
        while True:
            await self._seams.until_writable()
            if self._seams.may_write():
                await self._serve()
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def _serve(self) -> None:
        self.term = term = self._make()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(term.follow())
                group.create_task(_until_over(term))
        except* _TermIsOver:
            logger.info("another replica writes from now on", extra={"what": self._what})
        finally:
            self.term = None


async def _until_over(term: Writing) -> None:
    """Write until the term is over.

    Raises:
        _TermIsOver: it is.
    """
    await term.write()
    raise _TermIsOver
