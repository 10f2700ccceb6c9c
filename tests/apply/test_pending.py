"""Hosts that wait for a write."""

from __future__ import annotations

from globaldns.apply.pending import Pending
from globaldns.model.host import Host

A, B, C = Host("a"), Host("b"), Host("c")


def drain(pending: Pending, now: float = 0.0) -> list[str]:
    return [*iter(lambda: pending.take(now), None)]


def test_the_newest_change_is_served_first_and_each_host_once() -> None:
    pending = Pending()
    pending.note([A, B, C])
    pending.note([A])
    assert len(pending) == 3
    assert A in pending
    assert drain(pending) == ["a", "c", "b"]
    assert A not in pending
    assert len(pending) == 0


def test_later_is_not_before_its_time() -> None:
    pending = Pending()
    pending.note_at(A, 10)
    pending.note_at(B, 5)
    assert drain(pending, 4) == []
    assert drain(pending, 5) == ["b"]
    assert drain(pending, 20) == ["a"]
    assert drain(pending, 30) == []


def test_the_earliest_of_several_times_counts() -> None:
    pending = Pending()
    for at in (10, 5, 20):
        pending.note_at(A, at)
    assert drain(pending, 5) == ["a"]
    assert drain(pending, 100) == []


def test_nothing_is_left_when_all_is_forgotten() -> None:
    pending = Pending()
    pending.note([A])
    pending.note_at(B, 1)
    pending.clear()
    assert drain(pending, 10) == []
