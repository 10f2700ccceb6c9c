"""What is done when, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, Reach
from globaldns.probes.board import Board, Spot, Target
from tests.probes.gateways import NAMED, WEST

INTERVAL = 5.0
SPOT = (WEST, WEST.address)
TWINS = msgspec.structs.replace(NAMED, port=15444)


class Played:
    """A board whose time, and whose results, are the test's."""

    def __init__(self, *gateways: Gateway, interval: float = INTERVAL) -> None:
        self.board = Board(interval, "east/pod-1")
        self.now = 100.0
        self.board.follow({*gateways}, self.now)

    def leap(self, due: float | None) -> None:
        assert due is not None
        self.now = max(due, self.now)

    def lookup(self, found: tuple[frozenset[str], int] | str) -> None:
        self.leap(self.board.next_lookup)
        name = self.board.begin_lookup(self.now)
        assert name is not None
        self.board.end_lookup(name, found, steady=self.now)

    def probe(self, result: str | None, server_names: Sequence[str] = ()) -> Target:
        self.leap(self.board.next_probe)
        spot = self.board.begin_probe(self.now)
        assert spot is not None
        target = self.board.target(spot, server_names)
        self.board.end_probe(spot, result, steady=self.now, wall=int(self.now))
        return target

    def probe_all(self, *dead: str, times: int = 1) -> None:
        """Probe each address of NAMED some times; those at these addresses are dead."""
        for _ in range(times):
            for _ in self.board.reach[NAMED].addresses:
                self.leap(self.board.next_probe)
                spot = self.board.begin_probe(self.now)
                assert spot is not None
                reason = "refused" if spot[1] in dead else ""
                self.board.end_probe(spot, reason, steady=self.now, wall=int(self.now))


def test_an_address_is_probed_in_time_and_known_by_the_results():
    played = Played(WEST)
    assert played.board.reach == {WEST: Reach(("203.0.113.20",))}
    assert played.board.begin_probe(played.now) is None
    began = played.now
    for _ in range(3):
        assert played.probe("refused").address == "203.0.113.20"
    assert 2 * INTERVAL * 0.9 < played.now - began < 3 * INTERVAL * 1.1
    reach = played.board.reach[WEST]
    assert (reach.state, reach.since, reach.reason) == ("down", int(played.now), "refused")


def test_a_name_is_probed_once_it_has_an_address():
    played = Played(NAMED)
    assert played.board.reach == {NAMED: Reach()}
    assert played.board.begin_probe(200.0) is None
    played.lookup((frozenset({"203.0.113.2", "203.0.113.1"}), 3600))
    assert played.board.reach[NAMED].addresses == ("203.0.113.1", "203.0.113.2")
    assert {played.probe("").address for _ in range(2)} == {"203.0.113.1", "203.0.113.2"}
    assert played.board.reach[NAMED].state is GatewayState.UP


def test_a_name_that_fails_keeps_its_addresses_and_says_so():
    played = Played(NAMED)
    played.lookup((frozenset({"203.0.113.1"}), 60))
    played.now = 160.0
    assert played.board.begin_lookup(played.now) == "gw.example"
    turned = played.board.end_lookup("gw.example", "NXDOMAIN", steady=played.now)
    assert [(one.before.unresolved, one.after.unresolved) for one in turned] == [("", "NXDOMAIN")]
    assert played.board.reach[NAMED].addresses == ("203.0.113.1",)
    assert played.board.end_lookup("gw.example", "NXDOMAIN", steady=played.now) == []


def test_the_addresses_of_a_former_run_stand_until_a_lookup_says_otherwise():
    known = {"gw.example": (A,), "other.example": (B,)}
    board = Board(INTERVAL, "east/pod-1", known)
    board.follow({NAMED}, 100.0)
    assert board.reach[NAMED] == Reach((A,), awaited=True)
    assert board.names == {"gw.example": (A,)}
    assert board.begin_lookup(100.0) == "gw.example"
    (turned,) = board.end_lookup("gw.example", "NXDOMAIN", steady=100.0)
    assert turned.after == Reach((A,), unresolved="NXDOMAIN")
    board.end_lookup("gw.example", (frozenset({B}), 60), steady=101.0)
    assert board.reach[NAMED] == Reach((B,))
    assert board.names == {"gw.example": (B,)}


def test_gateways_of_one_name_share_its_lookup():
    played = Played(NAMED, TWINS)
    assert played.board.begin_lookup(played.now) == "gw.example"
    assert played.board.begin_lookup(played.now) is None
    found = frozenset({"203.0.113.1"})
    turned = played.board.end_lookup("gw.example", (found, 60), steady=played.now)
    assert {one.gateway for one in turned} == {NAMED, TWINS}


def test_with_every_failure_another_service_is_tried_and_what_answers_stays():
    played = Played(WEST)
    seen = [played.probe("reset", ("a", "b")).server_name for _ in range(3)]
    assert seen == ["a", "b", "a"]
    stays = {played.probe("", ("a", "b")) for _ in range(3)}
    assert stays == {Target(WEST, "203.0.113.20", "b")}


