"""A bound on how often something is done."""

from __future__ import annotations

import pytest

from globaldns.apply.bucket import TokenBucket


def taken(bucket: TokenBucket, rate: float, *, start: float, end: float) -> int:
    """Take as many as there are between two times, waiting as told."""
    now, count = start, 0
    while True:
        wait = bucket.wait(now, rate)
        now += wait
        if now >= end:
            return count
        if wait == 0:
            bucket.take()
            count += 1


@pytest.mark.parametrize("rate", [1, 3, 10, 1000])
def test_no_more_than_the_rate_and_what_a_second_brings(rate: int) -> None:
    found = taken(TokenBucket(), rate, start=100.0, end=160.0)
    assert 60 * rate <= found <= 61 * rate


def test_a_quiet_hour_is_no_right_to_a_flood() -> None:
    bucket = TokenBucket()
    taken(bucket, 10, start=0.0, end=5.0)
    assert taken(bucket, 10, start=3600.0, end=3601.0) <= 20


def test_another_rate_counts_at_once() -> None:
    bucket = TokenBucket()
    taken(bucket, 100, start=0.0, end=10.0)
    assert taken(bucket, 1, start=10.0, end=20.0) <= 11
