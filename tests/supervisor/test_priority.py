"""What the kernel is told of a process, seen from outside of it."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from struct import calcsize, unpack

import pytest

from globaldns.supervisor import priority
from tests.supervisor.hosts import CEILING_SECONDS, ROOT

ATTRIBUTES = "=IIQiIQQQ"
GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275}


def output(script: str) -> list[str]:
    """Return the lines that a script writes, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os\nfrom globaldns.supervisor import priority\n{script}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=CEILING_SECONDS,
    )
    return done.stdout.splitlines()


def turn_nanoseconds(pid: int) -> int:
    """Return the length of turns that a process has asked for; 0: none."""
    into = ctypes.create_string_buffer(calcsize(ATTRIBUTES))
    number = GET_ATTRIBUTES[platform.machine()]
    assert ctypes.CDLL(None).syscall(number, pid, into, len(into), 0) == 0
    return int(unpack(ATTRIBUTES, into.raw)[5])


def has_turns() -> bool:
    """Whether the kernel obeys a turn's length, and says so."""
    major, minor = map(int, platform.release().split(".")[:2])
    return platform.machine() in GET_ATTRIBUTES and (major, minor) >= (6, 12)


def test_who_steps_back_and_whom_it_begins_weigh_less() -> None:
    script = """
priority.step_back()
print(os.getpriority(os.PRIO_PROCESS, 0))
if not os.fork():
    print(os.getpriority(os.PRIO_PROCESS, 0), flush=True)
    os._exit(0)
os.wait()
"""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert output(script) == [str(min(19, own + priority.CONTROL_NICE))] * 2


@pytest.mark.skipif(not has_turns(), reason="turns have a length since Linux 6.12, on two machines")
def test_short_turns_are_asked_for_and_the_weight_stays() -> None:
    script = """
os.nice(3)
print(priority.ask_for_short_turns(), os.getpriority(os.PRIO_PROCESS, 0), flush=True)
os.execvp("sleep", ["sleep", "60"])
"""
    with subprocess.Popen(
        [sys.executable, "-c", f"import os\nfrom globaldns.supervisor import priority\n{script}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert asking.stdout.readline() == f"True {min(19, own + 3)}\n"
        assert turn_nanoseconds(asking.pid) == priority.TURN_NANOSECONDS
        asking.kill()


def test_who_was_given_another_policy_keeps_it() -> None:
    script = """
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
print(priority.ask_for_short_turns(), os.sched_getscheduler(0) == os.SCHED_BATCH)
"""
    assert output(script) == ["False True"]


def test_a_machine_whose_call_is_not_known_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not priority.ask_for_short_turns()
