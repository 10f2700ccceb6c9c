from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.tasks import MAX_DRIFT_SECONDS
from tests.app.meshes import Hands

YEAR = 365 * 86400


@pytest.mark.parametrize("correction", [0, 60, -60, MAX_DRIFT_SECONDS, -MAX_DRIFT_SECONDS])
def test_a_clock_that_is_corrected_is_believed_as_it_is(correction: int) -> None:
    hands = Hands(wall=1_000_000)
    clock = hands.clock()
    hands.advance(500)
    hands.wall += correction
    assert clock.disagreement() is None
    assert clock.now() == 1_000_500 + correction


@pytest.mark.parametrize("jump", [YEAR, -YEAR, MAX_DRIFT_SECONDS + 1])
def test_a_clock_that_was_set_is_told_and_the_time_goes_on_without_it(jump: int) -> None:
    hands = Hands(wall=1_000_000)
    clock = hands.clock()
    hands.wall += jump
    hands.advance(500)
    assert "the clock was set" in (clock.disagreement() or "")
    assert clock.now() == 1_000_500


def test_a_clock_that_is_set_right_again_is_believed_again() -> None:
    hands = Hands(wall=1_000_000)
    clock = hands.clock()
    hands.wall += YEAR
    hands.advance(500)
    hands.wall -= YEAR - 3
    assert clock.disagreement() is None
    assert clock.now() == 1_000_503


@given(elapsed=st.integers(0, YEAR), drift=st.integers(-YEAR, YEAR))
def test_no_time_is_ever_told_that_is_far_from_what_has_gone_by(elapsed: int, drift: int) -> None:
    hands = Hands(wall=YEAR)
    clock = hands.clock()
    hands.advance(elapsed)
    hands.wall += drift
    assert abs(clock.now() - (YEAR + elapsed)) <= MAX_DRIFT_SECONDS
