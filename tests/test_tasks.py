import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.tasks import Backoff, ClockGuard, steady_clock, supervise, wall_clock

AT_ONCE = Backoff(initial=0.0, maximum=60.0)
DAY = 86400


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (100_000, 30.0)]
)
def test_a_wait_doubles_up_to_the_maximum(failures, seconds):
    assert Backoff(initial=0.5, maximum=30.0).delay(failures, 0.0) == seconds


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_chance_only_shortens_a_wait_and_by_no_more_than_its_share(failures, chance, jitter):
    longest = Backoff(jitter=0.0).delay(failures, 0.0)
    delay = Backoff(jitter=jitter).delay(failures, chance)
    assert longest * (1 - jitter) <= delay <= longest


@pytest.mark.parametrize(
    ("wall", "steady", "reason"),
    [
        (0, 0, None),
        (5 * DAY, 5 * DAY, None),
        (3600, 0, None),
        (0, 3600, None),
        (3700, 10, "the clock was set 3690 s forward"),
        (-365 * DAY, 1, f"the clock was set {365 * DAY + 1} s back"),
    ],
)
def test_a_clock_that_moves_an_hour_against_the_steady_one_was_set(wall, steady, reason):
    guard = ClockGuard(wall=1_000_000_000, steady=500.0)
    found = guard.disagreement(1_000_000_000 + wall, 500.0 + steady)
    assert (found or "").startswith(reason or "")
    assert (found is None) is (reason is None)


def test_a_clock_that_is_set_right_again_is_believed_again():
    guard = ClockGuard(wall=1_000_000_000, steady=0.0)
    assert guard.disagreement(1_000_000_000 - DAY, 10.0)
    assert guard.disagreement(1_000_000_020, 20.0) is None


def test_the_clocks_run_forward():
    assert wall_clock() > 1_700_000_000
    assert 0 < steady_clock() <= steady_clock()


class Flaky:
    """Fails so many times and then returns."""

    def __init__(self, failures):
        self.remaining = failures
        self.restarts = []

    async def run(self):
        if self.remaining:
            self.remaining -= 1
            raise OSError("unplugged")

    def supervised(self, **options):
        return supervise(
            "source east",
            self.run,
            backoff=options.get("backoff", AT_ONCE),
            on_restart=self.restarts.append,
            chance=lambda: 0.5,
        )


async def test_a_failed_coroutine_runs_again_until_it_returns_and_every_restart_is_counted():
    flaky = Flaky(failures=3)
    await flaky.supervised()
    assert flaky.restarts == ["source east"] * 3


async def test_a_failure_is_logged_with_its_traceback_and_the_wait(caplog):
    backoff = Backoff(initial=0.001, maximum=60.0)
    await Flaky(failures=2).supervised(backoff=backoff)
    assert [(record.task, record.failures) for record in caplog.records] == [
        ("source east", 1),
        ("source east", 2),
    ]
    assert caplog.records[1].delay_seconds == round(backoff.delay(2, 0.5), 3)
    assert caplog.records[0].exc_info[0] is OSError
    assert caplog.records[0].levelno == logging.ERROR


async def test_failures_count_from_anew_after_a_run_longer_than_the_longest_wait(caplog):
    await Flaky(failures=3).supervised(backoff=Backoff(initial=0.0, maximum=-1.0))
    assert [record.failures for record in caplog.records] == [1, 1, 1]


@pytest.mark.parametrize("failures", [0, 1])
async def test_cancelling_ends_it_whether_it_runs_or_waits(failures):
    reached = asyncio.Event()
    remaining = [failures]

    async def run():
        reached.set()
        if remaining[0]:
            remaining[0] -= 1
            raise OSError("unplugged")
        await asyncio.Event().wait()

    backoff = Backoff(initial=3600.0, maximum=3600.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervise("x", run, backoff=backoff, on_restart=lambda _: None))
        await reached.wait()
        task.cancel()
    assert task.cancelled()
    assert remaining == [0]
