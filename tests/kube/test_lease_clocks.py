"""Whose clock counts in an election: that of the one who looks; and who goes before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

import globaldns.kube.client
from globaldns.kube.lease import MAX_SKEW_SECONDS, YIELD_SECONDS, Elector
from globaldns.tasks import wall_clock
from tests.kube.candidates import Candidates, Connect
from tests.kube.fake import FakeApiServer


@pytest_asyncio.fixture
async def both(fake: FakeApiServer, connect: Connect) -> AsyncIterator[Candidates]:
    yield Candidates(fake, connect)


async def test_only_the_clock_of_the_one_who_looks_counts(both: Candidates) -> None:
    """A Lease that says it was renewed in another year is watched for as long as any other."""
    await both.look(both.a)
    for year in ("1999", "2999"):
        spec = {**both.lease["spec"], "renewTime": f"{year}-01-01T00:00:00.000000Z"}
        both.fake.put({**both.lease, "spec": {**spec, "holderIdentity": year}})
        await both.look(both.b)
        both.advance(11.9)
        await both.look(both.b)
        assert both.leaders == ""
    both.advance(0.2)
    await both.look(both.b)
    assert both.leaders == "b"


async def test_any_change_of_it_is_a_sign_of_life(both: Candidates) -> None:
    """The clock that dates renewals may stand still."""
    await both.look(both.a)
    for transitions in range(5, 8):
        both.fake.put(
            {**both.lease, "spec": {**both.lease["spec"], "leaseTransitions": transitions}}
        )
        await both.look(both.b)
        both.advance(8)
        await both.look(both.b)
        assert not both.b.is_leader


async def test_it_lasts_from_when_its_renewal_was_seen_and_not_from_when_that_was_asked_for(
    both: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.look(both.a)
    answered = both.b._get

    async def slowly() -> object:
        both.advance(3)
        return await answered()

    monkeypatch.setattr(both.b, "_get", slowly)
    await both.look(both.b)
    monkeypatch.undo()
    both.advance(11.9)
    await both.look(both.b)
    assert not both.b.is_leader
    both.advance(0.2)
    await both.look(both.b)
    assert both.b.is_leader


# Whose clock is not the API server's


@pytest.fixture
def look_skewed(
    both: Candidates, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Elector], Awaitable[None]]:
    """Return what has a candidate look whose wall clock is wrong."""

    async def look(elector: Elector) -> None:
        ahead = int(MAX_SKEW_SECONDS) + 5
        monkeypatch.setattr(globaldns.kube.client, "wall_clock", lambda: wall_clock() + ahead)
        await both.look(elector)
        monkeypatch.undo()

    return look


async def test_a_holder_whose_clock_is_wrong_lets_one_have_it_whose_is_right(
    both: Candidates,
    look_skewed: Callable[[Elector], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await both.look()
    both.advance(2)
    await look_skewed(both.a)
    assert both.leaders == ""
    assert "the lease is left to other replicas: our clock is not" in caplog.text
    await look_skewed(both.a)
    assert both.leaders == "", "the other may not have looked yet"
    await both.look(both.b)
    assert both.leaders == "b"
    both.advance(12)
    await look_skewed(both.a)
    assert both.leaders == "", "the other, which is late, goes before"
    await both.look(both.b)
    assert both.leaders == "b"


async def test_a_holder_whose_clock_is_wrong_and_who_is_alone_has_it_again_for_a_while(
    both: Candidates, look_skewed: Callable[[Elector], Awaitable[None]]
) -> None:
    await both.look(both.a)
    await look_skewed(both.a)
    await look_skewed(both.a)
    both.advance(11.9)
    await look_skewed(both.a)
    assert both.leaders == ""
    both.advance(0.2)
    await look_skewed(both.a)
    assert both.leaders == "a"
    for _ in range(int(YIELD_SECONDS - 13) // 4):
        both.advance(4)
        await look_skewed(both.a)
        assert both.leaders == "a"
    both.advance(4)
    await look_skewed(both.a)
    assert both.leaders == ""
