"""Whose weight goes to others: of who is dead, and not of all when we are cut off."""

from __future__ import annotations

import msgspec

from globaldns.model.export import Gateway
from globaldns.model.reach import GatewayState, usable
from globaldns.probes.board import Board
from tests.probes.gateways import WEST

NEAR, NEXT, ELSEWHERE = (
    msgspec.structs.replace(WEST, address=f"192.0.2.{last}", network=network)
    for last, network in ((1, "n2"), (2, "n2"), (3, "n3"))
)


class Watched:
    """A board whose probes a test ends in the order that it likes, one a second."""

    def __init__(self, *gateways: Gateway) -> None:
        self.board = Board(5.0, "east/pod-1")
        self.board.follow({*gateways}, 0.0)
        self.now = 0.0

    def end(self, *probes: tuple[Gateway, str]) -> None:
        for gateway, reason in probes:
            self.now += 1.0
            self.board.end_probe((gateway, gateway.address), reason, steady=self.now, wall=1)

    def usable(self) -> set[Gateway]:
        group = [one for one in self.board.reach if one.network == "n2"]
        return {*usable(group, self.board.reach)}


def test_who_is_cut_off_from_a_network_takes_nobodys_weight_while_one_after_the_other_dies():
    watched = Watched(NEAR, NEXT, ELSEWHERE)
    watched.end((NEAR, ""), (NEXT, ""), (ELSEWHERE, ""))
    for _ in range(4):
        watched.end((NEAR, "timeout"))
        assert watched.usable() == {NEAR, NEXT}
        watched.end((ELSEWHERE, ""), (NEXT, "timeout"))
        assert watched.usable() == {NEAR, NEXT}
    assert {watched.board.reach[one].state for one in (NEAR, NEXT)} == {GatewayState.DOWN}


def test_who_is_cut_off_from_the_start_takes_nobodys_weight_either():
    watched = Watched(NEAR, NEXT)
    watched.end((NEAR, "timeout"), (NEAR, "timeout"), (NEAR, "timeout"), (NEXT, "timeout"))
    assert watched.board.reach[NEAR].state is GatewayState.DOWN
    assert watched.usable() == {NEAR, NEXT}


def test_the_dead_have_no_weight_once_something_in_their_network_answers():
    watched = Watched(NEAR, NEXT)
    watched.end((NEAR, ""), (NEXT, ""), *[(NEAR, "timeout")] * 3)
    assert watched.usable() == {NEAR, NEXT}
    watched.end((NEXT, ""))
    assert watched.usable() == {NEXT}
    # That it does not answer later brings back no weight to who was dead before.
    watched.end(*[(NEXT, "timeout")] * 3)
    assert watched.usable() == {NEXT}
    watched.end((NEAR, ""))
    assert watched.usable() == {NEXT}, "one answer is no proof of life"
    watched.end((NEAR, ""))
    assert watched.usable() == {NEAR}


def test_an_answer_while_another_begins_to_fail_is_told_as_a_change_of_that():
    watched = Watched(NEAR, NEXT)
    watched.end(*[(NEAR, "timeout")] * 3)
    (own, other) = watched.board.end_probe((NEXT, NEXT.address), "", steady=9.0, wall=1)
    assert {own.gateway, other.gateway} == {NEAR, NEXT}
    assert watched.usable() == {NEXT}
