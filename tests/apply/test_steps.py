"""The next thing to do for a GlobalService, as tables of what stands and what is known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.apply.facts import FINE, Refusal
from globaldns.apply.steps import Create, Delete, Show, Step, Write, next_step, wished_number
from globaldns.model.host import Host
from globaldns.model.place import Place
from tests.apply.showing import NOW, condition, facts, seen, write
from tests.registry.mesh import both, export

EXPORTED = facts(both(export("a.ns")))
GONE = facts(both())
UNKNOWN = facts(both(), complete=False)
HOME, ELSEWHERE = Place("ns", "a"), Place("globaldns", "a-ns-1")
PINS = {"pins": ["240.0.0.1"]}


def steps(told: Any, *objects: Any, place: Place = HOME) -> Step | None:
    return next_step(told, objects, place, now=NOW)


def shown(told: Any, name: str = "a", namespace: str = "ns", **more: Any) -> Any:
    """An object whose status is as it should be."""
    status = msgspec.to_builtins(write(told))
    return seen(name, namespace, status=status, **more)


def test_what_is_missing_is_created_and_then_written() -> None:
    assert steps(EXPORTED) == Create(HOME, Host("a.ns"))
    ours = seen("a", mark="east")
    assert steps(EXPORTED, ours) == Write(ours, write(EXPORTED))
    assert steps(EXPORTED, shown(EXPORTED, mark="east")) is None


@pytest.mark.parametrize("mark", ["", "east", "west"])
def test_what_somebody_has_written_into_is_shown_to_the_clusters_before_all_else(mark: str) -> None:
    hidden = seen("a", mark=mark, spec=PINS, blank=True)
    assert steps(EXPORTED, hidden) == Show(hidden)
    assert steps(UNKNOWN, hidden) == Show(hidden)
    assert steps(EXPORTED, shown(EXPORTED, mark="east", blank=True)) is None


@pytest.mark.parametrize("mark", ["", "east", "west"])
def test_whoever_made_it_gets_a_status(mark: str) -> None:
    theirs = seen("a", mark=mark, spec=PINS)
    assert steps(EXPORTED, theirs) == Write(theirs, write(EXPORTED))


@pytest.mark.parametrize(
    ("mark", "spec", "deleted"),
    [
        ("east", None, True),
        ("east", {}, True),
        ("east", PINS, False),
        ("", None, False),
        ("", PINS, False),
        ("west", None, False),
    ],
)
def test_of_a_service_that_is_gone_only_our_own_work_is_deleted(
    mark: str, spec: Any, *, deleted: bool
) -> None:
    found = seen("a", mark=mark, spec=spec)
    step = steps(GONE, found)
    assert step == (Delete(found) if deleted else Write(found, write(GONE)))


def test_what_is_left_of_a_service_that_is_gone_is_written_once() -> None:
    assert steps(GONE, shown(GONE, spec=PINS)) is None
    assert steps(GONE) is None


def test_whether_a_spec_is_obeyed_is_told_before_it_is_known_whether_it_is_gone() -> None:
    shown_before = shown(EXPORTED, spec=PINS)
    refused = msgspec.structs.replace(UNKNOWN, spec_refusal=Refusal("pin-address", "no"))
    step = steps(refused, shown_before)
    assert isinstance(step, Write)
    accepted = condition(step.status, "Accepted")
    assert (accepted.status, accepted.reason, accepted.message) == ("False", "PinAddress", "no")
    left = tuple(one for one in step.status.conditions if one.type != "Accepted")
    assert msgspec.structs.replace(step.status, conditions=left) == write(EXPORTED)
    again = seen("a", spec=PINS, status=msgspec.to_builtins(step.status))
    assert steps(refused, again) is None
    mended = steps(msgspec.structs.replace(UNKNOWN, spec_refusal=FINE), again)
    assert isinstance(mended, Write)
    assert condition(mended.status, "Accepted").status == "True"


@pytest.mark.parametrize("spec", [None, PINS])
def test_nothing_is_done_while_it_is_not_known_whether_it_is_gone(spec: Any) -> None:
    assert steps(UNKNOWN, seen("a", mark="east", spec=spec)) is None
    assert steps(UNKNOWN) is None


def test_once_it_stands_at_home_what_stood_elsewhere_goes() -> None:
    elsewhere = shown(EXPORTED, "a-ns-1", "globaldns", mark="east", host="a.ns")
    assert steps(EXPORTED, elsewhere, place=ELSEWHERE) is None
    assert steps(EXPORTED, elsewhere) == Create(HOME, Host("a.ns"))
    home = shown(EXPORTED, mark="east")
    assert steps(EXPORTED, elsewhere, home) == Delete(elsewhere)


def test_a_change_of_the_spec_alone_is_observed() -> None:
    status = msgspec.to_builtins(write(EXPORTED))
    found = msgspec.structs.replace(seen("a", spec=PINS, status=status), generation=2)
    step = steps(EXPORTED, found)
    assert isinstance(step, Write)
    assert step.status.observed_generation == 2


@pytest.mark.parametrize(
    ("renumber", "told", "obeyed", "wished"),
    [
        (None, None, None, None),
        ("2026-01-02T03:04:05Z", None, None, NOW),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:04Z", None, NOW),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", None, None),
        ("2026-01-02T03:04:05Z", "2026-02-02T03:04:05Z", None, None),
        ("2026-01-02T03:04:05Z", None, NOW, None),
    ],
)
def test_a_wish_is_obeyed_once(
    renumber: str | None, told: str | None, obeyed: int | None, wished: int | None
) -> None:
    found = seen("a", spec={"renumber": renumber}, status={"renumberedAt": told})
    assert wished_number([found], obeyed) == wished


def test_a_wish_that_stands_elsewhere_is_about_no_host() -> None:
    wish = {"renumber": "2026-01-02T03:04:05Z"}
    found = seen("a-ns-1", "globaldns", mark="east", host="a.ns", spec=wish)
    assert wished_number([found], None) is None
