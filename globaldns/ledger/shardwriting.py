"""Writing one shard of a ledger: until it is as it is to be, or trying again is of no use.

An update carries the version that it follows. Where somebody else was faster the object is read
again and the union is written; where no answer came it is read, and not written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused, LedgerError
from globaldns.ledger.objects import Held, LedgerObjects, Stranger
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shelf import ShardChange, Shelf
from globaldns.model.claim import Marker

AT_ONCE = 16
"""Requests under way; an API server serves some hundred of one client."""
ATTEMPTS = 5
"""Whoever else writes the same shard is seldom faster twice."""


class WriterSeams(msgspec.Struct, frozen=True):
    """Who says that we may write, and who is told what was found instead."""

    guard: Callable[[], None]
    """Raises a LedgerError where we may not."""
    found: Callable[[ShardId, Held | Stranger | None], None]
    """Takes a shard as it stands; None: it does not."""
    went_back: Callable[[], None]
    """Told before that the server shows an earlier version than it did, as a restored etcd does."""


class ShardWriter:
    """Writes shards of one shelf."""

    def __init__(self, objects: LedgerObjects, shelf: Shelf, seams: WriterSeams) -> None:
        self._objects = objects
        self._shelf = shelf
        self._seams = seams
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def write_all(
        self,
        changes: Mapping[ShardId, ShardChange],
        marker: Marker,
        note: Callable[[ShardId, ShardChange], None] | None = None,
    ) -> None:
        """Change shards, some at once; ``note`` is told of each.

        Raises:
            LedgerError: some are not changed.
        """

        async def change(shard: ShardId, wanted: ShardChange) -> None:
            async with self._turn:
                await self.write(shard, marker, wanted)
            if note is not None:
                note(shard, wanted)

        results = await asyncio.gather(
            *(change(shard, wanted) for shard, wanted in changes.items()), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def write(self, shard: ShardId, marker: Marker, change: ShardChange) -> None:
        """Change one shard.

        Raises:
            LedgerError: it is not changed.
        """
        for _ in range(ATTEMPTS):
            self._seams.guard()
            text = self._shelf.merge(shard, change)
            if self._is_written(shard, marker, text) or await self._try(shard, marker, text):
                return
        raise LedgerError(f"VIPLedger {shard.name}: somebody else writes it, again and again")

    def _is_written(self, shard: ShardId, marker: Marker, text: str | None) -> bool:
        held = self._shelf.get(shard)
        if held is None or text is None:
            return held is None and text is None
        wanted = (text, marker, self._objects.head_of(shard, held))
        return (held.text, held.marker, held.head) == wanted

    async def _try(self, shard: ShardId, marker: Marker, text: str | None) -> bool:
        """Write one shard as it is to be; return whether it is so now.

        Raises:
            LedgerError: it is not, and trying again is of no use.
        """
        held = self._shelf.get(shard)
        try:
            await self._put(shard, held, marker, text)
        except ApiError as error:
            status = error.status if isinstance(error, ApiRefused) else 0
            is_gone = status == HTTPStatus.NOT_FOUND and held is not None
            is_known = HTTPStatus.OK <= status < HTTPStatus.INTERNAL_SERVER_ERROR
            if is_known and status != HTTPStatus.CONFLICT and not is_gone:
                raise _unwritable(error) from error
            await self._look_again(shard)
            if not is_known and not self._is_written(shard, marker, text):
                raise _unwritable(error) from error
            return not is_known
        return True

    async def _put(
        self, shard: ShardId, held: Held | None, marker: Marker, text: str | None
    ) -> None:
        if held is not None and text is None:
            await self._objects.delete(held)
        if text is None:
            self._shelf.drop(shard.name)
            return
        self._shelf.expect(shard.name, text)
        try:
            if held is None:
                self._shelf.put(await self._objects.create(shard, marker, text))
            else:
                self._shelf.put(await self._objects.replace(held, marker, text))
        finally:
            self._shelf.expect_no_more(shard.name)

    async def _look_again(self, shard: ShardId) -> None:
        """Read one shard as it is now.

        Raises:
            LedgerError: it cannot be read.
        """
        known = self._shelf.get(shard)
        try:
            found = await self._objects.get(shard)
        except ApiError as error:
            raise _unwritable(error) from error
        if isinstance(found, Held) and known is not None and found.age < known.age:
            self._shelf.distrust_versions()
            self._seams.went_back()
        self._seams.found(shard, found)


def _unwritable(error: ApiError) -> LedgerError:
    status = error.status if isinstance(error, ApiRefused) else 0
    hint = error.hint
    if status == HTTPStatus.FORBIDDEN:
        hint = "bind the roles of deploy/README.md to our service account"
    elif status == HTTPStatus.NOT_FOUND:
        hint = "create our namespace, and apply deploy/crds"
    return LedgerError(f"VIPLedgers cannot be written: {error}", hint=hint)
