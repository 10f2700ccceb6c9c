from __future__ import annotations

import pytest

from tests.bench import soak


def test_the_first_quarter_is_compared_with_the_last() -> None:
    looks = [(100.0, 10)] * 2 + [(900.0, 90)] * 4 + [(102.0, 11)] * 2
    found = soak.compare(looks)
    assert found["memory_growth_percent"] == pytest.approx(2.0)
    assert (found["descriptors_early"], found["descriptors_late"]) == (10, 11)