def test_one_dead_service_of_several_does_not_take_a_gateway_down():
    played = Played(WEST)
    for _ in range(8):
        played.leap(played.board.next_probe)
        spot = played.board.begin_probe(played.now)
        name = played.board.target(spot, ("a", "b")).server_name
        played.board.end_probe(spot, "reset" * (name == "a"), steady=played.now, wall=1)
    assert played.board.reach[WEST].state is GatewayState.UP


A, B, C = (f"203.0.113.{place}" for place in (1, 2, 3))


def test_every_address_of_a_name_has_hysteresis_of_its_own():
    played = Played(NAMED)
    played.lookup((frozenset({A, B}), 3600))
    played.probe_all(times=2)
    up = played.board.reach[NAMED]
    assert (up.state, up.living) == ("up", (A, B))
    played.probe_all(A, times=2)
    assert played.board.reach[NAMED] == up
    played.probe_all(A)
    reach = played.board.reach[NAMED]
    assert (reach.state, reach.since, reach.addresses) == ("up", up.since, (A, B))
    assert (reach.living, reach.down) == ((B,), {A: "refused"})
    played.probe_all()
    assert played.board.reach[NAMED].living == (B,)
    played.probe_all()
    assert played.board.reach[NAMED] == up


def test_a_name_is_down_with_its_last_address_and_leads_to_that_which_answered_last():
    played = Played(NAMED)
    played.lookup((frozenset({A, B}), 3600))
    played.probe_all(times=2)
    played.probe_all(A, times=3)
    assert played.board.reach[NAMED].state is GatewayState.UP
    played.probe_all(A, B, times=3)
    reach = played.board.reach[NAMED]
    assert (reach.state, reach.reason, reach.living) == ("down", "refused", (B,))
    assert reach.down == {A: "refused", B: "refused"}
    assert (reach.doubted, reach.is_usable) == ({B}, True)


def test_an_address_that_comes_to_a_gateway_that_is_dead_is_dead_as_it_is():
    played = Played(NAMED, TWINS)
    played.lookup((frozenset({A}), 60))
    board, spots = played.board, [(NAMED, A), (TWINS, A)]
    for spot, reason in (*[(spots[0], "refused")] * 3, (spots[1], "")):
        board.end_probe(spot, reason, steady=played.now, wall=1)
        played.now += 1
    board._lookups.put("gw.example", played.now)
    played.lookup((frozenset({B}), 60))
    assert not board.reach[NAMED].is_usable


def test_what_is_known_of_an_address_stays_as_long_as_the_name_has_it():
    played = Played(NAMED)
    played.lookup((frozenset({A, B}), 60))
    played.probe_all(A, times=3)
    played.board._lookups.put("gw.example", played.now)
    played.lookup((frozenset({A, C}), 60))
    reach = played.board.reach[NAMED]
    assert (reach.addresses, reach.living, reach.state) == ((A, C), (C,), "unknown")
    assert {played.probe("").address for _ in range(2)} == {A, C}
    played.board._lookups.put("gw.example", played.now)
    played.lookup((frozenset({C}), 60))
    assert played.board.reach[NAMED].down == {}
    assert {played.probe("").address for _ in range(4)} == {C}


def test_an_address_that_comes_to_a_gateway_that_is_down_has_to_show_that_it_is_up():
    played = Played(NAMED)
    played.lookup((frozenset({A}), 60))
    played.probe_all(A, times=3)
    before = played.board.reach[NAMED]
    assert before.state is GatewayState.DOWN
    played.board._lookups.put("gw.example", played.now)
    played.lookup((frozenset({B}), 60))
    reach = played.board.reach[NAMED]
    assert (reach.addresses, reach.state, reach.since) == ((B,), "down", before.since)
    played.probe_all()
    assert played.board.reach[NAMED].state is GatewayState.DOWN
    played.probe_all()
    assert played.board.reach[NAMED].state is GatewayState.UP


def test_a_result_for_an_address_that_is_gone_is_ignored():
    played = Played(NAMED)
    played.lookup((frozenset({A}), 60))
    played.leap(played.board.next_probe)
    spot = played.board.begin_probe(played.now)
    assert spot == (NAMED, A)
    played.board._lookups.put("gw.example", played.now)
    played.lookup((frozenset({B}), 60))
    assert played.board.target(spot, ("a",)) == Target(NAMED, A, "a")
    assert played.board.end_probe(spot, "", steady=played.now, wall=1) == []
    assert played.board.reach[NAMED] == Reach((B,))


def test_a_result_that_says_nothing_changes_nothing():
    played = Played(WEST)
    for _ in range(5):
        played.probe(None)
    assert played.board.reach[WEST].state is GatewayState.UNKNOWN


