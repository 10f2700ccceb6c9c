from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globaldns.routing.horizon import Rank, Target
from globaldns.routing.weights import MAX_SUM, reduced


def written(*weights: int) -> list[int]:
    targets = [Target(Rank.OTHER, str(number), weight=one) for number, one in enumerate(weights)]
    return [target.weight for target in reduced(targets)]


def test_equals_weigh_one_each() -> None:
    assert written(6, 6, 12) == [1, 1, 2]
    assert written(2**40, 2**40) == [1, 1]
    assert written() == []


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20), st.integers(1, 1000))
def test_the_same_proportions_are_the_same_weights(weights: list[int], unit: int) -> None:
    assert written(*(weight * unit for weight in weights)) == written(*weights)


@given(st.lists(st.integers(1, 2**70), min_size=1, max_size=300))
def test_no_sum_is_more_than_an_envoy_takes_and_nobody_is_left_out(weights: list[int]) -> None:
    found = written(*weights)
    assert sum(found) <= MAX_SUM
    assert min(found) >= 1
