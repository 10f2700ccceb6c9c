"""One shard is written until it is as it is to be, or until trying again is of no use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from globaldns.errors import ApiError, ApiRefused, LedgerError
from globaldns.ledger.objects import Held
from globaldns.ledger.shards import ShardId, format_shard
from globaldns.ledger.shardwriting import ATTEMPTS, ShardWriter, WriterSeams
from globaldns.ledger.shelf import ShardChange, Shelf
from globaldns.model.claim import Claim, Marker
from globaldns.model.head import Head
from globaldns.objects.own import LedgerRole
from tests.registry.mesh import claim

MARKER = Marker("m", 1_767_323_045)
SHARD = ShardId(LedgerRole.OWN, "east", 1)
A, B = claim("a.ns", "240.128.0.1", 5), claim("b.ns", "240.128.0.2", 5)


def refusal(status: int) -> ApiRefused:
    return ApiRefused("no", status=status)


class Server:
    """One object of an API server that answers as a test wants it to."""

    def __init__(self) -> None:
        self.held: Held | None = None
        self.version = 0
        self.writes = 0
        self.before: list[Callable[[], None] | Exception] = []
        """What happens in place of, or just before, the next writes."""
        self.is_lost_afterwards = False
        """Whether a write is done and not answered."""

    def put(self, *claims: Claim) -> Held:
        self.version += 1
        text = format_shard(claims, SHARD.name)
        self.held = Held(SHARD, SHARD.name, MARKER, text, str(self.version))
        return self.held

    def head_of(self, _shard: ShardId, _held: Held | None) -> Head:
        return Head()

    async def get(self, _shard: ShardId) -> Held | None:
        return self.held

    async def create(self, shard: ShardId, marker: Marker, text: str) -> Held:
        return await self._write(None, shard, marker, text)

    async def replace(self, held: Held, marker: Marker, text: str) -> Held:
        return await self._write(held, held.id, marker, text)

    async def delete(self, _held: Held) -> None:
        self.held = None

    async def _write(self, held: Held | None, shard: ShardId, marker: Marker, text: str) -> Held:
        self.writes += 1
        await asyncio.sleep(0)
        if self.before:
            step = self.before.pop(0)
            if isinstance(step, Exception):
                raise step
            step()
        if (held and held.version) != (self.held and self.held.version):
            raise refusal(409)
        self.version += 1
        self.held = Held(shard, shard.name, marker, text, str(self.version))
        if self.is_lost_afterwards:
            raise ApiError("no answer")
        return self.held


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.read_all()
    shelf.marker = MARKER
    return shelf


def writer(server: Server, shelf: Shelf, guard: Callable[[], None] = lambda: None) -> ShardWriter:
    def found(shard: ShardId, held: Held | None) -> None:
        if held is None:
            shelf.lose(shard.name)
        else:
            shelf.see(held)

    seams = WriterSeams(guard=guard, found=found, went_back=lambda: None)
    return ShardWriter(server, shelf, seams)  # type: ignore[arg-type]


def adding(*claims: Claim) -> ShardChange:
    return ShardChange(added=claims)


def stored(server: Server) -> str:
    assert server.held is not None
    return server.held.text


async def test_what_stands_already_is_not_written(server: Server, shelf: Shelf) -> None:
    one = writer(server, shelf)
    for _ in range(2):
        await one.write(SHARD, MARKER, adding(A))
    assert server.writes == 1


async def test_where_somebody_was_faster_the_union_is_written(server: Server, shelf: Shelf) -> None:
    server.before = [lambda: server.put(B) and None]
    await writer(server, shelf).write(SHARD, MARKER, adding(A))
    assert stored(server) == format_shard((A, B), SHARD.name)
    assert server.writes == 2


async def test_who_is_slower_each_time_gives_up(server: Server, shelf: Shelf) -> None:
    server.before = [refusal(409)] * ATTEMPTS
    with pytest.raises(LedgerError, match="again and again"):
        await writer(server, shelf).write(SHARD, MARKER, adding(A))
    assert server.writes == ATTEMPTS


async def test_what_was_done_without_an_answer_is_not_done_twice(
    server: Server, shelf: Shelf
) -> None:
    server.is_lost_afterwards = True
    await writer(server, shelf).write(SHARD, MARKER, adding(A))
    assert (server.writes, stored(server)) == (1, format_shard((A,), SHARD.name))


@pytest.mark.parametrize("error", [ApiError("gone"), refusal(403), refusal(422), refusal(500)])
async def test_what_was_not_done_is_told(error: Exception, server: Server, shelf: Shelf) -> None:
    server.before = [error]
    with pytest.raises(LedgerError, match="cannot be written"):
        await writer(server, shelf).write(SHARD, MARKER, adding(A))
    assert server.held is None


async def test_who_may_not_write_sends_nothing(server: Server, shelf: Shelf) -> None:
    def refuse() -> None:
        raise LedgerError("another replica writes")

    with pytest.raises(LedgerError, match="another replica"):
        await writer(server, shelf, refuse).write(SHARD, MARKER, adding(A))
    assert server.writes == 0


async def test_the_echo_of_a_write_under_way_is_no_news(server: Server, shelf: Shelf) -> None:
    news = []
    server.before = [lambda: news.append(shelf.see(server.put(A, B)))]
    await writer(server, shelf).write(SHARD, MARKER, adding(A))
    assert [set(one.new) for one in news] == [{A, B}]  # somebody else's is told at once
    shelf.learn(SHARD.name, (A, B))
    news.clear()
    third = claim("c.ns", "240.128.0.3", 5)
    server.before = [lambda: news.append(shelf.see(server.put(A, B, third)))]
    await writer(server, shelf).write(SHARD, MARKER, adding(third))
    assert [one.new for one in news] == [()]
