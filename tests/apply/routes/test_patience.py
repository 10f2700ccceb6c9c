from __future__ import annotations

import pytest

from globaldns.apply.routes.comparison import Urgency
from globaldns.apply.routes.patience import (
    REST_SECONDS,
    STABLE_SECONDS,
    Create,
    Decision,
    Delete,
    Fate,
    Memory,
    Replace,
    Rules,
    Wanted,
    decide,
    step_key,
)
from globaldns.apply.routes.standing import Document, Standing, key_of
from globaldns.istio.endpoints import REMOTE_NETWORK
from globaldns.istio.labels import CLUSTER
from tests.apply.routes.documents import LAST, endpoint, entry, gateway, replica, rule, standing

RULES = Rules(weight_step=0.1, withdraw_seconds=60.0)
KINDS = ("ServiceEntry", "DestinationRule")
HERE, THERE = endpoint("10.0.0.1"), endpoint("2.2.2.2")


def judge(
    documents: list[Document],
    present: list[Standing],
    memory: Memory | None = None,
    *,
    fate: Fate = Fate.WRITE,
    lost: frozenset[str] = frozenset(),
    now: float = 1000.0,
) -> Decision:
    wanted = Wanted(fate, tuple(documents), lost)
    return decide(wanted, present, memory or Memory(), RULES, now)


def test_what_is_not_there_is_created_and_what_differs_replaced() -> None:
    first = judge([entry(HERE), rule()], [])
    assert first.step == Create(rule())
    assert first.urgency is Urgency.NEW
    second = judge([entry(HERE), rule()], [standing(rule())])
    assert second.step == Create(entry(HERE))
    one = standing(entry(HERE))
    third = judge([entry(HERE, THERE)], [one])
    assert third.step == Replace(one, entry(HERE, THERE))
    assert judge([entry(HERE)], [one]).step is None


def run(documents: list[Document], present: list[Standing], fate: Fate) -> list[Standing]:
    """Take one step, and return what stands then."""
    step = judge(documents, present, Memory(gone_since=0.0), fate=fate).step
    assert step is not None
    kept = [one for one in present if one.key != step_key(step)]
    return kept if isinstance(step, Delete) else [*kept, standing(step.document)]


@pytest.mark.parametrize("fate", [Fate.WRITE, Fate.WITHDRAW, Fate.END])
def test_whoever_writes_may_be_killed_after_any_step_and_no_entry_is_without_its_rule(
    fate: Fate,
) -> None:
    old = [entry(HERE, name="old"), rule(name="old")]
    new = [entry(HERE), rule()] if fate is Fate.WRITE else []
    present = [standing(one) for one in old]
    for _ in range(len(old) + len(new)):
        present = run(new, present, fate)
        named = {kind: {one.key.name for one in present if one.key.kind == kind} for kind in KINDS}
        assert named["ServiceEntry"] <= named["DestinationRule"]
    assert {one.key for one in present} == {key_of(one) for one in new}


def test_a_rule_that_says_more_is_there_before_the_endpoints_that_need_it() -> None:
    present = [standing(entry(HERE)), standing(rule("old"))]
    assert judge([entry(HERE, THERE), rule("new")], present).step == Replace(
        present[1], rule("new")
    )


def test_the_most_urgent_thing_is_done_first() -> None:
    present = [standing(rule("old")), standing(entry(HERE, THERE))]
    decision = judge([rule("new"), entry(HERE)], present)
    assert decision.step == Replace(present[1], entry(HERE))
    assert decision.urgency is Urgency.REMOVAL


def test_what_is_refused_has_a_new_host_wait_and_none_that_stands() -> None:
    memory = Memory(refused=frozenset({key_of(rule())}))
    wanted, before = [entry(HERE, THERE), rule()], standing(entry(HERE))
    assert judge(wanted, [before]).step == Create(rule())
    assert judge(wanted, [before], memory).step == Replace(before, entry(HERE, THERE))
    assert judge(wanted, [standing(entry(HERE, THERE))], memory).step == Create(rule())
    assert judge(wanted, [], memory).step == Create(rule())
    other = standing(rule("other"))
    assert judge(wanted, [before, other], memory).step == Replace(before, entry(HERE, THERE))
    # An entry whose name is taken has nothing else wait.
    taken = Memory(refused=frozenset({key_of(entry())}))
    replicated = replica({"port": 80})
    assert judge([entry(HERE), replicated], [], taken).step == Create(replicated)
    whole = [standing(entry(HERE, THERE)), standing(rule())]
    assert judge(wanted, whole, memory).memory == Memory()


