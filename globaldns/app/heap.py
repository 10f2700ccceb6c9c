"""How the C library keeps memory that is free: a server that runs for months is to stay small.

By itself glibc gives each thread a heap of its own, and once a large piece was freed it takes such
pieces from the heaps too, where they leave gaps. Here threads seldom allocate at once, and what is
large (a file, an encoded zone) is held for a moment.

Standards:
    mallopt(3)
"""

from __future__ import annotations

import ctypes

CONTROL_OCTETS, WORKER_OCTETS = 128 << 10, 1 << 20
"""Pieces from this size on are the kernel's, and go back to it as soon as they are free; a worker
has one of 256 KiB for everything that it reads from a connection."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def give_back_what_is_free(large_octets: int) -> bool:
    """Have this process and those it forks use one heap; return whether the C library can."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has none
        return False
    wanted = {
        _M_ARENA_MAX: 1,
        _M_MMAP_THRESHOLD: large_octets,
        _M_TRIM_THRESHOLD: large_octets,
    }
    return all(mallopt(option, value) for option, value in wanted.items())
