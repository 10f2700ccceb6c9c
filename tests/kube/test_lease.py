"""One replica writes: who holds the Lease, and until when it may believe so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globaldns.kube.client import Client
from globaldns.kube.lease import NAME, Elector, LeaseTiming
from tests.kube.candidates import SPACE, Candidates, Connect
from tests.kube.fake import FakeApiServer


@pytest_asyncio.fixture
async def both(fake: FakeApiServer, connect: Connect) -> AsyncIterator[Candidates]:
    yield Candidates(fake, connect)


async def test_the_first_who_asks_holds_it_and_everybody_knows(both: Candidates) -> None:
    await both.look()
    assert both.leaders == "a"
    assert (both.a.holder, both.b.holder) == ("a", "a")
    assert both.lease["spec"]["holderIdentity"] == "a"
    assert both.lease["spec"]["leaseDurationSeconds"] == 12


async def test_of_two_who_ask_at_once_one_holds_it(both: Candidates) -> None:
    await asyncio.gather(both.a._look(), both.b._look())
    assert len(both.leaders) == 1
    await both.look()
    assert both.a.holder == both.b.holder == both.leaders


async def test_while_it_is_renewed_nobody_else_holds_it(both: Candidates) -> None:
    for _ in range(20):
        await both.look()
        assert both.leaders == "a"
        both.advance(2)
    assert both.lease["spec"]["leaseTransitions"] == 1


@pytest.mark.parametrize("silent", [7.9, 8.0, 11.9, 12.0, 3600.0])
async def test_its_holder_stops_before_anybody_else_begins(both: Candidates, silent: float) -> None:
    await both.look()
    both.advance(silent)
    assert both.a.is_leader == (silent < 8)
    await both.look(both.b)
    assert both.leaders == ("a" if silent < 8 else "b" if silent >= 12 else "")


async def test_a_holder_that_was_halted_learns_it_before_its_first_write(both: Candidates) -> None:
    await both.look()
    both.advance(3600)
    assert not both.a.is_leader
    await both.look(both.b)
    await both.look(both.a)
    assert both.leaders == "b"
    assert both.a.holder == "b"


async def test_one_who_begins_to_look_late_waits_the_whole_duration(both: Candidates) -> None:
    await both.look(both.a)
    both.advance(3600)
    await both.look(both.b)
    assert both.leaders == ""
    both.advance(12)
    await both.look(both.b)
    assert both.leaders == "b"


async def test_a_holders_own_duration_counts(both: Candidates) -> None:
    """A replica of another version may have another."""
    longer = both.make("longer", LeaseTiming(duration=60, deadline=50))
    await both.look(longer, both.b)
    both.advance(40)
    await both.look(both.b)
    assert (longer.is_leader, both.b.is_leader) == (True, False)
    both.advance(20)
    await both.look(both.b)
    assert (longer.is_leader, both.b.is_leader) == (False, True)


@pytest.mark.parametrize("duration", [0.3, 1.2])
async def test_a_lease_is_of_whole_seconds_and_lasts_no_shorter_than_ours(
    both: Candidates, duration: float
) -> None:
    await both.look(both.make("short", LeaseTiming(duration=duration)))
    assert both.lease["spec"]["leaseDurationSeconds"] == (1 if duration < 1 else 2)


async def test_one_that_is_released_is_somebody_elses_at_once(both: Candidates) -> None:
    await both.look()
    await both.a.release()
    assert both.leaders == ""
    await both.look(both.b)
    assert both.leaders == "b"
    await both.a.release()
    assert both.lease["spec"]["holderIdentity"] == "b"


async def test_one_is_released_after_its_candidate_has_ended(both: Candidates) -> None:
    """As a server does that stops: first its tasks end."""
    elector = both.make("c", LeaseTiming(retry=0.01))
    told: list[bool] = []
    task = asyncio.create_task(elector.run(lambda: told.append(elector.is_leader)))
    await both.fake.until(lambda: both.fake.get("leases", NAME, SPACE) is not None)
    await both.fake.until(lambda: elector.is_leader)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == [True, False]
    await elector.release()
    assert both.lease["spec"].get("holderIdentity", "") == ""
    await both.look(both.b)
    assert both.leaders == "b"


async def test_nobody_releases_what_he_never_held(both: Candidates) -> None:
    await both.look()
    both.fake.asked.clear()
    await both.b.release()
    assert both.fake.asked == []
    assert both.leaders == "a"


async def test_a_release_that_is_not_heard_is_not_waited_for(
    both: Candidates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await both.look(both.a)
    both.a._timing = LeaseTiming(deadline=0.1)
    both.fake.stall_requests()
    await both.a.release()
    both.fake.stall_requests(stalled=False)
    assert "the lease is left to expire" in caplog.text
    assert both.leaders == ""


# A Lease that others change


async def test_a_conflict_while_renewing_is_tried_again(both: Candidates) -> None:
    await both.look()
    both.fake.fail(409, verb="update")
    both.advance(2)
    await both.look(both.a)
    assert both.leaders == "a"
    both.advance(6)
    assert both.leaders == ""
    await both.look(both.a)
    assert both.leaders == "a"


async def test_a_write_that_was_done_and_not_heard_of_is_seen_at_the_next_look(
    both: Candidates,
) -> None:
    await both.look()
    both.advance(5)
    spec = {**both.lease["spec"], "renewTime": "2026-01-01T00:00:05.000000Z"}
    both.fake.put({**both.lease, "spec": spec})
    await both.look(both.b)
    both.advance(8)
    await both.look(both.b)
    assert both.leaders == ""
    await both.look(both.a)
    assert both.leaders == "a"


async def test_one_that_is_deleted_is_still_its_holders(both: Candidates) -> None:
    await both.look()
    both.fake.delete("leases", NAME, SPACE)
    await both.look(both.b)
    assert both.leaders == "a"
    await both.look(both.a)
    assert both.leaders == "a"
    assert both.lease["spec"]["holderIdentity"] == "a"


async def test_one_that_is_deleted_and_not_made_again_is_somebody_elses_in_the_end(
    both: Candidates,
) -> None:
    await both.look()
    both.fake.delete("leases", NAME, SPACE)
    both.advance(11.9)
    await both.look(both.b)
    assert both.leaders == ""
    both.advance(0.2)
    await both.look(both.b)
    assert both.leaders == "b"


async def test_a_holder_from_whom_it_was_taken_ceases_before_it_begins_again(
    both: Candidates,
) -> None:
    """So that it reads all that the other may have written."""
    told: list[bool] = []
    elector = both.make("c", LeaseTiming(retry=0.01))
    task = asyncio.create_task(elector.run(lambda: told.append(elector.is_leader)))
    await both.fake.until(lambda: told == [True])
    both.fake.put({**both.lease, "spec": {**both.lease["spec"], "holderIdentity": ""}})
    await both.fake.until(lambda: told == [True, False, True])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_term_that_ended_while_its_holder_was_halted_is_told_though_nobody_took_over(
    both: Candidates,
) -> None:
    told: list[bool] = []
    elector = both.make("c", LeaseTiming(retry=0.01))
    task = asyncio.create_task(elector.run(lambda: told.append(elector.is_leader)))
    await both.fake.until(lambda: told == [True])
    both.clocks[-1].now += 3600
    await both.fake.until(lambda: told == [True, False, True])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_etcd_that_was_restored_gives_it_to_one_once_both_have_looked(
    both: Candidates,
) -> None:
    await both.look()
    backup = both.fake.snapshot()
    both.advance(12)
    await both.look(both.b)
    assert both.leaders == "b"
    both.fake.restore(backup)
    await both.look()
    assert both.leaders == "a"
    assert both.b.holder == "a"


async def test_labels_and_what_else_stands_in_it_stay(both: Candidates) -> None:
    await both.look()
    both.edit(labels={"team": "net"}, finalizers=["example.test/keep"])
    both.advance(2)
    await both.look()
    metadata = both.lease["metadata"]
    assert metadata["labels"] == {"team": "net"}
    assert metadata["finalizers"] == ["example.test/keep"]


async def test_one_without_a_spec_is_nobodys(both: Candidates) -> None:
    name = {"name": NAME, "namespace": SPACE}
    both.fake.put({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": name})
    await both.look(both.a)
    assert both.leaders == "a"


# Notes


async def test_notes_go_from_holder_to_holder(both: Candidates) -> None:
    await both.look()
    both.a.notes["dropped"] = "west"
    both.advance(2)
    await both.look()
    assert both.b.notes == both.lease["metadata"]["annotations"] == {"dropped": "west"}
    both.advance(12)
    await both.look(both.b)
    both.b.notes["dropped"] = "north"
    await both.look(both.b)
    await both.look(both.a)
    assert both.a.notes == {"dropped": "north"}


async def test_what_was_noted_last_goes_with_the_release(both: Candidates) -> None:
    await both.look()
    both.a.notes["dropped"] = "west"
    await both.a.release()
    await both.look(both.b)
    assert both.b.notes == {"dropped": "west"}


async def test_notes_outlive_a_lease_that_is_deleted(both: Candidates) -> None:
    await both.look()
    both.a.notes["dropped"] = "west"
    await both.look()
    for candidate in (both.a, both.b):
        both.fake.delete("leases", NAME, SPACE)
        both.advance(13)
        await both.look(candidate)
        assert both.lease["metadata"]["annotations"] == {"dropped": "west"}


async def test_one_that_does_not_hold_it_notes_nothing(both: Candidates) -> None:
    await both.look()
    both.b.notes["dropped"] = "west"
    both.advance(2)
    await both.look()
    assert both.lease["metadata"].get("annotations", {}) == both.b.notes == {}


# Servers that do not answer


@pytest.mark.parametrize("code", [0, 401, 403, 429, 500, 503])
async def test_a_server_that_refuses_ends_the_term_at_the_deadline_and_is_named_once(
    both: Candidates, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    await both.look(both.a)
    both.fake.fail(code, times=9)
    for _ in range(3):
        both.advance(2)
        await both.look(both.a)
        assert both.leaders == "a"
    both.advance(2)
    assert both.leaders == ""
    assert caplog.text.count("the lease cannot be looked at") == 1
    both.fake.recover()
    await both.look(both.a)
    assert both.leaders == "a"


async def test_a_silent_server_is_not_waited_for_beyond_the_deadline(both: Candidates) -> None:
    elector = both.make("c", LeaseTiming(deadline=0.1))
    both.fake.stall_requests()
    await both.look(elector)
    both.fake.stall_requests(stalled=False)
    assert not elector.is_leader


@pytest.mark.usefixtures("fake")
async def test_a_namespace_that_is_not_there_lets_nobody_write(client: Client) -> None:
    elector = Elector(client, namespace="none", identity="a")
    await elector._look()
    assert not elector.is_leader


async def test_garbage_is_nobodys_lease(both: Candidates, monkeypatch: pytest.MonkeyPatch) -> None:
    async def garbage(*_: object) -> bytes:
        return b"<html>"

    monkeypatch.setattr(both.a._client, "get", garbage)
    await both.look(both.a)
    assert both.leaders == ""