def far(address: str, cluster: str) -> Document:
    return endpoint(address, {CLUSTER: cluster}, network=REMOTE_NETWORK)


NORTH, WEST = far("2.2.2.1", "north"), far("2.2.2.2", "west")
LOST = frozenset({"north"})


def test_gateways_that_stand_go_on_standing_while_those_of_their_cluster_are_not_known() -> None:
    before, near = standing(entry(HERE, NORTH)), endpoint("10.0.0.2")
    wanted, present = [entry(near), rule()], [before, standing(rule())]
    assert judge(wanted, present, lost=LOST).step == Replace(before, entry(near, NORTH))
    now = [standing(entry(near, NORTH)), standing(rule())]
    assert judge(wanted, now, lost=LOST).step is None
    assert judge(wanted, now, lost=frozenset({"west"})).step is not None
    assert judge(wanted, now).step is not None
    # Where no such gateway stands all is written as it is known.
    assert judge([entry(), rule()], [], lost=LOST).step == Create(rule())


def test_a_gateway_that_is_not_known_freezes_nothing_else_of_its_host() -> None:
    present = [standing(entry(NORTH, WEST)), standing(rule())]
    moved = far("3.3.3.3", "west")
    for wanted in (entry(moved), entry(), entry(addresses=["240.0.0.9"])):
        kept = {**wanted, "spec": {**wanted["spec"]}}
        kept["spec"]["endpoints"] = [*wanted["spec"]["endpoints"], NORTH]
        decision = judge([wanted, rule()], present, lost=LOST)
        assert (decision.step, decision.urgency) == (Replace(present[0], kept), Urgency.REMOVAL)
        assert judge([wanted, rule()], [standing(kept), present[1]], lost=LOST).step is None
    step = judge([entry(WEST), rule("y")], present, lost=LOST).step
    assert step == Replace(present[1], rule("y"))


def test_what_stands_elsewhere_goes_and_the_gateways_that_are_not_known_stay() -> None:
    elsewhere = standing(entry(NORTH, WEST, name="elsewhere"))
    moved = entry(HERE, NORTH)
    assert judge([entry(HERE)], [elsewhere], lost=LOST).step == Create(moved)
    present = [standing(moved), elsewhere]
    assert judge([entry(HERE)], present, lost=LOST).step == Delete(elsewhere)
    # So they do where a namespace goes with what stood in it.
    leaving = standing(entry(NORTH), deletionTimestamp="2026-01-01T00:00:00Z")
    assert judge([entry(HERE, name="new")], [leaving], lost=LOST).step == Create(
        entry(HERE, NORTH, name="new")
    )


def test_what_stands_elsewhere_goes_once_all_stands_where_it_should() -> None:
    elsewhere = standing(entry(HERE, name="web-global-0"))
    assert judge([entry(HERE)], [elsewhere]).step == Create(entry(HERE))
    decision = judge([entry(HERE)], [elsewhere, standing(entry(HERE))])
    assert decision.step == Delete(elsewhere)
    assert step_key(decision.step) == elsewhere.key


def test_a_route_goes_some_time_after_its_name() -> None:
    one = standing(entry(HERE))
    waiting = judge([], [one], fate=Fate.WITHDRAW)
    assert (waiting.step, waiting.later) == (None, 1060.0)
    still = judge([], [one], waiting.memory, fate=Fate.WITHDRAW, now=1059.0)
    assert (still.step, still.later) == (None, 1060.0)
    over = judge([], [one], still.memory, fate=Fate.WITHDRAW, now=1060.0)
    assert over.step == Delete(one)
    assert judge([], [], over.memory, fate=Fate.WITHDRAW, now=1061.0) == Decision()


def test_a_name_that_came_back_is_withdrawn_from_the_beginning() -> None:
    one = standing(entry(HERE))
    waiting = judge([], [one], fate=Fate.WITHDRAW)
    back = judge([entry(HERE)], [one], waiting.memory, now=1050.0)
    again = judge([], [one], back.memory, fate=Fate.WITHDRAW, now=1070.0)
    assert (again.step, again.later) == (None, 1130.0)


