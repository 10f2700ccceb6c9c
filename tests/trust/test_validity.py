"""How long certificates live, and what is said of one for its time."""

from __future__ import annotations

import pytest

from globaldns.trust.validity import (
    DAY_SECONDS,
    SKEW_SECONDS,
    SOON_SECONDS,
    Validity,
    choose_validity,
    find_time_faults,
)
from tests.trust.authorities import NOW, after


def test_a_certificate_is_dated_back_for_clocks_that_are_behind() -> None:
    assert choose_validity(NOW, 10) == Validity(NOW - SKEW_SECONDS, after(10))


@pytest.mark.parametrize(
    ("days", "issuer", "expected"),
    [
        (10, Validity(0, after(99)), Validity(NOW - SKEW_SECONDS, after(10))),
        (10, Validity(0, after(5)), Validity(NOW - SKEW_SECONDS, after(5))),
        (10, Validity(NOW - 1, after(99)), Validity(NOW - 1, after(10))),
    ],
)
def test_nothing_is_valid_when_its_issuer_is_not(
    days: int, issuer: Validity, expected: Validity
) -> None:
    assert choose_validity(NOW, days, issuer) == expected


@pytest.mark.parametrize(
    ("at", "expected"), [(0, False), (1, True), (2, True), (3, True), (4, False)]
)
def test_both_ends_of_a_validity_are_inside_it(at: int, expected: bool) -> None:  # noqa: FBT001
    assert Validity(1, 3).includes(at) is expected


@pytest.mark.parametrize(
    ("begins", "expires", "said"),
    [
        (0, SOON_SECONDS, ""),
        (0, SOON_SECONDS - 1, "warning certificate-expiring it expires in 29 days"),
        (0, 3600, "warning certificate-expiring it expires in 1 hour"),
        (0, 0, "warning certificate-expiring it expires in 0 hours"),
        (-9, -1, "error certificate-expired it expired 0 hours ago"),
        (-9, -400 * DAY_SECONDS, "error certificate-expired it expired 400 days ago"),
        (7200, SOON_SECONDS, "error certificate-early it is not valid before 2 hours from now"),
    ],
)
def test_what_has_expired_is_an_error_and_what_soon_will_a_warning(
    begins: int, expires: int, said: str
) -> None:
    validity = Validity(NOW + begins, NOW + expires)
    found = [
        f"{'error' if fault.is_fatal else 'warning'} {fault.code} {fault.reason}"
        for fault in find_time_faults(validity, NOW, place="x", name="it", hint="renew it")
    ]
    assert found == ([said] if said else [])
