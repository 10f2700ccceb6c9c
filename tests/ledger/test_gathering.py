"""What others have written and forgotten, told together."""

from __future__ import annotations

from collections.abc import Sequence

from globaldns.ledger.gathering import Gathering
from globaldns.ledger.shelf import News
from globaldns.model.claim import Claim
from tests.app.meshes import until
from tests.ledger.shelves import START, claim

A, B = claim("a.ns"), claim("b.ns", "240.128.0.2")
ENDED = A.retire(START + 5, "withdrawn")

Told = list[tuple[Sequence[Claim], Sequence[Claim]]]


async def test_what_comes_together_is_told_once_and_of_each_claim_the_last() -> None:
    told: Told = []
    gathering = Gathering(lambda new, gone: told.append((new, gone)))
    for news in (News(new=(A,)), News(gone=(B,)), News(new=(ENDED, B)), News()):
        gathering.take(news)
    assert told == []
    await until(lambda: told != [])
    assert told == [((ENDED, B), ())]
    gathering.take(News(gone=(ENDED,)))
    await until(lambda: len(told) > 1)
    assert told[1:] == [((), (ENDED,))]


async def test_who_cannot_wait_is_told_at_once_and_once() -> None:
    told: Told = []
    gathering = Gathering(lambda new, gone: told.append((new, gone)))
    gathering.tell_now()
    gathering.take(News(new=(A,)))
    gathering.tell_now()
    gathering.tell_now()
    assert told == [((A,), ())]
