import os
import subprocess
import sys
from pathlib import Path

import pytest

from globaldns.errors import StateError, StateLocked
from globaldns.state import Holder


def test_who_holds_it_is_in_the_file(state):
    state.lock(1767323045)
    assert (state.path / "lock").read_text() == f"{os.getpid()} 1767323045\n"
    assert state.holder() == Holder(os.getpid(), 1767323045)
    state.unlock()
    assert state.holder() is None


def test_a_second_process_is_refused_with_the_pid_of_the_first(state, other_process):
    with pytest.raises(StateLocked) as caught:
        state.lock(0)
    assert str(caught.value) == (
        f"{state.path} is held by process {other_process.pid} (started 2026-01-02T03:04:05Z)"
    )
    assert state.holder() == Holder(other_process.pid, 1767323045)


def test_a_process_that_was_killed_holds_nothing(state, other_process):
    other_process.kill()
    other_process.wait()
    assert state.holder() is None
    state.lock(0)
    state.unlock()


def test_it_can_be_taken_again_after_it_was_given_up(state):
    for started in (1, 22):
        state.lock(started)
        assert state.holder() == Holder(os.getpid(), started)
        state.unlock()


def test_a_reader_is_in_nobodys_way(state):
    state.lock(0)
    state.unlock()
    for _ in range(50):
        assert state.holder() is None
        state.lock(0)
        state.unlock()


def test_a_holder_that_wrote_nothing_is_still_a_holder(state, other_process):
    (state.path / "lock").write_bytes(b"")
    assert str(state.holder()).startswith("process unknown")
    with pytest.raises(StateLocked, match=str(state.path)):
        state.lock(0)
    assert other_process.poll() is None


def test_a_lock_whose_file_was_removed_or_replaced_keeps_nobody_out(state):
    state.lock(0)
    state.check_lock()
    (state.path / "lock").unlink()
    with pytest.raises(StateError, match="removed or replaced") as caught:
        state.check_lock()
    assert "put the state directory back" in caught.value.hint
    (state.path / "lock").touch()
    with pytest.raises(StateError, match="removed or replaced"):
        state.check_lock()
    state.unlock()


HOLD_BY_FORK = """
import os, signal, sys
from pathlib import Path
from globaldns.state import StateDirectory
state = StateDirectory(Path(sys.argv[1]))
state.lock(1767323045)
if not os.fork():
    signal.pause()
    os._exit(0)
state.unlock()
print("given up", flush=True)
sys.stdin.read()
os.killpg(0, signal.SIGKILL)
"""


def test_a_lock_that_was_given_up_is_free_though_a_fork_has_its_descriptor(state):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_BY_FORK, state.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"given up\n"
        assert state.holder() is None
        state.lock(0)
        assert state.holder() == Holder(os.getpid(), 0)
        process.stdin.close()
        process.wait()
        assert state.holder() == Holder(os.getpid(), 0)
        state.unlock()
