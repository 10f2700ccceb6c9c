"""Processes forked to do one thing each, which die with their parent."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from globaldns.tasks import Backoff

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""What the parent has handlers for, and a child has not until it sets its own."""

CONTROL = -1
"""The role of the control process; workers have the numbers of their seats."""
LONG_SECONDS = 1.0
"""Who lived for longer is followed at once."""
RETRY = Backoff(initial=0.2, maximum=10.0)

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


class Child(msgspec.Struct):
    """A process that is to run."""

    role: int
    pid: int = 0
    """0: it does not run."""
    started: float = 0.0
    due: float = 0.0
    """When to start it: monotonic."""
    killed: float = 0.0
    """When it was killed because it hung."""
    failures: int = 0
    """How often in a row it died soon."""

    @property
    def who(self) -> str:
        """What the log calls it."""
        return "control" if self.role == CONTROL else f"worker {self.role}"

    def put_off(self) -> float:
        """Have it started again, at once if it had lived for long; return the delay in seconds."""
        now = time.monotonic()
        self.failures = 0 if now - self.started > LONG_SECONDS else self.failures + 1
        delay = RETRY.delay(self.failures, random.random()) if self.failures else 0.0  # noqa: S311
        self.due = now + delay
        return delay


def fork(name: str, run: Callable[[], int | None]) -> int:
    """Run something in another process; return its id. What it returns is the exit code.

    Its name is what top(1) shows, of 15 characters at most.

    Raises:
        OSError: there is no memory for it, or there are too many processes.
    """
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    parent = os.getpid()
    # A signal for the child waits until it hears its own.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return pid
    code: int | None = 1
    try:
        _become_child(parent, name)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = run()
    except BaseException:
        logger.exception("a process failed")
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code or 0)


def _become_child(parent: int, name: str) -> None:
    """Hear the parent's signals alone, and die with it, however that ends (prctl(2))."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # who knows no better must not die of it
    os.setpgid(0, 0)
    library = ctypes.CDLL(None)
    library.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
    library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def describe_end(code: int) -> str:
    """Return how a process ended: its exit code, or for a negative one the signal."""
    if code >= 0:
        return f"exit code {code}"
    named = -code in signal.Signals.__members__.values()
    return signal.Signals(-code).name if named else f"signal {-code}"


def has_ended(pid: int) -> bool:
    """Whether a child has ended; it is reaped then."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True
