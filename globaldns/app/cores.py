"""How many processes this machine runs at once for us: what ``dns.workers: auto`` means.

A container sees every core of its node; its share of their time stands in its control group::

    v2   cpu.max                                      max 100000   or   150000 100000
    v1   cpu/cpu.cfs_quota_us, cpu/cpu.cfs_period_us  -1, 100000   or   150000, 100000

Standards:
    Linux, Documentation/admin-guide/cgroup-v2.rst   cpu.max: quota and period in microseconds
    Linux, Documentation/scheduler/sched-bwc.rst     the same of version 1; -1: no quota
"""

from __future__ import annotations

import os
from math import ceil, inf
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where a container has its own."""
MOST_CORES = 99
"""As many workers as ``config.values.WORKERS`` lets a person write."""


def usable_cores(folder: Path = CONTROL_GROUP) -> int:
    """Return the cores that this process may use, by its affinity and its quota: from 1 to 99."""
    free = min(MOST_CORES, len(os.sched_getaffinity(0)))
    return ceil(min(free, _second_quota(folder), _first_quota(folder / "cpu")))


def _second_quota(folder: Path) -> float:
    """Return the cores of a quota of version 2."""
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return _cores(quota, period)


def _first_quota(folder: Path) -> float:
    """Return the cores of a quota of version 1."""
    return _cores(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _cores(quota: str, period: str) -> float:
    """Return a quota in cores; without one, or if it cannot be read, it is no bound."""
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return inf
    return cores if cores > 0 else inf
