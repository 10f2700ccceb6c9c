from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globaldns.probes.agenda import Agenda


def drain(agenda: Agenda[str], now: float) -> list[str]:
    found = []
    while (key := agenda.pop(now)) is not None:
        found.append(key)
    return found


def test_what_is_due_comes_once_the_longest_due_first():
    agenda: Agenda[str] = Agenda()
    for key, at in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        agenda.put(key, at)
    assert agenda.next_due == 1.0
    assert drain(agenda, 2.5) == ["a", "b"]
    assert agenda.next_due == 3.0
    assert drain(agenda, 2.5) == []


def test_another_time_replaces_the_former_and_a_dropped_key_never_comes():
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.put("a", 5.0)
    agenda.put("b", 2.0)
    agenda.drop("b")
    agenda.drop("nobody")
    assert drain(agenda, 4.0) == []
    assert agenda.next_due == 5.0


def test_what_was_replaced_takes_no_room():
    agenda: Agenda[str] = Agenda()
    for at in range(1000):
        agenda.put("a", float(at))
    assert len(agenda._heap) < 20
    assert drain(agenda, 1000.0) == ["a"]


KEYS = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 20).map(float)), max_size=60)


@given(STEPS, st.integers(0, 20).map(float))
def test_it_is_a_map_of_times(steps, now):
    agenda: Agenda[str] = Agenda()
    known: dict[str, float] = {}
    for key, at in steps:
        if at is None:
            agenda.drop(key)
            known.pop(key, None)
        else:
            agenda.put(key, at)
            known[key] = at
    assert agenda.next_due == min(known.values(), default=None)
    found = drain(agenda, now)
    assert sorted(found) == sorted(key for key, at in known.items() if at <= now)
    assert [known[key] for key in found] == sorted(known[key] for key in found)
