from __future__ import annotations

import pytest

from tests.bench import tables


def test_cells_of_a_column_are_equally_wide() -> None:
    assert tables.table(("a", "b"), [("long", "1"), ("x", "22")]).splitlines() == [
        "| a    | b  |",
        "| ---- | -- |",
        "| long | 1  |",
        "| x    | 22 |",
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.123, "0.12"), (12.34, "12.3"), (1234.5, "1,234"), (-0.5, "-0.50")]
)
def test_a_figure_has_the_digits_that_mean_something(value: float, expected: str) -> None:
    assert tables.figure(value) == expected