def test_what_is_not_known_stays_and_what_breaks_others_goes_at_once() -> None:
    one = standing(entry(HERE))
    assert judge([], [one], fate=Fate.STAND).step is None
    assert judge([], [one], fate=Fate.END).step == Delete(one)
    assert judge([], [], fate=Fate.END) == Decision()


def test_an_object_is_written_once_a_second_unless_it_leads_nowhere() -> None:
    one = standing(entry(HERE, THERE))
    memory = Memory(written={one.key: 999.5})
    added = entry(HERE, THERE, endpoint("3.3.3.3"))
    waiting = judge([added], [one], memory)
    assert (waiting.step, waiting.later) == (None, 999.5 + REST_SECONDS)
    assert judge([added], [one], memory, now=1000.5).step == Replace(one, added)
    assert judge([entry(HERE)], [one], memory).step == Replace(one, entry(HERE))


def test_endpoints_that_came_last_come_earlier_once_that_is_stable() -> None:
    last = endpoint("2.2.2.2", LAST)
    one = standing(entry(HERE, last))
    waiting = judge([entry(HERE, THERE)], [one])
    assert (waiting.step, waiting.later) == (None, 1000.0 + STABLE_SECONDS)
    more = entry(HERE, THERE, endpoint("3.3.3.3"))
    held = judge([more], [one], waiting.memory, now=1100.0)
    assert held.step == Replace(one, entry(HERE, last, endpoint("3.3.3.3")))
    over = judge([entry(HERE, THERE)], [one], held.memory, now=1000.0 + STABLE_SECONDS)
    assert over.step == Replace(one, entry(HERE, THERE))
    relapse = judge([entry(HERE, last)], [one], held.memory, now=1200.0)
    assert relapse.memory.back_since is None


def test_a_gateway_lets_a_host_through_for_some_time_after_the_last_client_is_to_name_it() -> None:
    one = standing(gateway("a.ns.global", "b.ns.global", "c.ns.global"))
    waiting = judge([gateway("a.ns.global", "c.ns.global")], [one])
    assert (waiting.step, waiting.later) == (None, 1060.0)
    fewer, more = gateway("c.ns.global"), gateway("c.ns.global", "d.ns.global")
    still = judge([fewer], [one], waiting.memory, now=1030.0)
    assert (still.step, still.later) == (None, 1060.0)
    held = judge([more], [one], still.memory, now=1059.0)
    every = gateway("a.ns.global", "b.ns.global", "c.ns.global", "d.ns.global")
    assert (held.step, held.later) == (Replace(one, every), 1060.0)
    over = judge([fewer], [one], still.memory, now=1060.0)
    assert over.step == Replace(one, gateway("a.ns.global", "c.ns.global"))
    last = judge([fewer], [one], over.memory, now=1090.0)
    assert (last.step, last.later) == (Replace(one, fewer), None)


def test_a_gateways_host_that_came_back_is_dropped_from_the_beginning() -> None:
    one, fewer = standing(gateway("a.ns.global", "b.ns.global")), gateway("a.ns.global")
    waiting = judge([fewer], [one])
    back = judge([one.document], [one], waiting.memory, now=1050.0)
    again = judge([fewer], [one], back.memory, now=1070.0)
    assert (again.step, again.later) == (None, 1130.0)


@pytest.mark.parametrize("fate", [Fate.WRITE, Fate.END, Fate.WITHDRAW])
def test_an_object_that_is_leaving_is_left_to_it(fate: Fate) -> None:
    leaving = standing(entry(HERE), deletionTimestamp="2026-01-01T00:00:00Z")
    decision = judge([], [leaving], Memory(gone_since=0.0), fate=fate)
    assert decision.step is None


def test_steps_say_which_object_they_are_about() -> None:
    assert step_key(Create(rule())) == key_of(rule())


@pytest.mark.parametrize("fate", [Fate.WRITE, Fate.WITHDRAW, Fate.END])
def test_a_refusal_is_remembered_as_long_as_its_object_is_to_be_written(fate: Fate) -> None:
    theirs = standing(entry(HERE))
    refused = frozenset({theirs.key, standing(rule()).key})
    decision = judge([entry(HERE, THERE)], [theirs], Memory(refused=refused), fate=fate)
    assert decision.memory.refused == {theirs.key}
