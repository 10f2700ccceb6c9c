"""Which cluster each name is taken for, before and after our ledger is read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from msgspec import structs

from globaldns.app.recognizing import Recognition, accepted, mistaken
from globaldns.app.writing import WritableLedger
from globaldns.model.head import Head, Uids
from globaldns.model.view import Freshness, SetLedger, SourceState, View
from globaldns.registry.registry import Registry
from globaldns.sources.awaited import AwaitedSource, await_access
from globaldns.sources.source import Source
from tests.registry.mesh import ledger as ledger_of
from tests.registry.mesh import reset, settings, settled
from tests.sources.manifests import RULES

FOR_EVER = 600.0
CLUSTERS = ("east", "north", "west")


class Ledger:
    """A ledger, as far as it knows clusters."""

    def __init__(self, uids: Uids = (), *, is_listed: bool = True) -> None:
        self.uids, self.is_listed = uids, is_listed


def recognition(
    ledger: Ledger, registry: Registry | None = None, *, grace: float = FOR_EVER
) -> Recognition:
    found = registry or Registry(settings())
    return Recognition(found, cast("WritableLedger", cast("Any", ledger)), grace=grace)


def source(uid: str) -> Source:
    return await_access(RULES, None, View(RULES.cluster, uid=uid))


async def test_nothing_is_said_of_a_cluster_before_our_ledger_is_read() -> None:
    ledger = Ledger(is_listed=False)
    one = recognition(ledger)
    asked = asyncio.create_task(one.recall("west"))
    await asyncio.sleep(0.01)
    assert not asked.done()
    ledger.uids = (("west", "w"),)
    one.begin()
    assert await asked == "w"
    assert await one.recall("new") == ""


async def test_where_our_ledger_is_not_read_nothing_is_waited_for_once_the_grace_is_over() -> None:
    one = recognition(Ledger(is_listed=False), grace=0.01)
    assert await one.recall("west") == ""
    assert await one.recall("west") == ""


async def test_what_our_ledger_says_now_counts() -> None:
    ledger = Ledger((("west", "w"),))
    one = recognition(ledger)
    assert (one.known, await one.recall("west")) == ({"west": "w"}, "w")
    ledger.uids = (("west", "new"),)
    one.look()
    assert one.known == {"west": "new"}


def meshed() -> Registry:
    return Registry(settings(clusters=CLUSTERS))


def others_say(registry: Registry, uid: str) -> None:
    """Have north's ledger take west for the cluster with a UID."""
    said = structs.replace(ledger_of("north"), uids=(("west", uid),))
    registry.apply([SetLedger("north", said)], 0)


async def test_who_was_read_before_is_not_another_because_a_neighbour_says_so() -> None:
    registry = meshed()
    one = recognition(Ledger(), registry)
    one.remember({"west": View("west", uid="w"), "east": View("east")})
    settled(registry, *map(reset, CLUSTERS))
    others_say(registry, "wrong")
    assert one.known == {"west": "w"}
    sources = {"west": source("w")}
    one.learn(sources, are_synced=True)
    assert [*mistaken(sources, one.known, {})] == []
    one.forget("west")
    assert one.known == {"west": "wrong"}


async def test_what_is_read_counts_before_what_neighbours_say_once_they_were_heard() -> None:
    registry, sources = meshed(), {"west": source("rebuilt")}
    one = recognition(Ledger(), registry)
    settled(registry, *map(reset, CLUSTERS))
    one.learn(sources, are_synced=False)
    others_say(registry, "w")
    assert [*mistaken(sources, one.known, {})] == ["west"], "it was met before they spoke"
    one.learn({"west": source("w")}, are_synced=True)
    others_say(registry, "wrong")
    assert one.known == {"west": "w"}


async def test_what_our_ledger_said_counts_while_it_is_written_anew() -> None:
    registry, ledger = meshed(), Ledger((("west", "w"),))
    one = recognition(ledger, registry)
    ledger.uids = ()
    others_say(registry, "wrong")
    one.look()
    assert one.known == {"west": "w"}


@pytest.mark.parametrize(
    ("is_settled", "are_synced", "grace", "is_remembered"),
    [
        (False, True, 0.0, False),
        (True, False, FOR_EVER, False),
        (True, False, 0.0, True),
        (True, True, FOR_EVER, True),
    ],
    ids=["nothing is decided yet", "some may know more", "they take too long", "all are read"],
)
async def test_what_is_read_first_is_remembered_once_nobody_can_know_better(
    *, is_settled: bool, are_synced: bool, grace: float, is_remembered: bool
) -> None:
    registry, ledger = Registry(settings()), Ledger((("west", "w"),))
    one = recognition(ledger, registry, grace=grace)
    if is_settled:
        settled(registry, reset("east"), reset("west"))
    sources = {"east": source("e"), "west": source("rebuilt")}
    remembered = (("east", "e"), *ledger.uids) if is_remembered else ledger.uids
    head = Head(registry.settings.fingerprint, remembered)
    assert one.head(sources, are_synced=are_synced) == head


@pytest.mark.parametrize(
    ("another", "known", "found"),
    [
        ("", {}, []),
        ("new", {}, []),
        ("new", {"west": "w"}, []),
        ("new", {"west": "new"}, ["west"]),
    ],
)
def test_another_cluster_that_is_known_by_the_name_is_accepted(
    another: str, known: dict[str, str], found: list[str]
) -> None:
    class Rebuilt(AwaitedSource):
        @property
        def another(self) -> str:
            return another

    assert [*accepted({"west": Rebuilt(RULES, reason="", remembered=None)}, known)] == found


@pytest.mark.parametrize(
    ("uid", "known", "found"),
    [
        ("w", {}, []),
        ("w", {"west": "w"}, []),
        ("", {"west": "w"}, []),
        ("rebuilt", {"west": "w"}, ["west"]),
    ],
)
def test_a_view_of_another_cluster_is_mistaken(
    uid: str, known: dict[str, str], found: list[str]
) -> None:
    assert [*mistaken({"west": source(uid)}, known, {})] == found


@pytest.mark.parametrize("state", SourceState)
def test_the_view_of_before_stands_until_an_accepted_cluster_answers(state: SourceState) -> None:
    class Former(AwaitedSource):
        @property
        def freshness(self) -> Freshness:
            return Freshness(RULES.cluster, state)

    former = Former(RULES, reason="", remembered=View(RULES.cluster, uid="w"))
    found = ["west"] if state is SourceState.SYNCED else []
    assert [*mistaken({"west": former}, {"west": "new"}, {"west": "new"})] == found
    assert [*mistaken({"west": former}, {"west": "new"}, {})] == ["west"], "nobody said so"
