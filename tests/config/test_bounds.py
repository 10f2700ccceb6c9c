"""Numbers with units, beside limits."""

from __future__ import annotations

import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.bounds import ZERO, at_least, at_most

UNITS = {"ms": 1, "s": 1000, "m": 60_000}
LIMITS = st.fractions(0, 10**6, max_denominator=7).filter(bool)


def written(thousandths: int, zeros: int) -> str:
    whole, rest = divmod(thousandths, 1000)
    decimals = f".{rest:03}".rstrip("0").rstrip(".")
    return f"{'0' * zeros}{whole}{decimals}"


@given(
    limit=LIMITS,
    unit=st.sampled_from(sorted(UNITS)),
    off=st.integers(-1500, 1500),
    zeros=st.integers(0, 2),
)
def test_a_number_matches_where_it_is_in_its_limits(
    limit: Fraction, unit: str, off: int, zeros: int
) -> None:
    thousandths = max(0, round(1000 * limit / UNITS[unit]) + off)
    value, text = Fraction(thousandths * UNITS[unit], 1000), f"{written(thousandths, zeros)}{unit}"
    least = all(re.search(pattern, text) for pattern in at_least(limit, UNITS))
    most = all(re.search(pattern, text) for pattern in at_most(limit, UNITS))
    assert (least, most) == (value >= limit, value <= limit)
    assert all(
        re.search(ZERO + one, f"{written(0, zeros)}{unit}") for one in at_least(limit, UNITS)
    )


def test_one_pattern_is_about_one_unit() -> None:
    failing = [one for one in at_least(Fraction(10_000), UNITS) if not re.search(one, "9s")]
    assert failing == [r"[0-9]ms$|[0-9]m$|^0*([1-9][0-9]{2,}|[1-9][0-9]{1})(\.[0-9]{1,3})?s$"]