def test_who_is_not_watched_any_more_is_forgotten_with_what_is_under_way():
    played = Played(WEST, NAMED)
    assert played.board.begin_lookup(played.now) == "gw.example"
    played.now += 2 * INTERVAL
    assert played.board.begin_probe(played.now) == SPOT
    assert played.board.follow(frozenset(), played.now)
    assert played.board.end_probe(SPOT, "", steady=played.now, wall=1) == []
    assert played.board.end_lookup("gw.example", "gone", steady=played.now) == []
    assert played.board.reach == {}
    assert played.board.next_probe is played.board.next_lookup is None


def test_who_comes_back_while_something_is_under_way_is_not_probed_twice_at_once():
    played = Played(WEST, NAMED)
    played.board.begin_lookup(played.now)
    played.now += 2 * INTERVAL
    assert played.board.begin_probe(played.now) == SPOT
    for gateways in (frozenset(), frozenset({WEST, NAMED})):
        played.board.follow(gateways, played.now)
    assert played.board.begin_probe(played.now + 100) is None
    assert played.board.begin_lookup(played.now + 100) is None
    played.board.end_probe(SPOT, "", steady=played.now, wall=1)
    played.board.end_lookup("gw.example", "gone", steady=played.now)
    assert played.board.reach[WEST].state is GatewayState.UP
    assert played.board.begin_probe(played.now + 100) == SPOT
    assert played.board.begin_lookup(played.now + 100) == "gw.example"


def test_what_was_under_way_when_its_doer_ended_is_done_again():
    played = Played(WEST, NAMED)
    assert played.board.begin_lookup(played.now) == "gw.example"
    played.now += 2 * INTERVAL
    assert played.board.begin_probe(played.now) == SPOT
    played.board.begin_anew(played.now)
    assert played.board.begin_lookup(played.now) == "gw.example"
    assert played.board.begin_probe(played.now + 2 * INTERVAL) == SPOT


def test_without_an_interval_nothing_is_probed_or_known_and_names_are_looked_up():
    played = Played(WEST, NAMED)
    played.lookup((frozenset({"203.0.113.1"}), 60))
    for _ in range(6):
        played.probe("refused")
    assert played.board.reach[WEST].state is GatewayState.DOWN
    assert {one.gateway for one in played.board.obey(0.0, played.now)} >= {WEST}
    assert played.board.reach[WEST] == Reach(("203.0.113.20",))
    assert played.board.begin_probe(played.now + 1000) is None
    assert played.board.begin_lookup(played.now + 1000) == "gw.example"
    played.board.obey(60.0, played.now)
    assert played.board.begin_probe(played.now + 120) is not None


def test_nothing_is_different_where_nothing_changed():
    played = Played(WEST)
    reach = played.board.reach
    assert not played.board.follow({WEST}, played.now)
    assert played.board.obey(INTERVAL, played.now) == []
    assert played.board.reach is reach


class Chaos:
    """Whoever begins and ends things, in any order."""

    def __init__(self) -> None:
        self.board = Board(INTERVAL, "east/pod-1")
        self.now = 0.0
        self.probing: list[Spot] = []
        self.looking: list[str] = []

    def follow(self, gateways: frozenset[Gateway]) -> None:
        self.board.follow(gateways, self.now)

    def begin(self, _: None) -> None:
        while (spot := self.board.begin_probe(self.now)) is not None:
            assert spot not in self.probing
            self.probing.append(spot)
        while (name := self.board.begin_lookup(self.now)) is not None:
            assert name not in self.looking
            self.looking.append(name)

    def end_probe(self, reason: str | None) -> None:
        if self.probing:
            self.board.end_probe(self.probing.pop(), reason, steady=self.now, wall=1)

    def end_lookup(self, found: tuple[frozenset[str], int] | str) -> None:
        if self.looking:
            self.board.end_lookup(self.looking.pop(), found, steady=self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def obey(self, interval: float) -> None:
        self.board.obey(interval, self.now)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("follow"), st.frozensets(st.sampled_from((WEST, NAMED, TWINS)))),
        st.tuples(st.just("begin"), st.none()),
        st.tuples(st.just("end_probe"), st.sampled_from(("", "refused", None))),
        st.tuples(
            st.just("end_lookup"),
            st.sampled_from(("NXDOMAIN", (frozenset({A}), 60), (frozenset({B, C}), 60))),
        ),
        st.tuples(st.just("wait"), st.floats(0, 20)),
        st.tuples(st.just("obey"), st.sampled_from((0.0, 1.0, 5.0))),
    ),
    max_size=60,
)


@given(STEPS)
def test_of_a_gateway_and_of_a_name_one_thing_is_under_way_at_most(steps):
    chaos = Chaos()
    for step, value in steps:
        getattr(chaos, step)(value)
    chaos.probing.clear()
    chaos.looking.clear()
    chaos.board.begin_anew(chaos.now)
    chaos.board.obey(1.0, chaos.now)
    chaos.now += 3700
    chaos.begin(None)
    names = {one.address for one in chaos.board.reach if one != WEST}
    assert {*chaos.looking} == names
    reached = {(one, at) for one, reach in chaos.board.reach.items() for at in reach.addresses}
    assert {*chaos.probing} == reached
