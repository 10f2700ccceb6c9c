"""Whatever happens to a ledger's objects, in whatever order: no claim is forgotten that stands."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.ledger.objects import Held
from globaldns.ledger.shards import ShardId, read_text
from globaldns.ledger.shelf import News, ShardChange, Shelf
from globaldns.model.claim import Claim, ClaimKey, format_claims, unite
from tests.ledger.shelves import OWN, START, claim, held

SHARD = ShardId(OWN, "east", 1)
CLAIMS = [claim(f"{name}.ns", f"240.128.0.{n}") for n, name in enumerate("abcd", 1)]
ENDS = st.none() | st.integers(START, START + 3)
SIDES = st.dictionaries(st.sampled_from(range(4)), ENDS).map(
    lambda said: [CLAIMS[n].retire(at, "x") if at else CLAIMS[n] for n, at in said.items()]
)


class World:
    """A server with one object, somebody who does what he likes with it, and us."""

    def __init__(self) -> None:
        self.version = 10
        self.there: Held | None = held([], 10)
        self.events: list[Held | str] = []
        self.backups: list[Held | None] = []
        self.shelf = Shelf()
        self.told: dict[ClaimKey, Claim] = {}
        """What the registry knows to be written."""
        self.list()
        self.shelf.read_all()

    def change(self, said: list[Claim] | str | None) -> None:
        """Have somebody else write the object, or delete it."""
        self.version += 1
        if said is None and self.there is not None:
            self.events.append(msgspec.structs.replace(self.there, version=str(self.version)).name)
        self.there = None if said is None else held(said, self.version)
        if self.there is not None:
            self.events.append(self.there)

    def back_up(self) -> None:
        self.backups.append(self.there)

    def restore(self) -> None:
        """Be what was: no watch goes on, all is listed anew."""
        if self.backups:
            self.there = self.backups[-1]
            self.version = 10 if self.there is None else self.there.age
            self.list()

    def hear(self, count: int) -> None:
        """Take in what happened, as it happened."""
        for event in self.events[:count]:
            if isinstance(event, str):
                self._tell(self.shelf.lose(event))
            else:
                self._see(event)
        del self.events[:count]

    def list(self) -> None:
        self.events.clear()
        self.shelf.begin_list()
        if self.there is not None:
            self._see(self.there, is_listing=True)
        self._tell(self.shelf.end_list())

    def write(self, added: list[Claim]) -> None:
        """Write as the ledger does: refused where we do not know the newest version."""
        change = ShardChange(added=tuple(added))
        for _ in range(2):
            text, known = self.shelf.merge(SHARD, change), self.shelf.get(SHARD)
            if known == self.there or (
                known and self.there and known.version == self.there.version
            ):
                self._commit(text)
                self.shelf.learn(SHARD.name, added)
                self.told = unite(self.told.values(), added)
                return
            if self.there is None:
                self._tell(self.shelf.lose(SHARD.name))
            else:
                self._see(self.there)

    def repair(self) -> None:
        if SHARD.name in self.shelf.broken:
            self.write([])
            self.shelf.broken.discard(SHARD.name)

    def stands(self) -> list[Claim]:
        """What the next write of ours would leave standing."""
        return [*read_text(self.shelf.merge(SHARD, ShardChange()) or "", "")]

    def _commit(self, text: str | None) -> None:
        self.version += 1
        if text is None:
            self.there = None
            self.shelf.drop(SHARD.name)
        else:
            self.there = held(text, self.version)
            self.events.append(self.there)
            self.shelf.put(self.there)

    def _see(self, one: Held, *, is_listing: bool = False) -> None:
        self._tell(self.shelf.see(one, is_listing=is_listing))

    def _tell(self, news: News) -> None:
        for one in news.gone:
            assert self.told.pop(one.key).is_retired
        for one in unite(news.new).values():
            ended = (self.told.get(one.key) or one).retired_at
            self.told = unite(self.told.values(), [one])
            assert ended is None or (self.told[one.key].retired_at or 0) <= ended


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), SIDES | st.none()),
        st.tuples(st.just("write"), SIDES),
        st.tuples(st.just("hear"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["list", "back_up", "restore", "repair"])),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_claim_that_stands_is_forgotten_and_none_that_ended_revived(
    steps: list[tuple[object, ...]],
) -> None:
    world = World()
    for name, *arguments in steps:
        getattr(world, str(name))(*arguments)
        assert unite(world.stands(), world.told.values()) == unite(world.stands())


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_once_all_is_heard_and_repaired_the_server_says_what_is_known_and_nothing_else(
    steps: list[tuple[object, ...]],
) -> None:
    world = World()
    for name, *arguments in steps:
        getattr(world, str(name))(*arguments)
    world.list()
    world.repair()
    world.list()
    assert world.shelf.broken == set()
    said = unite(read_text(world.there.text, "")) if world.there is not None else {}
    assert said == world.told


@settings(max_examples=100, deadline=None)
@given(st.lists(SIDES, max_size=6), st.randoms(use_true_random=False))
def test_what_is_known_is_the_union_whatever_the_order_in_which_it_was_learnt(
    sides: list[list[Claim]], chance: object
) -> None:
    shelf, other = Shelf(), Shelf()
    shuffled = sides[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for side in sides:
        shelf.learn(SHARD.name, side)
    for side in (*shuffled, *shuffled):
        other.learn(SHARD.name, side)
    union = unite(*sides).values()
    text = shelf.merge(SHARD, ShardChange())
    assert text == other.merge(SHARD, ShardChange()) == (format_claims(union) or None)
