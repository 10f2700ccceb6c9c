"""What to do after a request that failed."""

from __future__ import annotations

import pytest

from globaldns.apply.setbacks import ASIDE, Setback, Setbacks
from globaldns.errors import ApiError, ApiRefused
from globaldns.model.host import Host

A = Host("a.ns")
ROLES = "globaldns-router"


def fail(
    setbacks: Setbacks, status: int, *, was_there: bool = False, after: float = 0.0
) -> Setback:
    error = ApiRefused("no", status=status, retry_after=after) if status else ApiError("silence")
    return setbacks.fail(A, "ns", error, was_there=was_there, chance=0.0)


def test_a_conflict_is_looked_at_again_and_not_told() -> None:
    setbacks = Setbacks(ROLES)
    waits = [fail(setbacks, 409) for _ in range(3)]
    assert [one.host_seconds for one in waits] == [1.0, 2.0, 4.0]
    assert {(one.news, one.server_seconds) for one in waits} == {("", 0.0)}


def test_an_object_that_is_gone_is_created_and_one_that_cannot_be_waits() -> None:
    assert fail(Setbacks(ROLES), 404, was_there=True) == Setback(is_gone=True)
    setback = fail(Setbacks(ROLES), 404)
    assert (setback.host_seconds, setback.is_gone) == (1.0, False)
    assert "create our namespace" in setback.remedy


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(403, "roles globaldns-router"), (422, "deploy/crds"), (400, "deploy/crds"), (413, "")],
)
def test_what_one_host_is_refused_is_told_once_with_its_remedy(status: int, remedy: str) -> None:
    setbacks = Setbacks(ROLES)
    first, second = fail(setbacks, status), fail(setbacks, status, was_there=True)
    assert (first.news, second.news) == ("no", "")
    assert remedy in first.remedy
    assert first.server_seconds == second.server_seconds == 0.0
    assert first.host_seconds < second.host_seconds <= ASIDE.maximum


def test_no_role_helps_where_a_namespace_is_being_deleted() -> None:
    refused = ApiRefused("no", status=403, causes=("NamespaceTerminating",))
    setback = Setbacks(ROLES).fail(A, "ns", refused, was_there=False, chance=0.0)
    assert setback.news == "no"
    assert "wait" in setback.remedy
    assert "role" not in setback.remedy


@pytest.mark.parametrize("status", [0, 401, 429, 500, 503])
def test_where_the_server_fails_nothing_is_asked_for_a_while(status: int) -> None:
    setbacks = Setbacks(ROLES)
    first, second = fail(setbacks, status), fail(setbacks, status)
    assert (first.server_seconds, second.server_seconds) == (0.5, 1.0)
    assert (first.host_seconds, first.news != "", second.news) == (0.0, True, "")


def test_a_server_that_says_how_long_to_wait_is_obeyed() -> None:
    assert fail(Setbacks(ROLES), 429, after=7.0).server_seconds == 7.0


def test_after_a_success_all_begins_anew() -> None:
    setbacks = Setbacks(ROLES)
    before = [fail(setbacks, status) for status in (403, 503)]
    setbacks.succeed(A, "ns")
    assert [fail(setbacks, status) for status in (403, 503)] == before


def test_a_success_elsewhere_is_no_news_of_a_namespace() -> None:
    setbacks = Setbacks(ROLES)
    fail(setbacks, 403)
    setbacks.succeed(Host("b.other"), "other")
    assert fail(setbacks, 403).news == ""
