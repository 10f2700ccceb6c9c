from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.bench import measure

WORK = "import time\nwhile time.process_time() < 0.3: pass"


def test_children_that_have_ended_count_for_their_parent() -> None:
    before = measure.cpu(os.getpid())
    subprocess.run([sys.executable, "-c", WORK], check=True)
    assert measure.cpu(os.getpid()).since(before).total >= 0.2  # it is told in ticks


def test_children_that_run_belong_to_the_tree() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in measure.process_tree(os.getpid())


def test_who_only_waits_is_idle_at_once() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            assert measure.seconds_until_idle(child.pid, ceiling=30.0) < 30.0
        finally:
            child.kill()


def test_a_process_that_has_ended_used_nothing_more() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert measure.cpu_alone(child.pid) == measure.Cpu(0.0, 0.0)


def test_a_host_that_its_server_never_answers_is_given_up_when_that_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    probe = measure.Probe(9)
    with pytest.raises(TimeoutError):
        probe.seconds_until("a.b.global", time.monotonic(), process=child)
    probe.close()
