"""Which cluster each name is taken for, before and after our ledger is read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from globaldns.app.recognizing import Recognition, accepted, mistaken
from globaldns.app.writing import WritableLedger
from globaldns.model.head import Head, Uids
from globaldns.model.view import View
from globaldns.registry.registry import Registry
from globaldns.sources.awaited import AwaitedSource, await_access
from globaldns.sources.source import Source
from tests.registry.mesh import reset, settings, settled
from tests.sources.manifests import RULES

FOR_EVER = 600.0


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
    assert [*mistaken({"west": source(uid)}, known)] == found
