"""Who gets the processor first where there is one for all: workers, and then who tells them.

A worker needs it often and for microseconds, the control process seldom and for as long as it has
something to do. Linux gives both their turns by what they had lately, and if a worker's last turn
was a little long, looks again at the next tick of its clock only, milliseconds later. So the
control process weighs less, and a worker asks for short turns: it is let in as soon as it wakes.

Where workers need all of the one core, as in a flood, a thirtieth remains for the control process:
zones stay confirmed, and what changes is read late.

Standards:
    sched_setattr(2), sched(7)   a turn's length is obeyed since Linux 6.12, and ignored before
"""

from __future__ import annotations

import ctypes
import os
import platform
from struct import Struct as Layout

CONTROL_NICE = 15
"""Weighs 36 where 0 weighs 1024 (sched(7))."""
TURN_NANOSECONDS = 100_000
"""The least that Linux knows; its own is about 3 ms."""

_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
"""The number of sched_setattr(2), for which the C library has no function before glibc 2.41."""
_ATTRIBUTES = Layout("=IIQiIQQQ")
"""``struct sched_attr``: size, policy, flags, nice; priority, runtime, deadline, period."""


def step_back() -> None:
    """Let others go first, with all threads and processes that are begun from now on."""
    os.nice(CONTROL_NICE)


def ask_for_short_turns() -> bool:
    """Be let in soon whenever there is something to do; return whether the kernel knows of it.

    Who was given another policy than the usual one keeps it.
    """
    number, policy = _SET_ATTRIBUTES.get(platform.machine()), os.sched_getscheduler(0)
    if number is None or policy != os.SCHED_OTHER:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, nice, 0, TURN_NANOSECONDS, 0, 0)
    failure: int = ctypes.CDLL(None).syscall(number, 0, attributes, 0)
    return not failure
