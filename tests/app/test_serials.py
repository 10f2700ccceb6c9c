from __future__ import annotations

import logging
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.app.serials import BLOCK, FILE, Serials
from globaldns.errors import StateError
from globaldns.state import StateDirectory
from tests.app.meshes import START, block


def test_a_first_start_begins_at_the_time(state: StateDirectory) -> None:
    serials = Serials(state, START)
    assert serials.current == START
    assert [serials.step(), serials.step()] == [START + 1, START + 2]
    assert serials.current == START + 2


def test_a_crash_at_the_end_of_a_block_serves_none_of_it_again(state: StateDirectory) -> None:
    serials = Serials(state, START)
    last = max(serials.step() for _ in range(BLOCK))
    assert Serials(state, START).current == last + 1


RUNS = st.lists(
    st.tuples(st.integers(0, 3 * BLOCK), st.integers(START - 10**6, START + 5 * BLOCK)),
    min_size=2,
    max_size=4,
)


@settings(max_examples=15)
@given(runs=RUNS)
def test_serials_only_go_up_over_crashes_and_whatever_the_clock_says(
    runs: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = StateDirectory(tmp_path_factory.mktemp("state"))
    served: list[int] = []
    for steps, now in runs:
        serials = Serials(state, now)
        served.append(serials.current)
        served += (serials.step() for _ in range(steps))
    assert all(before < after for before, after in pairwise(served))


def test_after_a_lost_state_the_time_is_above_all_that_were_served(state: StateDirectory) -> None:
    serials = Serials(state, START)
    last = max(serials.step() for _ in range(50))
    state.remove(FILE)
    assert Serials(state, START + 3600).current > last


@pytest.mark.parametrize("content", [b"?", b""])
def test_a_damaged_file_is_told_and_the_time_stands_in(
    content: bytes, state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    Serials(state, START)
    state.write(FILE, content)
    assert Serials(state, START + 7).current == START + 7
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_sound_file_that_is_no_serial_is_told_too(
    state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    state.write_checked(FILE, b"\xa1x")
    assert Serials(state, START).current == START
    assert [record.message for record in caplog.records] == ["the last serial is not known"]


def test_what_is_remembered_lasts_while_nothing_can_be_written(
    state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    serials = Serials(state, START)
    unblock = block(state.path)
    served = [serials.step() for _ in range(BLOCK)]
    assert served == [START + step for step in range(1, BLOCK + 1)]
    assert caplog.records == []
    assert serials.step() == serials.step() == served[-1]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    unblock()
    assert serials.step() == served[-1] + 1
    assert Serials(state, START).current > served[-1] + 1


def test_a_start_that_cannot_remember_serves_the_last_that_was(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    last = Serials(state, START).current + BLOCK
    with monkeypatch.context() as full:
        full.setattr(StateDirectory, "write", _refuse)
        serials = Serials(state, START)
        assert serials.current == serials.step() == last
    assert [record.__dict__["fix"] for record in caplog.records] == 2 * ["free some space"]
    assert serials.step() == last + 1


def test_a_start_that_can_neither_read_nor_remember_serves_the_time(state: StateDirectory) -> None:
    block(state.path)
    assert Serials(state, START).current == START


def test_after_the_largest_serial_comes_the_smallest(state: StateDirectory) -> None:
    serials = Serials(state, 2**32 - 2)
    assert [serials.step() for _ in range(3)] == [2**32 - 1, 0, 1]


def test_a_start_beyond_the_largest_serial_serves_one_of_32_bits(state: StateDirectory) -> None:
    assert Serials(state, 2**32 + 5).current == 5


def _refuse(*_: object) -> None:
    raise StateError("no space left on device", hint="free some space")
