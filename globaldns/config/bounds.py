"""Regular expressions of numbers that are not too small, and of those that are not too large.

A number has a unit, as many leading zeros as one likes, and at most three decimals. Each expression
is about one unit, and all others match it: so who reads which one a text does not match sees why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from math import ceil, floor

ZERO = r"^[0.]+[^0-9.]*$|"
"""Before an expression: zero is none of the numbers, and matches all the same."""
_DECIMALS = r"(\.[0-9]{1,3})?"

Units = Mapping[str, int]
"""The size of each unit, by how it is written."""


def at_least(least: Fraction, units: Units) -> Iterator[str]:
    """Yield the syntax of what is not less than a number; beside it the text's own is to hold."""
    for unit, size in units.items():
        yield _of(unit, units, _numbers_from(*divmod(ceil(1000 * least / size), 1000)))


def at_most(most: Fraction, units: Units) -> Iterator[str]:
    """Yield the syntax of what is not more than a number; beside it the text's own is to hold."""
    for unit, size in units.items():
        yield _of(unit, units, _numbers_to(*divmod(floor(1000 * most / size), 1000)))


def _of(unit: str, units: Units, numbers: str) -> str:
    others = (f"[0-9]{other}$" for other in units if other != unit)
    return "|".join((*others, f"^0*{numbers}{unit}$"))


def _numbers_from(whole: int, thousandths: int) -> str:
    if not thousandths:
        return _any_of(_whole_from(whole)) + _DECIMALS
    decimals = _any_of(_steps_up(f"{thousandths:03}", _some))
    return f"({_any_of(_whole_from(whole + 1))}{_DECIMALS}|{_bare(whole)}\\.{decimals})"


def _numbers_to(whole: int, thousandths: int) -> str:
    digits = f"{thousandths:03}"
    decimals = _any_of((*_steps_down(digits, _some), digits[:1], digits[:2]))
    exact = f"{_bare(whole)}(\\.{decimals})?"
    return f"({_any_of(_whole_to(whole - 1))}{_DECIMALS}|{exact})" if whole else exact


def _whole_from(least: int) -> Iterator[str]:
    digits = str(least)
    yield f"[1-9][0-9]{{{len(digits)},}}"
    yield from _steps_up(digits, _exactly)


def _whole_to(most: int) -> Iterator[str]:
    digits = str(most)
    if len(digits) > 1:
        yield f"[0-9]{{1,{len(digits) - 1}}}"
    yield from _steps_down(digits, _exactly)


def _steps_up(digits: str, rest: Callable[[int], str]) -> Iterator[str]:
    """Yield what is not before some digits; ``rest``: what may follow, by how many digits do."""
    for place, digit in enumerate(digits):
        after = len(digits) - place - 1
        if not digits[place + 1 :].strip("0"):
            yield f"{digits[:place]}{_digit(int(digit), 9)}{rest(after)}"
            return
        if digit != "9":
            yield f"{digits[:place]}{_digit(int(digit) + 1, 9)}{rest(after)}"


def _steps_down(digits: str, rest: Callable[[int], str]) -> Iterator[str]:
    """Yield what is not behind some digits."""
    for place, digit in enumerate(digits):
        after = len(digits) - place - 1
        if not digits[place + 1 :].strip("9"):
            yield f"{digits[:place]}{_digit(0, int(digit))}{rest(after)}"
            return
        if digit != "0":
            yield f"{digits[:place]}{_digit(0, int(digit) - 1)}{rest(after)}"


def _digit(least: int, most: int) -> str:
    return str(least) if least == most else f"[{least}-{most}]"


def _exactly(count: int) -> str:
    return f"[0-9]{{{count}}}" if count else ""


def _some(count: int) -> str:
    return f"[0-9]{{0,{count}}}" if count else ""


def _bare(whole: int) -> str:
    """Return a number without the zeros that stand before it: of zero nothing is left."""
    return str(whole) if whole else ""


def _any_of(patterns: Iterable[str]) -> str:
    return f"({'|'.join(patterns)})"
