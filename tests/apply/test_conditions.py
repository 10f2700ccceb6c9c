"""The conditions of a GlobalService."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from globaldns.apply.conditions import MOVED_SECONDS, camel, judge, moved_until
from globaldns.apply.facts import Facts, Moved, PartState
from globaldns.model.export import Port
from globaldns.model.service import ServiceState
from globaldns.registry.delta import Move
from globaldns.registry.registry import Registry
from tests.apply.showing import NOW, condition, facts, part, write
from tests.registry.mesh import A, both, export, reset, settings, settled, vip

OLD, NEW = vip("240.0.0.1"), vip("240.0.0.2")
MOVED = Moved(Move(A, (OLD,), (NEW,), "renumbered"), NOW)


def in_state(state: ServiceState) -> Facts:
    told = facts(both(export("a.ns")))
    service = msgspec.structs.replace(told.service, state=state)  # type: ignore[type-var]
    return msgspec.structs.replace(told, service=service)


@pytest.mark.parametrize("state", [*ServiceState])
def test_ready_is_what_is_answered_and_every_failure_says_what_to_do(state: ServiceState) -> None:
    ready = condition(write(in_state(state)), "Ready")
    is_answered = state.tells_addresses or state is ServiceState.NONE
    assert ready.status == str(is_answered)
    assert ready.reason.isalpha()
    assert is_answered or "globaldns explain a.ns" in ready.message


@pytest.mark.parametrize(
    ("fenced", "reason"), [(["west"], "Fenced"), ([], "Answered"), (["east", "west"], "Fenced")]
)
def test_a_host_of_fenced_clusters_alone_is_not_ready(fenced: list[str], reason: str) -> None:
    registry = Registry(settings(fenced=fenced))
    settled(registry, reset("east"), reset("west", export("a.ns", "west")))
    assert condition(write(facts(registry)), "Ready").reason == reason


def test_what_is_kept_for_a_host_that_nobody_exports_is_said() -> None:
    held = facts(both(export("a.ns"))).held
    told = facts(both(), held=held)
    assert "kept for it" in condition(write(told), "Ready").message
    assert "kept for it" not in condition(write(facts(both())), "Ready").message


def test_a_conflict_names_its_winner() -> None:
    registry = both(
        export("a.ns", created_at=1),
        export("a.ns", "west", created_at=2, ports=(Port(80, "http", "TCP"),)),
    )
    conflict = condition(write(facts(registry)), "Conflict")
    assert (conflict.status, conflict.reason) == ("True", "PortProtocol")
    winner = "ServiceEntry ns/a of east wins over ServiceEntry ns/a of west"
    assert winner in conflict.message


def test_of_many_conflicts_the_rest_is_counted() -> None:
    registry = both(
        export("a.ns", ports=tuple(Port(n, f"p{n}", "HTTP") for n in range(1, 8))),
        export("a.ns", "west", ports=tuple(Port(n, f"p{n}", "TCP") for n in range(1, 8))),
    )
    message = condition(write(facts(registry)), "Conflict").message
    assert "; and " in message
    assert " more: make them agree" in message


def test_a_move_is_told_for_an_hour_and_no_longer() -> None:
    told = facts(both(export("a.ns")), moved=MOVED)
    first = write(told)
    moved = condition(first, "VIPMoved")
    assert (moved.status, moved.reason) == ("True", "Renumbered")
    assert moved.message.startswith("from 240.0.0.1 to 240.0.0.2 (renumbered)")
    assert moved_until(first.conditions, MOVED) == NOW + MOVED_SECONDS
    forgotten = msgspec.structs.replace(told, moved=None)
    almost = write(forgotten, first, now=NOW + MOVED_SECONDS - 1)
    assert condition(almost, "VIPMoved") == moved
    after = condition(write(told, almost, now=NOW + MOVED_SECONDS), "VIPMoved")
    assert (after.status, after.reason, after.message) == ("False", "NotMoved", "")
    assert after.last_transition_time == "2026-01-02T04:04:05Z"


def test_a_second_move_within_the_hour_begins_it_anew() -> None:
    told = facts(both(export("a.ns")), moved=MOVED)
    first = write(told)
    again = Moved(Move(A, (NEW,), (OLD,), "collision"), NOW + 3000)
    second = write(msgspec.structs.replace(told, moved=again), first, now=NOW + 3000)
    moved = condition(second, "VIPMoved")
    assert (moved.reason, moved.last_transition_time) == ("Collision", "2026-01-02T03:04:05Z")
    assert moved_until(second.conditions, again) == NOW + 3000 + MOVED_SECONDS


def test_why_a_wish_was_refused_is_said() -> None:
    told = facts(both(export("a.ns")), moved=MOVED, refusal="east does not export it")
    moved = condition(write(told), "VIPMoved")
    assert (moved.status, moved.reason) == ("False", "RenumberRefused")
    assert moved.message == "east does not export it"


def test_nothing_is_told_for_ever() -> None:
    assert moved_until(write(facts(both(export("a.ns")))).conditions, None) is None
    assert moved_until((), None) is None


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["synced", "fenced"], "Fresh"),
        (["synced", "silent"], "Silent"),
        (["silent", "remembered"], "Remembered"),
        (["lost", "waiting"], "Lost"),
        ([], "Fresh"),
    ],
)
def test_a_stale_source_is_told_by_the_worst_of_them(states: list[str], reason: str) -> None:
    parts = tuple(part(f"c{n}", PartState(state)) for n, state in enumerate(states))
    stale = condition(write(facts(both(export("a.ns")), parts=parts)), "SourceStale")
    assert (stale.status, stale.reason) == (str(reason != "Fresh"), reason)
    for one in parts:
        is_named = f"{one.cluster} ({one.state})" in stale.message
        assert is_named is (one.state not in ("synced", "fenced"))


@pytest.mark.parametrize(
    ("others", "effect"),
    [([], "nothing of it counts"), (["silent"], "what was heard of it last stands")],
)
def test_a_source_that_is_fenced_may_be_stale_too(others: list[str], effect: str) -> None:
    parts = [part(f"c{n}", PartState(state)) for n, state in enumerate(others)]
    parts.append(part("west", PartState.FENCED, source=PartState.LOST))
    stale = condition(write(facts(both(export("a.ns")), parts=tuple(parts))), "SourceStale")
    assert (stale.status, stale.reason) == ("True", "Lost")
    assert "west (fenced, lost)" in stale.message
    assert f": {effect}; " in stale.message


def test_the_time_of_a_condition_is_that_of_its_last_change() -> None:
    told = facts(both(export("a.ns")))
    first = write(told)
    later = write(told, first, now=NOW + 60, generation=2)
    assert [one.last_transition_time for one in later.conditions] == [
        one.last_transition_time for one in first.conditions
    ]
    failing = write(in_state(ServiceState.STALE), later, now=NOW + 120)
    assert condition(failing, "Ready").last_transition_time == "2026-01-02T03:06:05Z"
    worse = write(in_state(ServiceState.LOST), failing, now=NOW + 180)
    assert condition(worse, "Ready").last_transition_time == "2026-01-02T03:06:05Z"


def test_a_time_that_is_none_is_put_right() -> None:
    told = facts(both(export("a.ns")))
    broken: Any = [
        msgspec.structs.replace(one, last_transition_time="") for one in write(told).conditions
    ]
    (ready, *_) = judge(told, broken, moved=None, generation=1, now=NOW)
    assert ready.last_transition_time == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("word", "shown"), [("pin-collision", "PinCollision"), ("lost", "Lost"), ("a-b-c", "ABC")]
)
def test_words_are_written_as_conditions_write_them(word: str, shown: str) -> None:
    assert camel(word) == shown
