"""How fast work goes for which nobody waits."""

from __future__ import annotations

import time

import pytest

from globaldns.app.pace import AT_A_TIME, REST_SECONDS, Pace

MANY = range(3 * AT_A_TIME + 1)


@pytest.mark.parametrize(("is_hasty", "expected"), [(False, 3 * [REST_SECONDS]), (True, [])])
def test_others_get_their_turn_unless_the_server_is_to_end(
    monkeypatch: pytest.MonkeyPatch, *, is_hasty: bool, expected: list[float]
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(time, "sleep", rests.append)
    pace = Pace()
    pace.is_hasty = is_hasty
    assert list(pace(MANY)) == list(MANY)
    assert rests == expected
